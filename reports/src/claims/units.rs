//! Tests of where the work ran. A preference is no evidence: dispatched operations are, and control runs.

use dyno_protocol::{ComputeUnit, Known, UnitEvidence};
use dyno_suites::{Claim, Quantity, Selector, Where, Words};

use super::Ground;
use super::matching::{Aim, describe, list_differing};
use super::part::{Part, agree};
use super::value::{line, spread};
use crate::analyse::estimate;
use crate::derive::Group;
use crate::stats::{self, Answer};
use crate::verdict::{EvidenceLine, Verdict};

pub(super) fn share(
    claim: &Claim,
    at: &Where,
    unit: ComputeUnit,
    at_least: f64,
    ground: &Ground<'_>,
) -> Part {
    let aim = Aim::new(claim, at);
    let candidates = aim.candidates(ground);
    let mut part = Part { differs: list_differing(candidates.iter()), ..Part::open() };
    part.stated = format!(" of at least {} % of the operations on {}", 100.0 * at_least, unit.word());
    let mut by_model: Vec<(&str, Vec<Verdict>)> =
        aim.of.models.iter().map(|model| (model.as_str(), Vec::new())).collect();
    for candidate in candidates.iter().filter(|candidate| candidate.differs.is_empty()) {
        let group = candidate.group;
        let verdict = match shares(group, unit) {
            Err(reason) => {
                part.why.push(format!("{}: {reason}", describe(group)));
                Verdict::CannotTell
            }
            Ok((low, high)) => {
                let found = format!(
                    "{:.1} to {:.1} % of the operations on {}",
                    100.0 * low,
                    100.0 * high,
                    unit.word()
                );
                part.why.push(format!("{}: {found}", describe(group)));
                part.finding
                    .get_or_insert_with(|| format!("Dyno found {found} on {}", group.identity.device()));
                part.evidence.push(share_line(group, (low, high)));
                if low >= at_least {
                    Verdict::Holds
                } else if high < at_least {
                    Verdict::Fails
                } else {
                    Verdict::CannotTell
                }
            }
        };
        match by_model.iter_mut().find(|(model, _)| *model == group.cell.model) {
            Some((_, verdicts)) => verdicts.push(verdict),
            None => by_model.push((&group.cell.model, vec![verdict])),
        }
    }
    for (model, _) in by_model.iter().filter(|(_, verdicts)| verdicts.is_empty()) {
        part.why.push(format!(
            "no measurement of {model} under the claim's conditions says where its operations ran"
        ));
    }
    part.verdict = Verdict::all(by_model.iter().map(|(_, verdicts)| agree(verdicts)));
    part
}

/// The least and the most of the operations on this unit, over all passes; a reason where one does not say.
fn shares(group: &Group<'_>, unit: ComputeUnit) -> Result<(f64, f64), String> {
    let mut found: Option<(f64, f64)> = None;
    for attempt in &group.attempts {
        for pass in attempt.attempted.passes() {
            let share = share_of(&pass.evidence, unit)?;
            let (low, high) = found.unwrap_or((share, share));
            found = Some((low.min(share), high.max(share)));
        }
    }
    found.ok_or_else(|| "no pass says where its operations ran".to_owned())
}

fn share_of(evidence: &UnitEvidence, unit: ComputeUnit) -> Result<f64, String> {
    let operations = match &evidence.operations {
        Known::Is(operations) => operations,
        Known::Unknown(gap) => return Err(format!("where the operations ran is not known: {}", gap.unknown)),
    };
    let all: u64 = operations.iter().map(|(_, count)| count).sum();
    let there: u64 = operations.iter().filter(|(found, _)| *found == unit).map(|(_, count)| count).sum();
    if all == 0 { Err("no operation was counted".to_owned()) } else { Ok(there as f64 / all as f64) }
}

fn share_line(group: &Group<'_>, (low, high): (f64, f64)) -> EvidenceLine {
    let passes: usize = group.attempts.iter().map(|attempt| attempt.attempted.passes().count()).sum();
    EvidenceLine {
        kind: group.evidence,
        what: describe(group),
        metric: "operation_share".to_owned(),
        unit: "ratio".to_owned(),
        value: f64::midpoint(low, high),
        low: Some(low),
        high: Some(high),
        samples: passes as u32,
        refers_to: group.attempts.iter().map(|attempt| attempt.attempted.planned.id.0.clone()).collect(),
        flags: group.flags.iter().cloned().collect(),
    }
}

/// A run that fell back silently has the rate of the unit it fell back to: the claimed unit's rate has to be
/// another one than each control's.
pub(super) fn controls(
    claim: &Claim,
    of: &Quantity,
    units: &[ComputeUnit],
    differs_by: f64,
    ground: &Ground<'_>,
) -> Part {
    let Ok(metric) = ground.definitions.metric(&of.metric) else {
        return Part::open().because(format!("no metric is called {}", of.metric));
    };
    let aim = Aim::new(claim, &of.at);
    let candidates = aim.candidates(ground);
    let mut part = Part { differs: list_differing(candidates.iter()), ..Part::open() };
    let mut verdicts = Vec::new();
    let mut found: Vec<&str> = Vec::new();
    for claimed in candidates.iter().filter(|candidate| candidate.differs.is_empty()) {
        let Some(base) = claimed.group.metrics.get(of.metric.as_str()) else { continue };
        found.push(&claimed.group.cell.model);
        part.evidence.push(line(claimed, metric, base, &estimate(base)));
        for unit in units {
            let other = Aim::with(claim, &of.at, &Selector { units: vec![*unit], ..Selector::default() });
            let controls = other.candidates(ground);
            // The same weights on the same device, but for the unit.
            let control = controls.iter().find(|control| {
                control.differs.is_empty()
                    && control.group.cell.model == claimed.group.cell.model
                    && control.group.cell.quant == claimed.group.cell.quant
                    && control.group.cell.axes == claimed.group.cell.axes
                    && control.group.identity.device_id == claimed.group.identity.device_id
            });
            let ratio = control.and_then(|control| control.group.metrics.get(of.metric.as_str()));
            let ratio =
                ratio.and_then(|measured| base.fit.over(&measured.fit).map(|ratio| (ratio, measured)));
            let (Some(control), Some((ratio, measured))) = (control, ratio) else {
                part.why.push(format!(
                    "there is no control run on {} with at least 2 trials for {}",
                    unit.word(),
                    describe(claimed.group)
                ));
                verdicts.push(Verdict::CannotTell);
                continue;
            };
            part.evidence.push(line(control, metric, measured, &estimate(measured)));
            let beyond = base.fit.speaks_beyond_one_trial() && measured.fit.speaks_beyond_one_trial();
            let verdict = match stats::about(&ratio, 1.0 - differs_by, 1.0 + differs_by) {
                _ if !beyond => Verdict::CannotTell,
                Answer::Yes => Verdict::Fails,
                Answer::No => Verdict::Holds,
                Answer::Open => Verdict::CannotTell,
            };
            let rate = spread(metric, &estimate(measured));
            part.why.push(format!(
                "on {} it is {rate}: {:.2} times as fast on the claimed unit ({})",
                unit.word(),
                ratio.value(),
                ratio.method()
            ));
            part.finding.get_or_insert_with(|| {
                format!(
                    "Dyno measured {} on the claimed unit and {rate} on {}",
                    spread(metric, &estimate(base)),
                    unit.word()
                )
            });
            verdicts.push(verdict);
        }
    }
    for model in aim.of.models.iter().filter(|model| !found.contains(&model.as_str())) {
        part.why.push(format!(
            "no measurement of {model} under the claim's conditions can be held against control runs"
        ));
        verdicts.push(Verdict::CannotTell);
    }
    part.verdict = Verdict::all(verdicts);
    part
}
