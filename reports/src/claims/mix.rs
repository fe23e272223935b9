//! The best mix of two things: no other unit may be better at both. One that is better at one of them only is
//! another mix and no refutation.

use dyno_protocol::ComputeUnit;
use dyno_suites::{Claim, Direction, Metric, Quantity, Selector, Words};

use super::Ground;
use super::matching::{Aim, Candidate, describe, list_differing};
use super::part::Part;
use super::value::{line, spread};
use crate::analyse::estimate;
use crate::stats::{self, Answer, Fit};
use crate::verdict::Verdict;

/// Whether the claimed unit is better at something, by an interval that shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Against {
    Better,
    Worse,
    Open,
}

pub(super) fn unbeaten(
    claim: &Claim,
    gain: &Quantity,
    cost: &Quantity,
    units: &[ComputeUnit],
    ground: &Ground<'_>,
) -> Part {
    let mut part = Part::open();
    let metrics: Vec<&Metric> =
        [gain, cost].iter().filter_map(|of| ground.definitions.metric(&of.metric).ok()).collect();
    let [gained, paid] = metrics.as_slice() else { return part.because("one of its metrics is not known") };
    let aim = Aim::new(claim, &cost.at);
    let candidates = aim.candidates(ground);
    part.differs = list_differing(candidates.iter());
    let mut verdicts = Vec::new();
    for claimed in candidates.iter().filter(|candidate| decides(candidate, paid)) {
        for unit in units {
            let by_cost = against(claim, cost, paid, claimed, *unit, ground, &mut part);
            let of_gain = Aim::new(claim, &gain.at);
            let at_speed = of_gain.candidates(ground);
            let fast = at_speed.iter().find(|other| decides(other, gained) && is_same_setup(other, claimed));
            let by_gain = fast.and_then(|fast| against(claim, gain, gained, fast, *unit, ground, &mut part));
            verdicts.push(match (by_gain, by_cost) {
                (Some(Against::Worse), Some(Against::Worse)) => Verdict::Fails,
                (Some(Against::Better), Some(_)) | (Some(_), Some(Against::Better)) => Verdict::Holds,
                (Some(_), Some(_)) => Verdict::CannotTell,
                _ => {
                    part.why.push(format!(
                        "there are no runs on {} with at least 2 trials for {}",
                        unit.word(),
                        describe(claimed.group)
                    ));
                    Verdict::CannotTell
                }
            });
        }
    }
    for model in &aim.of.models {
        if !candidates
            .iter()
            .any(|candidate| decides(candidate, paid) && candidate.group.cell.model == *model)
        {
            part.why.push(format!("no measurement of {model} matches the claim's conditions"));
            verdicts.push(Verdict::CannotTell);
        }
    }
    part.verdict = Verdict::all(verdicts);
    part
}

fn decides(candidate: &Candidate<'_>, metric: &Metric) -> bool {
    candidate.differs.is_empty() && candidate.group.metrics.contains_key(metric.id.as_str())
}

/// The same weights on the same device; the instrument is of no matter to a rate.
fn is_same_setup(one: &Candidate<'_>, other: &Candidate<'_>) -> bool {
    let (one, other) = (one.group, other.group);
    one.cell.model == other.cell.model
        && one.cell.quant == other.cell.quant
        && one.identity.device_id == other.identity.device_id
}

fn against(
    claim: &Claim,
    of: &Quantity,
    metric: &Metric,
    claimed: &Candidate<'_>,
    unit: ComputeUnit,
    ground: &Ground<'_>,
    part: &mut Part,
) -> Option<Against> {
    let other = Aim::with(claim, &of.at, &Selector { units: vec![unit], ..Selector::default() });
    let controls = other.candidates(ground);
    // Of the same instrument too, which is one of the axes.
    let control = controls.iter().find(|control| {
        decides(control, metric)
            && is_same_setup(control, claimed)
            && control.group.cell.axes == claimed.group.cell.axes
    })?;
    let (mine, theirs) =
        (claimed.group.metrics.get(metric.id.as_str())?, control.group.metrics.get(metric.id.as_str())?);
    if !(mine.fit.speaks_beyond_one_trial() && theirs.fit.speaks_beyond_one_trial()) {
        return None;
    }
    let ratio = mine.fit.over(&theirs.fit)?;
    let (mine, theirs) = ((mine, estimate(mine)), (theirs, estimate(theirs)));
    part.why.push(format!(
        "{}: {} on the claimed unit, {} on {} ({})",
        metric.title,
        spread(metric, &mine.1),
        spread(metric, &theirs.1),
        unit.word(),
        ratio.method()
    ));
    part.finding.get_or_insert_with(|| {
        format!(
            "Dyno measured {} on the claimed unit and {} on {}",
            spread(metric, &mine.1),
            spread(metric, &theirs.1),
            unit.word()
        )
    });
    part.evidence.push(line(claimed, metric, mine.0, &mine.1));
    part.evidence.push(line(control, metric, theirs.0, &theirs.1));
    Some(judged(&ratio, metric.direction))
}

fn judged(ratio: &Fit, direction: Direction) -> Against {
    match (stats::at_least(ratio, 1.0), direction) {
        (Answer::Yes, Direction::LowerIsBetter) | (Answer::No, Direction::HigherIsBetter) => Against::Worse,
        (Answer::No, Direction::LowerIsBetter) | (Answer::Yes, Direction::HigherIsBetter) => Against::Better,
        _ => Against::Open,
    }
}
