//! Tests of a stated value: about it, at least it, at most it.

use std::collections::BTreeMap;

use dyno_suites::{Claim, Metric, Quantity, Unit, Words};

use super::Ground;
use super::matching::{Aim, Candidate, describe, list_differing};
use super::part::{Part, agree};
use super::{shares, third_party};
use crate::analyse::estimate;
use crate::analysis::Estimate;
use crate::derive::Measured;
use crate::evidence::Evidence;
use crate::readable;
use crate::stats::{self, Answer, Fit};
use crate::verdict::{EvidenceLine, Leaning, Verdict};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Bound {
    About { value: f64, tolerance: f64 },
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    fn of_fit(self, fit: &Fit) -> Answer {
        match self {
            Self::About { value, tolerance } => {
                stats::about(fit, value * (1.0 - tolerance), value * (1.0 + tolerance))
            }
            Self::AtLeast(value) => stats::at_least(fit, value),
            Self::AtMost(value) => stats::at_most(fit, value),
        }
    }

    /// The values that it allows.
    pub(super) fn limits(self) -> (f64, f64) {
        match self {
            Self::About { value, tolerance } => (value * (1.0 - tolerance), value * (1.0 + tolerance)),
            Self::AtLeast(value) => (value, f64::INFINITY),
            Self::AtMost(value) => (f64::NEG_INFINITY, value),
        }
    }

    /// Where single values lie, without saying how sure that is.
    pub(super) fn of_values(self, values: &[f64]) -> Leaning {
        let (low, high) = self.limits();
        if values.iter().all(|value| (low..=high).contains(value)) {
            Leaning::Indicated
        } else if values.iter().all(|value| *value < low) || values.iter().all(|value| *value > high) {
            Leaning::Contradicted
        } else {
            Leaning::Unclear
        }
    }

    fn stated(self, metric: &Metric) -> String {
        match self {
            Self::About { value, .. } => format!(" of {}", stated_figure(metric, value)),
            Self::AtLeast(value) => format!(" of at least {}", stated_figure(metric, value)),
            Self::AtMost(value) => format!(" of at most {}", stated_figure(metric, value)),
        }
    }

    fn asked(self, metric: &Metric) -> String {
        match self {
            Self::About { value, tolerance } => format!(
                "{} within {} % of {}",
                metric.title,
                readable::number(100.0 * tolerance, 0),
                stated_figure(metric, value)
            ),
            Self::AtLeast(value) => format!("{} of at least {}", metric.title, stated_figure(metric, value)),
            Self::AtMost(value) => format!("{} of at most {}", metric.title, stated_figure(metric, value)),
        }
    }
}

/// A value with its unit as people read it.
pub(super) fn figure(metric: &Metric, value: f64) -> String {
    match metric.unit {
        Unit::Bytes => readable::bytes(value.max(0.0) as u64),
        unit => format!("{} {}", readable::number(value, metric.digits as usize), unit.word()),
    }
}

/// A stated value keeps the digits it was stated with.
fn stated_figure(metric: &Metric, value: f64) -> String {
    match metric.unit {
        Unit::Bytes => readable::bytes(value as u64),
        unit => format!("{value} {}", unit.word()),
    }
}

pub(super) fn range(metric: &Metric, low: f64, high: f64) -> String {
    match metric.unit {
        Unit::Bytes => {
            format!("{} to {}", readable::bytes(low.max(0.0) as u64), readable::bytes(high.max(0.0) as u64))
        }
        unit => format!("{} {}", readable::interval((low, high), metric.digits as usize), unit.word()),
    }
}

pub(super) fn judge(claim: &Claim, of: &Quantity, bound: &Bound, ground: &Ground<'_>) -> Part {
    let Ok(metric) = ground.definitions.metric(&of.metric) else {
        return Part::open().because(format!("no metric is called {}", of.metric));
    };
    let aim = Aim::new(claim, &of.at);
    let candidates: Vec<Candidate<'_>> = aim
        .candidates(ground)
        .into_iter()
        .filter(|candidate| candidate.group.metrics.contains_key(of.metric.as_str()))
        .collect();
    let mut part = Part { stated: bound.stated(metric), ..Part::open() };
    part.differs = list_differing(candidates.iter());
    decide(&mut part, &aim, metric, *bound, &candidates);
    point(&mut part, claim, metric, *bound, &candidates);
    third_party::lean(&mut part, &aim, metric, *bound, ground);
    part
}

/// A model, a case, the values of its axes.
type Place<'a> = (&'a str, &'a str, &'a BTreeMap<String, String>);

/// Measurements that match: every model and every place along open axes has to hold.
fn decide(part: &mut Part, aim: &Aim<'_>, metric: &Metric, bound: Bound, candidates: &[Candidate<'_>]) {
    let mut places: BTreeMap<Place<'_>, Vec<Verdict>> = BTreeMap::new();
    let mut found: Vec<&str> = Vec::new();
    for candidate in candidates.iter().filter(|candidate| candidate.differs.is_empty()) {
        let group = candidate.group;
        let measured = &group.metrics[metric.id.as_str()];
        let mut estimate = estimate(measured);
        let of_items = shares::of_group(group, &metric.id);
        if let Some(items) = &of_items {
            estimate.interval = items.interval(0.95);
        }
        let (verdict, why) = match &of_items {
            Some(items) => items.judge(bound, &spread(metric, &estimate), &bound.asked(metric)),
            None => of_group(bound, metric, measured, &estimate),
        };
        part.why.push(format!("{}: {why}", describe(group)));
        part.evidence.push(line(candidate, metric, measured, &estimate));
        let better_finding =
            part.finding.is_none() || (verdict == Verdict::Fails && part.verdict != Verdict::Fails);
        if better_finding {
            part.finding = Some(finding("Dyno measured", metric, &estimate, group.identity.device()));
        }
        if verdict == Verdict::Fails {
            part.verdict = Verdict::Fails;
        }
        places.entry((&group.cell.model, &group.cell.case, &group.cell.axes)).or_default().push(verdict);
        found.push(&group.cell.model);
    }
    for ((model, ..), verdicts) in &places {
        if verdicts.contains(&Verdict::Holds) && verdicts.contains(&Verdict::Fails) {
            part.why.push(format!("measurements of {model} that all match disagree with each other"));
        }
    }
    let mut verdicts: Vec<Verdict> = places.values().map(|verdicts| agree(verdicts)).collect();
    for model in aim.of.models.iter().filter(|model| !found.contains(&model.as_str())) {
        part.why.push(format!(
            "no measurement of {model} matches the claim's conditions: {}",
            bound.asked(metric)
        ));
        verdicts.push(Verdict::CannotTell);
    }
    if verdicts.is_empty() {
        part.why.push(format!("no measurement matches the claim's conditions: {}", bound.asked(metric)));
    }
    part.verdict = Verdict::all(verdicts);
}

fn of_group(bound: Bound, metric: &Metric, measured: &Measured, estimate: &Estimate) -> (Verdict, String) {
    let fit = &measured.fit;
    let shown = spread(metric, estimate);
    if !fit.speaks_beyond_one_trial() {
        let why = format!(
            "{shown} over {} passes of one trial; at least 2 trials are needed to decide",
            fit.passes
        );
        return (Verdict::CannotTell, why);
    }
    let asked = bound.asked(metric);
    let by = fit.method();
    match bound.of_fit(fit) {
        Answer::Yes => (Verdict::Holds, format!("{shown} shows {asked} ({by})")),
        Answer::No => (Verdict::Fails, format!("{shown} rules out {asked} ({by})")),
        Answer::Open => (
            Verdict::CannotTell,
            format!("{shown} allows {asked} and its opposite ({by}); more trials narrow it"),
        ),
    }
}

pub(super) fn spread(metric: &Metric, estimate: &Estimate) -> String {
    match estimate.interval {
        Some((low, high)) => {
            format!("{} (95 % interval {})", figure(metric, estimate.value), range(metric, low, high))
        }
        None => figure(metric, estimate.value),
    }
}

fn finding(who: &str, metric: &Metric, estimate: &Estimate, device: &str) -> String {
    format!("{who} {} on {device}", spread(metric, estimate))
}

pub(super) fn line(
    candidate: &Candidate<'_>,
    metric: &Metric,
    measured: &Measured,
    estimate: &Estimate,
) -> EvidenceLine {
    let group = candidate.group;
    let mut refers_to: Vec<String> = measured.samples.iter().map(|sample| sample.trial.0.clone()).collect();
    refers_to.dedup();
    EvidenceLine {
        kind: group.evidence,
        what: describe(group),
        metric: metric.id.clone(),
        unit: metric.unit.word().to_owned(),
        value: estimate.value,
        low: estimate.interval.map(|interval| interval.0),
        high: estimate.interval.map(|interval| interval.1),
        samples: estimate.passes,
        refers_to,
        flags: group.flags.iter().cloned().chain(candidate.differs.iter().cloned()).collect(),
    }
}

/// Made weights on the right device point without deciding.
fn point(part: &mut Part, claim: &Claim, metric: &Metric, bound: Bound, candidates: &[Candidate<'_>]) {
    if !claim.indicated_by.contains(&dyno_suites::EvidenceKind::SyntheticWeights) {
        return;
    }
    for candidate in candidates {
        // That the weights are made is the one thing that differs.
        if candidate.group.evidence != Evidence::SyntheticWeights || candidate.differs.len() != 1 {
            continue;
        }
        let measured = &candidate.group.metrics[metric.id.as_str()];
        let estimate = estimate(measured);
        let leaning = match bound.of_fit(&measured.fit) {
            _ if !measured.fit.speaks_beyond_one_trial() => Leaning::Unclear,
            Answer::Yes => Leaning::Indicated,
            Answer::No => Leaning::Contradicted,
            Answer::Open => Leaning::Unclear,
        };
        part.evidence.push(line(candidate, metric, measured, &estimate));
        part.lean(leaning, || {
            finding(
                "With weights made from a seed Dyno measured",
                metric,
                &estimate,
                candidate.group.identity.device(),
            )
        });
    }
}
