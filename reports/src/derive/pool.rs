//! Values of all valid attempts, put together where they are of one cell and one identity and nowhere else.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use dyno_suites::{Definitions, Weights, Words};

use super::answers::{self, Answered};
use super::attempt::Attempted;
use super::circumstances;
use super::identity::Identity;
use super::instruments::Instrument;
use super::metrics::{Found, METRICS, Scene, derive};
use super::replay::Replay;
use super::validity::{self, Fault};
use crate::analysis::Sample;
use crate::bundle::{Metered, Outcome, SessionId};
use crate::cell::{Cell, PlannedTrial};
use crate::evidence::Evidence;
use crate::stats::{Fit, Placed, median};

/// An attempt with what was found out about it.
#[derive(Debug)]
pub(crate) struct Judged<'a> {
    pub(crate) attempted: Attempted<'a>,
    pub(crate) faults: Vec<Fault>,
    /// As recorded, or stricter.
    pub(crate) outcome: Option<Outcome>,
    /// In the words of the suites.
    pub(crate) circumstances: Vec<String>,
    /// Those and everything else that a reader of this attempt should know.
    pub(crate) flags: Vec<String>,
    pub(crate) identity: Option<Identity>,
    pub(crate) evidence: Option<Evidence>,
    pub(crate) values: Vec<Values<'a>>,
    /// The items of a quality trial, as the definitions judge them.
    pub(crate) answers: Vec<Answered<'a>>,
}

/// What an attempt says about one metric, by one instrument where instruments tell it.
#[derive(Debug)]
pub(crate) struct Values<'a> {
    pub(crate) metric: &'a str,
    pub(crate) instrument: Option<Instrument>,
    pub(crate) figures: Vec<PassFigure>,
}

/// The value of one pass, or of the whole trial with what it says about itself.
#[derive(Debug, Clone)]
pub(crate) struct PassFigure {
    pub(crate) pass: u32,
    pub(crate) value: f64,
    pub(crate) interval: Option<Result<(f64, f64), String>>,
}

impl Judged<'_> {
    pub(crate) fn is_valid(&self) -> bool {
        self.outcome == Some(Outcome::Done)
    }

    pub(crate) fn cell(&self) -> &Cell {
        &self.attempted.planned.cell
    }

    /// One value for each metric: the median of its passes. What an instrument saw stands in the summaries,
    /// where the instrument stands beside it.
    pub(crate) fn medians(&self) -> Vec<(String, f64)> {
        let of_metric = |values: &Values<'_>| {
            let figures: Vec<f64> = values.figures.iter().map(|figure| figure.value).collect();
            median(&figures).map(|value| (values.metric.to_owned(), value))
        };
        let by_clock = self.values.iter().filter(|values| values.instrument.is_none());
        by_clock.filter_map(of_metric).collect()
    }
}

/// Every planned trial of a run with its judged attempts; a trial that was never begun comes with none.
pub(crate) fn judge_run<'a>(
    replay: &'a Replay<'a>,
    definitions: &'a Definitions,
    meters: &[&Metered],
) -> Vec<(&'a PlannedTrial, Vec<Judged<'a>>)> {
    let trials = replay.attempts();
    let bandwidths = bandwidths(trials.iter().flat_map(|(_, attempts)| attempts));
    let judged = |attempted: Attempted<'a>| {
        let session = attempted.session.map(|session| &session.start.session);
        let bandwidth = session.and_then(|session| bandwidths.get(session)).copied();
        judge(attempted, definitions, bandwidth, meters)
    };
    let of_trial = |(planned, attempts): (&'a PlannedTrial, Vec<Attempted<'a>>)| {
        (planned, attempts.into_iter().map(judged).collect())
    };
    trials.into_iter().map(of_trial).collect()
}

/// The median of what was measured in each session: the ceiling of its decode rates.
fn bandwidths<'a>(attempts: impl Iterator<Item = &'a Attempted<'a>>) -> BTreeMap<SessionId, f64> {
    let mut found: BTreeMap<SessionId, Vec<f64>> = BTreeMap::new();
    for attempt in attempts {
        let Some(session) = attempt.session else { continue };
        let rates = attempt.bandwidths().filter(|pass| pass.end_ns > pass.begin_ns);
        let rates = rates.map(|pass| pass.read_bytes as f64 * 1e9 / (pass.end_ns - pass.begin_ns) as f64);
        found.entry(session.start.session.clone()).or_default().extend(rates);
    }
    found.into_iter().filter_map(|(session, rates)| Some((session, median(&rates)?))).collect()
}

/// Everything that can be said about one attempt without looking at others.
pub(crate) fn judge<'a>(
    attempted: Attempted<'a>,
    definitions: &'a Definitions,
    bandwidth: Option<f64>,
    meters: &[&Metered],
) -> Judged<'a> {
    let cell = &attempted.planned.cell;
    let case = definitions.case(&format!("{}/{}", cell.suite, cell.case)).ok().map(|(_, case)| case);
    let mut faults = validity::faults(attempted.bodies(), attempted.prompt, attempted.expected_ids);
    if let Some(planned) = case.and_then(|case| planned_tokens(case, cell)) {
        faults.extend(validity::too_short(&attempted, planned));
    }
    let suite = definitions.suite(&cell.suite).ok();
    if let Some(gate) = suite.and_then(|suite| suite.gate) {
        faults.extend(validity::hot_start(&attempted, gate.within));
    }
    if attempted.has_gap {
        faults.push(Fault::Unsound("events of this attempt are missing".to_owned()));
    }
    let circumstances = circumstances::flags(&attempted, case);
    let mut flags = circumstances.clone();
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
    let scene = Scene { attempt: &attempted, answers: &answers, bandwidth, meters };
    let listed: Vec<&'a str> = match case {
        Some(case) => case.metrics.iter().map(String::as_str).collect(),
        None => METRICS.iter().map(|(id, _)| *id).collect(),
    };
    for metric in listed {
        let Some(found) = derive(metric, &scene) else {
            flags.push(format!("{metric}: this version of Dyno does not know how to derive it"));
            continue;
        };
        let any = found.iter().any(|found| found.value.is_ok());
        for found in &found {
            if let (Err(reason), true, Some(_)) = (&found.value, case.is_some(), &outcome)
                && (found.instrument.is_some() || !any)
            {
                let by = found.instrument.map_or_else(String::new, |by| format!(" by {}", by.word()));
                flags.push(format!("{metric}{by}: {reason}"));
            }
        }
        values.extend(by_instrument(metric, found));
    }
    flags.dedup();
    let identity = Identity::of(&attempted);
    let evidence = attempted.session.map(|session| evidence(session.start.evidence, cell, definitions));
    Judged { attempted, faults, outcome, circumstances, flags, identity, evidence, values, answers }
}

fn by_instrument(metric: &str, found: Vec<Found>) -> Vec<Values<'_>> {
    let mut values: Vec<Values<'_>> = Vec::new();
    for Found { pass, value, interval, instrument } in found {
        let Ok(value) = value else { continue };
        let figure = PassFigure { pass, value, interval };
        match values.iter_mut().find(|values| values.instrument == instrument) {
            Some(values) => values.figures.push(figure),
            None => values.push(Values { metric, instrument, figures: vec![figure] }),
        }
    }
    values
}

/// How many tokens every pass has, where the case fixes it.
fn planned_tokens(case: &dyno_suites::Case, cell: &Cell) -> Option<u32> {
    let variant = case.variant(&cell.axes)?;
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
    /// With the instrument as one axis more, where one saw the numbers.
    pub(crate) cell: Cow<'a, Cell>,
    pub(crate) evidence: Evidence,
    pub(crate) identity: Identity,
    /// The valid ones.
    pub(crate) attempts: Vec<&'a Judged<'a>>,
    pub(crate) metrics: BTreeMap<&'a str, Measured>,
    /// Why there is more than one group of this cell.
    pub(crate) apart: Vec<String>,
    /// Circumstances that any of its attempts had, in the words of the suites.
    pub(crate) flags: BTreeSet<String>,
}

#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) fit: Fit,
    /// What the only trial says about itself.
    pub(crate) own: Option<Result<(f64, f64), String>>,
    pub(crate) samples: Vec<Sample>,
}

/// Groups of the valid attempts, in the order of their cells. Of several valid attempts at a trial the last counts.
pub(crate) fn pool<'a>(judged: &'a [Judged<'a>]) -> Vec<Group<'a>> {
    let mut last: BTreeMap<(&str, &str), &Judged<'_>> = BTreeMap::new();
    for one in judged.iter().filter(|one| one.is_valid()) {
        last.insert((one.attempted.run_id, &one.attempted.planned.id.0), one);
    }
    let mut groups: BTreeMap<Key<'a>, Vec<&'a Judged<'a>>> = BTreeMap::new();
    for one in last.into_values() {
        if let (Some(identity), Some(evidence)) = (&one.identity, one.evidence) {
            let mut instruments: BTreeSet<Option<Instrument>> = BTreeSet::from([None]);
            instruments.extend(one.values.iter().map(|values| values.instrument));
            for instrument in instruments {
                groups.entry((one.cell(), instrument, evidence, identity)).or_default().push(one);
            }
        }
    }
    let keys: Vec<Key<'_>> = groups.keys().copied().collect();
    let mut pooled = Vec::with_capacity(groups.len());
    for (index, (key, attempts)) in groups.into_iter().enumerate() {
        let (cell, instrument, evidence, identity) = key;
        // Keys are sorted by cell, so those of one cell stand together.
        let is_beside = |other: &&Key<'_>| (other.0, other.1) == (cell, instrument);
        let before = keys[..index].iter().rev().take_while(is_beside);
        let after = keys[index + 1..].iter().take_while(is_beside);
        let differing: BTreeSet<&str> = before
            .chain(after)
            .filter(|other| other.2 == evidence)
            .flat_map(|other| identity.differs_from(other.3))
            .collect();
        let apart = differing
            .into_iter()
            .map(|what| format!("not put together with other numbers of this cell: another {what}"));
        let apart = apart.collect();
        let metrics = measure(&attempts, instrument);
        let flags = attempts.iter().flat_map(|one| one.circumstances.iter().cloned()).collect();
        let cell = seen_by(cell, instrument);
        pooled.push(Group { cell, evidence, identity: identity.clone(), attempts, metrics, apart, flags });
    }
    pooled
}

type Key<'a> = (&'a Cell, Option<Instrument>, Evidence, &'a Identity);

/// The axis that keeps the numbers of instruments apart.
const INSTRUMENT: &str = "instrument";

fn seen_by(cell: &Cell, instrument: Option<Instrument>) -> Cow<'_, Cell> {
    let Some(instrument) = instrument else { return Cow::Borrowed(cell) };
    let mut cell = cell.clone();
    cell.axes.insert(INSTRUMENT.to_owned(), instrument.word().to_owned());
    Cow::Owned(cell)
}

fn measure<'a>(attempts: &[&'a Judged<'a>], instrument: Option<Instrument>) -> BTreeMap<&'a str, Measured> {
    let mut sessions: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let mut by_metric: BTreeMap<&str, Gathered> = BTreeMap::new();
    for (trial, one) in attempts.iter().enumerate() {
        let Some(session) = one.attempted.session.map(|session| &session.start.session) else { continue };
        let next = sessions.len() as u32;
        let place = *sessions.entry((one.attempted.run_id, &session.0)).or_insert(next);
        for values in one.values.iter().filter(|values| values.instrument == instrument) {
            let gathered = by_metric.entry(values.metric).or_default();
            for figure in &values.figures {
                let value = figure.value;
                gathered.placed.push(Placed { session: place, trial: trial as u32, value });
                gathered.own.clone_from(&figure.interval);
                gathered.samples.push(Sample {
                    run_id: one.attempted.run_id.to_owned(),
                    session: session.clone(),
                    trial: one.attempted.planned.id.clone(),
                    attempt: one.attempted.attempt,
                    pass: figure.pass,
                    value,
                });
            }
        }
    }
    by_metric
        .into_iter()
        .filter_map(|(metric, Gathered { placed, samples, own })| {
            let own = own.filter(|_| samples.len() == 1);
            Some((metric, Measured { fit: Fit::of(&placed)?, own, samples }))
        })
        .collect()
}

#[derive(Default)]
struct Gathered {
    placed: Vec<Placed>,
    samples: Vec<Sample>,
    /// Of the last figure: of use where it is the only one.
    own: Option<Result<(f64, f64), String>>,
}
