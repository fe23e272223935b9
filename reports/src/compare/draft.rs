//! One row before it is judged among all others: what the numbers of one metric of one cell show, or why nothing.

use dyno_suites::{Direction, RelevantChange};

use super::differences::{self, HEAT};
use super::gather::{CellSides, Fate, Visit};
use super::{Difference, Judgement, Problem, Row, Terms, Watch};
use crate::analyse::estimate;
use crate::analysis::Estimate;
use crate::cell::Side;
use crate::evidence::Evidence;
use crate::paired_items;
use crate::stats::{Fit, Placed, Scale};

pub(super) struct Draft {
    pub(super) row: Row,
    pub(super) watch: Watch,
    pub(super) test: Option<Test>,
}

/// What the numbers show of the change, alone.
#[expect(clippy::struct_excessive_bools, reason = "four plain answers to four questions")]
pub(super) struct Test {
    pub(super) change: f64,
    pub(super) relative: bool,
    pub(super) interval: Option<(f64, f64)>,
    pub(super) error: Option<f64>,
    pub(super) margin: f64,
    pub(super) repetitions: u32,
    pub(super) paired: bool,
    pub(super) method: String,
    pub(super) p: f64,
    /// Shown to lie within the margin on both sides.
    pub(super) within: bool,
    /// Shown not to be worse than by the margin.
    pub(super) no_worse: bool,
    pub(super) floor: Option<f64>,
}

/// Why there is no test.
struct No {
    problem: Problem,
    why: String,
}

impl No {
    fn because(problem: Problem, why: impl Into<String>) -> Self {
        Self { problem, why: why.into() }
    }
}

/// Nothing for a metric that neither side has a value of while nothing is missing.
pub(super) fn of(
    cell: &CellSides<'_>,
    watch: &Watch,
    refusing: &[&Difference],
    terms: &Terms<'_>,
) -> Option<Draft> {
    let evidence = cell.valid(Side::Base).chain(cell.valid(Side::Candidate)).filter_map(|one| one.evidence);
    let mut row = Row {
        cell: cell.cell.clone(),
        metric: watch.metric.clone(),
        evidence: evidence.max().unwrap_or(Evidence::Measured),
        base: side_estimate(cell, Side::Base, &watch.metric),
        candidate: side_estimate(cell, Side::Candidate, &watch.metric),
        effect: None,
        judgement: Judgement::CannotTell,
        problem: None,
        why: Vec::new(),
    };
    let incomplete = incomplete(cell);
    if row.base.is_none() && row.candidate.is_none() && incomplete.is_none() {
        return None;
    }
    let tested = incomplete.map_or_else(|| test(cell, watch, refusing, terms), Err);
    let test = match tested {
        Ok(test) => Some(test),
        Err(no) => {
            row.problem = Some(no.problem);
            row.why.push(no.why);
            None
        }
    };
    Some(Draft { row, watch: watch.clone(), test })
}

fn side_estimate(cell: &CellSides<'_>, side: Side, metric: &str) -> Option<Estimate> {
    let placed = placed(cell.side(side), metric);
    Some(estimate(&Fit::of(&placed)?))
}

/// One value for each valid trial, with its session.
fn placed(visits: &[Visit<'_>], metric: &str) -> Vec<Placed> {
    let mut sessions: Vec<_> = Vec::new();
    let mut placed = Vec::new();
    for (trial, visit) in visits.iter().enumerate() {
        let Some((value, session)) = visit.value(metric).zip(visit.session()) else { continue };
        let known = sessions.iter().position(|known| *known == (visit.run_id, session));
        let session = known.unwrap_or_else(|| {
            sessions.push((visit.run_id, session));
            sessions.len() - 1
        });
        placed.push(Placed { session: session as u32, trial: trial as u32, value });
    }
    placed
}

/// A candidate that has not everything that was planned for it fails closed: what is missing could be what is bad.
fn incomplete(cell: &CellSides<'_>) -> Option<No> {
    if cell.base.is_empty() {
        return Some(No::because(Problem::New, "the base was never asked for this cell"));
    }
    if cell.candidate.is_empty() {
        return Some(No::because(Problem::Missing, "the candidate was never asked for this cell"));
    }
    if cell.valid(Side::Base).next().is_none() {
        let why = "no trial of the base gave a valid number";
        return Some(No::because(Problem::NoBase, why));
    }
    let fates: Vec<Fate> = cell.candidate.iter().map(Visit::fate).collect();
    let planned = fates.len();
    let mut worst: Option<(u8, Problem, String)> = None;
    for fate in &fates {
        let found = match fate {
            Fate::Valid => continue,
            Fate::WrongOutput(what) => (4, Problem::WrongOutput, what.clone()),
            Fate::Crashed(what) => (3, Problem::Crashed, what.clone()),
            Fate::Unsound(what) => (2, Problem::Unsound, what.clone()),
            Fate::Cut => (1, Problem::Missing, "a trial was cut before its end".to_owned()),
            Fate::Never => (0, Problem::Missing, "a planned trial was never begun".to_owned()),
        };
        if worst.as_ref().is_none_or(|worst| found.0 > worst.0) {
            worst = Some(found);
        }
    }
    let (_, problem, what) = worst?;
    let lost = fates.iter().filter(|fate| **fate != Fate::Valid).count();
    Some(No::because(
        problem,
        format!("{lost} of {planned} trials of the candidate gave no valid number: {what}"),
    ))
}

fn test(
    cell: &CellSides<'_>,
    watch: &Watch,
    refusing: &[&Difference],
    terms: &Terms<'_>,
) -> Result<Test, No> {
    let has_value = |side: Side| cell.side(side).iter().any(|visit| visit.value(&watch.metric).is_some());
    match (has_value(Side::Base), has_value(Side::Candidate)) {
        (false, _) => return Err(No::because(Problem::NoBase, "the base has no value of this metric")),
        (_, false) => return Err(No::because(Problem::Missing, "the candidate has no value of this metric")),
        (true, true) => {}
    }
    if watch.is_by_item() {
        return by_item(cell, watch, refusing, terms);
    }
    let pairs = cell.pairs();
    if !pairs.is_empty() {
        return paired(cell, &pairs, watch, terms);
    }
    refuse(refusing)?;
    apart(cell, watch, terms)
}

fn refuse(refusing: &[&Difference]) -> Result<(), No> {
    if refusing.is_empty() {
        return Ok(());
    }
    let only_heat = refusing.iter().all(|found| found.what == HEAT);
    let problem = if only_heat { Problem::Hot } else { Problem::Mismatched };
    let words: Vec<String> = refusing
        .iter()
        .map(|found| format!("another {} ({} against {})", found.what, found.base, found.candidate))
        .collect();
    Err(No::because(problem, words.join("; ")))
}

/// Trials that were measured next to each other, under the same conditions.
fn paired(
    cell: &CellSides<'_>,
    pairs: &[(&Visit<'_>, &Visit<'_>)],
    watch: &Watch,
    terms: &Terms<'_>,
) -> Result<Test, No> {
    let mut refused: Vec<&str> = Vec::new();
    let mut values: Vec<(f64, f64)> = Vec::new();
    for (base, candidate) in pairs {
        let Some((one, other)) = base.valid().zip(candidate.valid()) else { continue };
        let differs = differences::between(one, other);
        if differs.is_empty() {
            values.extend(base.value(&watch.metric).zip(candidate.value(&watch.metric)));
        } else {
            refused.extend(differs);
        }
    }
    refused.sort_unstable();
    refused.dedup();
    if values.len() < 2 {
        if refused.is_empty() {
            let why = format!("{} pairs carry no interval: 2 are needed, 5 or more are better", values.len());
            return Err(No::because(Problem::TooFew, why));
        }
        let problem = if refused == [HEAT] { Problem::Hot } else { Problem::Mismatched };
        let why = format!("what was measured side by side differs in {}", refused.join(", "));
        return Err(No::because(problem, why));
    }
    let relative = is_relative(watch, values.iter().flat_map(|(base, candidate)| [*base, *candidate]));
    let change = |(base, candidate): &(f64, f64)| if relative { candidate / base } else { candidate - base };
    let placed: Vec<Placed> = values
        .iter()
        .enumerate()
        .map(|(pair, values)| Placed { session: 0, trial: pair as u32, value: change(values) })
        .collect();
    let scale = if relative { Scale::Log } else { Scale::Plain };
    let fit =
        Fit::on(&placed, scale).ok_or_else(|| No::because(Problem::Unsound, "a value is not a number"))?;
    let floor =
        device(cell).and_then(|device| terms.floors.paired(device, &watch.metric)).filter(|_| relative);
    let fit = floor.map_or(fit.clone(), |floor| fit.with_further_error(floor.deviation, floor.freedom));
    let base_mean = values.iter().map(|(base, _)| base).sum::<f64>() / values.len() as f64;
    Ok(from_fit(
        &fit,
        relative,
        base_mean,
        watch,
        terms,
        Form { paired: true, floor: floor.map(|floor| floor.deviation) },
    ))
}

/// Sessions of one side against sessions of the other.
fn apart(cell: &CellSides<'_>, watch: &Watch, terms: &Terms<'_>) -> Result<Test, No> {
    let fits = [Side::Base, Side::Candidate].map(|side| Fit::of(&placed(cell.side(side), &watch.metric)));
    let [Some(base), Some(candidate)] = fits else {
        return Err(No::because(Problem::TooFew, format!("{} was not measured on both sides", watch.metric)));
    };
    if !matches!(watch.relevant, RelevantChange::Relative(_))
        || base.scale != Scale::Log
        || candidate.scale != Scale::Log
    {
        let why =
            "a difference of sessions is taken as a share, and this metric's is not: measure both in turn";
        return Err(No::because(Problem::Unpaired, why));
    }
    let sessions = base.sessions.min(candidate.sessions);
    let spread = device(cell).and_then(|device| terms.floors.sessions(device, &watch.metric));
    let (fit, floor) = match spread {
        Some(spread) => {
            let share = (1.0 / f64::from(base.sessions) + 1.0 / f64::from(candidate.sessions)).sqrt();
            (
                candidate.over_with_error(&base, spread.deviation * share, spread.freedom),
                Some(spread.deviation),
            )
        }
        None if sessions >= ENOUGH_SESSIONS => (candidate.over(&base), None),
        None => {
            let why = format!(
                "measured in different sessions ({} and {}), and nothing is known of how sessions of one build differ \
                 on this device: measure both in turn, or {ENOUGH_SESSIONS} sessions of each",
                base.sessions, candidate.sessions
            );
            return Err(No::because(Problem::Unpaired, why));
        }
    };
    let fit = fit.ok_or_else(|| No::because(Problem::TooFew, "too few repetitions to carry an interval"))?;
    Ok(from_fit(&fit, true, base.value(), watch, terms, Form { paired: false, floor }))
}

const ENOUGH_SESSIONS: u32 = 3;

/// The device of the candidate's trials.
fn device<'a>(cell: &CellSides<'a>) -> Option<&'a str> {
    Some(cell.valid(Side::Candidate).next()?.identity.as_ref()?.device_id.as_str())
}

/// Shares are for values that have a logarithm.
fn is_relative(watch: &Watch, values: impl Iterator<Item = f64>) -> bool {
    matches!(watch.relevant, RelevantChange::Relative(_)) && values.into_iter().all(|value| value > 0.0)
}

#[derive(Clone, Copy)]
struct Form {
    paired: bool,
    floor: Option<f64>,
}

fn from_fit(fit: &Fit, relative: bool, base: f64, watch: &Watch, terms: &Terms<'_>, form: Form) -> Test {
    let nothing = if relative { 1.0 } else { 0.0 };
    let margin = match watch.relevant {
        RelevantChange::Relative(share) if relative => share,
        relevant => relevant.from(base),
    };
    let alpha = terms.alpha_same();
    let above = |bound: f64| fit.p_above(bound).is_some_and(|p| p <= alpha);
    let below = |bound: f64| fit.p_below(bound).is_some_and(|p| p <= alpha);
    let (low, high) = (above(nothing - margin), below(nothing + margin));
    Test {
        change: fit.value() - nothing,
        relative,
        error: fit.error(),
        interval: fit.interval(0.95).map(|(low, high)| (low - nothing, high - nothing)),
        margin,
        repetitions: fit.repetitions,
        paired: form.paired,
        method: if form.paired {
            format!(
                "{} of {} pairs, Student's t",
                if relative { "ratios" } else { "differences" },
                fit.repetitions
            )
        } else {
            format!("ratio of sessions' means, {} and more a side, Student's t", fit.repetitions)
        },
        p: fit.p_two_sided(nothing).unwrap_or(1.0),
        within: low && high,
        no_worse: if watch.direction == Direction::LowerIsBetter { high } else { low },
        floor: form.floor,
    }
}

/// Answers to the same items; the sessions they were given in do not matter to them.
fn by_item(
    cell: &CellSides<'_>,
    watch: &Watch,
    refusing: &[&Difference],
    terms: &Terms<'_>,
) -> Result<Test, No> {
    // What a model answers does not depend on how warm the phone is.
    let ignored =
        |what: &str| [HEAT, "power source", "low power mode", "foreground", "prompt"].contains(&what);
    let refusing: Vec<&Difference> = refusing.iter().copied().filter(|found| !ignored(&found.what)).collect();
    refuse(&refusing)?;
    let found = paired_items::Difference::of(&cell.items(Side::Base), &cell.items(Side::Candidate))
        .ok_or_else(|| No::because(Problem::TooFew, "no item was answered on both sides"))?;
    let margin = match watch.relevant {
        RelevantChange::Absolute(margin) | RelevantChange::Relative(margin) => margin,
    };
    let interval = found.interval(1.0 - 2.0 * terms.alpha_same());
    Ok(Test {
        change: found.value(),
        relative: false,
        error: None,
        interval: found.interval(0.95),
        margin,
        repetitions: found.items as u32,
        paired: true,
        method: format!("answers to {} items, paired: {}", found.items, found.words()),
        p: found.p(),
        within: interval.is_some_and(|(low, high)| low > -margin && high < margin),
        no_worse: interval.is_some_and(|(low, _)| low > -margin),
        floor: None,
    })
}
