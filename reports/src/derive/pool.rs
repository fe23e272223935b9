//! Values of all valid attempts, put together where they are of one cell and one identity and nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use dyno_suites::{Definitions, Weights};

use super::answers::{self, Answered};
use super::attempt::Attempted;
use super::circumstances;
use super::identity::Identity;
use super::metrics::{METRICS, Scene, derive};
use super::validity::{self, Fault};
use crate::analysis::Sample;
use crate::bundle::Outcome;
use crate::cell::Cell;
use crate::evidence::Evidence;
use crate::stats::{Fit, Placed, median};

/// An attempt with what was found out about it.
#[derive(Debug)]
pub(crate) struct Judged<'a> {
    pub(crate) attempted: Attempted<'a>,
    pub(crate) faults: Vec<Fault>,
    /// As recorded, or stricter.
    pub(crate) outcome: Option<Outcome>,
    pub(crate) flags: Vec<String>,
    pub(crate) identity: Option<Identity>,
    pub(crate) evidence: Option<Evidence>,
    /// By metric, the values of its passes.
    pub(crate) values: Vec<(&'a str, Vec<(u32, f64)>)>,
    /// The items of a quality trial, as the definitions judge them.
    pub(crate) answers: Vec<Answered<'a>>,
}

impl Judged<'_> {
    pub(crate) fn is_valid(&self) -> bool {
        self.outcome == Some(Outcome::Done)
    }

    pub(crate) fn cell(&self) -> &Cell {
        &self.attempted.planned.cell
    }

    /// One value for each metric: the median of its passes.
    pub(crate) fn medians(&self) -> Vec<(String, f64)> {
        let of_metric = |(metric, values): &(&str, Vec<(u32, f64)>)| {
            let values: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
            median(&values).map(|value| ((*metric).to_owned(), value))
        };
        self.values.iter().filter_map(of_metric).collect()
    }
}

/// Everything that can be said about one attempt without looking at others.
pub(crate) fn judge<'a>(
    attempted: Attempted<'a>,
    definitions: &'a Definitions,
    bandwidth: Option<f64>,
) -> Judged<'a> {
    let cell = &attempted.planned.cell;
    let case = definitions.case(&format!("{}/{}", cell.suite, cell.case)).ok().map(|(_, case)| case);
    let mut faults = validity::faults(attempted.bodies(), attempted.prompt, attempted.expected_ids);
    if let Some(planned) = case.and_then(|case| planned_tokens(case, cell)) {
        faults.extend(validity::too_short(&attempted, planned));
    }
    if attempted.has_gap {
        faults.push(Fault::Unsound("events of this attempt are missing".to_owned()));
    }
    let mut flags = circumstances::flags(&attempted);
    if validity::passes_differ(&attempted) {
        flags.push("nondeterministic: greedy passes over one prompt gave different ids".to_owned());
    }
    for body in attempted.bodies() {
        if let dyno_protocol::RecordBody::Noticed { what } = body {
            flags.push(what.clone());
        }
    }
    let outcome = match attempted.outcome {
        Some(Outcome::Done) if !faults.is_empty() => {
            Some(Outcome::Invalid { reasons: faults.iter().map(|fault| fault.what().to_owned()).collect() })
        }
        other => other.cloned(),
    };
    let mut values = Vec::new();
    let (answers, unjudged) = answers::judge(&attempted.answers, definitions);
    flags.extend(unjudged.iter().map(|task| {
        format!("answers to {task} stay as they were judged: these definitions have another version")
    }));
    let scene = Scene { attempt: &attempted, answers: &answers, bandwidth };
    let listed: Vec<&'a str> = match case {
        Some(case) => case.metrics.iter().map(String::as_str).collect(),
        None => METRICS.iter().map(|(id, _)| *id).collect(),
    };
    for metric in listed {
        let Some(found) = derive(metric, &scene) else {
            flags.push(format!("{metric}: this version of Dyno does not know how to derive it"));
            continue;
        };
        let kept: Vec<(u32, f64)> =
            found.iter().filter_map(|found| Some((found.pass, *found.value.as_ref().ok()?))).collect();
        let reason = found.iter().find_map(|found| found.value.as_ref().err());
        if let (true, true, Some(reason), Some(_)) = (kept.is_empty(), case.is_some(), reason, &outcome) {
            flags.push(format!("{metric}: {reason}"));
        }
        if !kept.is_empty() {
            values.push((metric, kept));
        }
    }
    flags.dedup();
    let identity = Identity::of(&attempted);
    let evidence = attempted.session.map(|session| evidence(session.start.evidence, cell, definitions));
    Judged { attempted, faults, outcome, flags, identity, evidence, values, answers }
}

/// How many tokens every pass has, where the case fixes it.
fn planned_tokens(case: &dyno_suites::Case, cell: &Cell) -> Option<u32> {
    let depths: Vec<u32> = cell.axes.get("depth").and_then(|depth| depth.parse().ok()).into_iter().collect();
    let variants = case.variants((!depths.is_empty()).then_some(depths.as_slice()));
    let variant = variants.into_iter().find(|variant| variant.axes == cell.axes)?;
    let fixed = match &variant.work {
        dyno_suites::Work::Generate { stop, .. } | dyno_suites::Work::Sustain { stop, .. } => stop.ignore_end,
        dyno_suites::Work::Load | dyno_suites::Work::Bandwidth { .. } | dyno_suites::Work::Items { .. } => {
            false
        }
    };
    fixed.then(|| variant.work.tokens().1)
}

/// A device gives evidence of its kind at best: made weights know nothing, and a script is no engine.
fn evidence(best: Evidence, cell: &Cell, definitions: &Definitions) -> Evidence {
    let made =
        definitions.model(&cell.model).is_ok_and(|model| matches!(model.weights, Weights::Synthetic { .. }));
    match best {
        _ if cell.engine == "scripted" => Evidence::Simulated,
        Evidence::Measured if made => Evidence::SyntheticWeights,
        other => other,
    }
}

/// Attempts of one cell under one identity.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    pub(crate) cell: &'a Cell,
    pub(crate) evidence: Evidence,
    pub(crate) identity: Identity,
    /// The valid ones.
    pub(crate) attempts: Vec<&'a Judged<'a>>,
    pub(crate) metrics: BTreeMap<&'a str, Measured>,
    /// Why there is more than one group of this cell.
    pub(crate) apart: Vec<String>,
    /// Circumstances that any of its attempts had.
    pub(crate) flags: BTreeSet<String>,
}

#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) fit: Fit,
    pub(crate) samples: Vec<Sample>,
}

/// Groups of the valid attempts, in the order of their cells. Of several valid attempts at a trial the last counts.
pub(crate) fn pool<'a>(judged: &'a [Judged<'a>]) -> Vec<Group<'a>> {
    let mut last: BTreeMap<(&str, &str), &Judged<'_>> = BTreeMap::new();
    for one in judged.iter().filter(|one| one.is_valid()) {
        last.insert((one.attempted.run_id, &one.attempted.planned.id.0), one);
    }
    let mut groups: BTreeMap<(&Cell, Evidence, &Identity), Vec<&'a Judged<'a>>> = BTreeMap::new();
    for one in last.into_values() {
        if let (Some(identity), Some(evidence)) = (&one.identity, one.evidence) {
            groups.entry((one.cell(), evidence, identity)).or_default().push(one);
        }
    }
    let keys: Vec<(&Cell, Evidence, &Identity)> = groups.keys().copied().collect();
    let mut pooled = Vec::with_capacity(groups.len());
    for (index, ((cell, evidence, identity), attempts)) in groups.into_iter().enumerate() {
        // Keys are sorted by cell, so those of one cell stand together.
        let before = keys[..index].iter().rev().take_while(|key| key.0 == cell);
        let after = keys[index + 1..].iter().take_while(|key| key.0 == cell);
        let differing: BTreeSet<&str> = before
            .chain(after)
            .filter(|key| key.1 == evidence)
            .flat_map(|(_, _, other)| identity.differs_from(other))
            .collect();
        let apart = differing
            .into_iter()
            .map(|what| format!("not put together with other numbers of this cell: another {what}"));
        let apart = apart.collect();
        let metrics = measure(&attempts);
        let flags = attempts.iter().flat_map(|one| circumstances::flags(&one.attempted)).collect();
        pooled.push(Group { cell, evidence, identity: identity.clone(), attempts, metrics, apart, flags });
    }
    pooled
}

fn measure<'a>(attempts: &[&'a Judged<'a>]) -> BTreeMap<&'a str, Measured> {
    let mut sessions: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let mut by_metric: BTreeMap<&str, (Vec<Placed>, Vec<Sample>)> = BTreeMap::new();
    for (trial, one) in attempts.iter().enumerate() {
        let Some(session) = one.attempted.session.map(|session| &session.start.session) else { continue };
        let next = sessions.len() as u32;
        let place = *sessions.entry((one.attempted.run_id, &session.0)).or_insert(next);
        for (metric, values) in &one.values {
            let (placed, samples) = by_metric.entry(metric).or_default();
            for (pass, value) in values {
                placed.push(Placed { session: place, trial: trial as u32, value: *value });
                samples.push(Sample {
                    run_id: one.attempted.run_id.to_owned(),
                    session: session.clone(),
                    trial: one.attempted.planned.id.clone(),
                    attempt: one.attempted.attempt,
                    pass: *pass,
                    value: *value,
                });
            }
        }
    }
    by_metric
        .into_iter()
        .filter_map(|(metric, (placed, samples))| {
            Some((metric, Measured { fit: Fit::of(&placed)?, samples }))
        })
        .collect()
}
