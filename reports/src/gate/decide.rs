//! From what was compared to whether the release stops. Everything that is missing, broken or in doubt stops it.

use dyno_suites::{Cells, Day, Definitions, Policy};

use super::{Confirmation, Gate, GateRow, Stop, Waived, next, words};
use crate::cell::Cell;
use crate::compare::{Comparison, Judgement, Problem, Row};
use crate::stats::holm;

/// `first` is everything that was measured to find something; `fresh` is the run that was made to confirm it, and
/// was not looked at before. `today` decides which waivers count; `looks_left` is how many further runs there may be.
pub fn decide(
    policy: &Policy,
    definitions: &Definitions,
    first: &Comparison,
    fresh: Option<&Comparison>,
    today: Day,
    looks_left: u32,
) -> Gate {
    let confirmed = confirmations(policy, first, fresh);
    let rows: Vec<GateRow> = first
        .rows
        .iter()
        .zip(confirmed)
        .filter(|(row, _)| row.problem != Some(Problem::New))
        .map(|(row, confirmation)| stand(policy, row, confirmation, today))
        .collect();
    let unmet = unmet(policy, definitions, &rows);
    let new = first.rows.iter().filter(|row| row.problem == Some(Problem::New)).count();
    let mut warnings = first.warnings.clone();
    if new > 0 {
        warnings.push(format!(
            "{new} rows are new and have no base: they stop nothing unless the policy requires them"
        ));
    }
    let expired = policy.waivers.iter().filter(|waiver| waiver.until < today);
    warnings.extend(expired.map(|waiver| {
        format!("the waiver of {} ended on {} and waives nothing: {}", waiver.who, waiver.until, waiver.why)
    }));
    let of_rows = rows.iter().map(|row| row.stop).max();
    let of_unmet = (!unmet.is_empty()).then_some(Stop::CannotTell);
    // Nothing compared is nothing shown.
    let verdict = of_rows.max(of_unmet).unwrap_or(Stop::CannotTell);
    Gate {
        policy: policy.id.clone(),
        title: policy.title.clone(),
        verdict,
        headline: words::headline(verdict, &rows, &unmet),
        base: first.base.clone(),
        candidate: first.candidate.clone(),
        needed: next::needed(policy, &rows, looks_left),
        rows,
        unmet,
        differences: first.differences.clone(),
        warnings,
        alpha: first.alpha,
        tests: first.tests,
    }
}

/// For each row, what the fresh run says about the regression that the first ones showed. Only those rows are tested
/// in it, and they share the policy's chance of a false alarm.
fn confirmations(policy: &Policy, first: &Comparison, fresh: Option<&Comparison>) -> Vec<Confirmation> {
    let regressed = |row: &&Row| row.judgement == Judgement::Regressed;
    let again = |row: &Row| {
        fresh?.rows.iter().find(|other| other.metric == row.metric && is_same(&other.cell, &row.cell))
    };
    let tested: Vec<Option<&Row>> = first.rows.iter().filter(regressed).map(again).collect();
    let p = |row: Option<&Row>| row.and_then(|row| Some(row.effect.as_ref()?.p)).unwrap_or(1.0);
    let mut adjusted =
        holm(&tested.iter().copied().map(p).collect::<Vec<_>>()).into_iter().zip(tested.clone());
    first
        .rows
        .iter()
        .map(|row| {
            if row.judgement != Judgement::Regressed || !policy.confirm {
                return Confirmation::NotNeeded;
            }
            match (fresh, adjusted.next()) {
                (Some(_), Some((p, Some(again)))) if p <= policy.false_alarms && same_way(row, again) => {
                    Confirmation::Confirmed
                }
                (Some(_), Some((_, Some(again)))) if again.effect.is_some() => Confirmation::Refuted,
                _ => Confirmation::Owed,
            }
        })
        .collect()
}

fn same_way(row: &Row, again: &Row) -> bool {
    let change = |row: &Row| row.effect.as_ref().map_or(0.0, |effect| effect.change);
    change(row) * change(again) > 0.0
}

/// The same question, perhaps asked of other versions.
fn is_same(one: &Cell, other: &Cell) -> bool {
    let bare = |cell: &Cell| Cell { side: None, suite_version: 0, case_version: 0, ..cell.clone() };
    bare(one) == bare(other)
}

fn stand(policy: &Policy, row: &Row, confirmation: Confirmation, today: Day) -> GateRow {
    let verdict = match (row.judgement, &confirmation) {
        (Judgement::Regressed, Confirmation::Owed | Confirmation::Refuted) => Judgement::CannotTell,
        (judgement, _) => judgement,
    };
    let stop = match (verdict, row.problem) {
        (_, Some(Problem::WrongOutput)) | (Judgement::Regressed, _) => Stop::Regressed,
        (_, Some(Problem::Crashed)) => Stop::Trouble,
        (Judgement::CannotTell, _) => Stop::CannotTell,
        (Judgement::Same | Judgement::Improved, _) => Stop::Passes,
    };
    let waived = (stop != Stop::Passes).then(|| waiver(policy, row, today)).flatten();
    let stop = if waived.is_some() { Stop::Passes } else { stop };
    GateRow { row: row.clone(), verdict, stop, confirmation, waived }
}

fn waiver(policy: &Policy, row: &Row, today: Day) -> Option<Waived> {
    let counts = policy.waivers.iter().find(|waiver| {
        let metric = waiver.metrics.is_empty() || waiver.metrics.contains(&row.metric);
        waiver.until >= today && metric && matches(&waiver.of, &row.cell)
    })?;
    Some(Waived { who: counts.who.clone(), why: counts.why.clone(), until: counts.until.to_string() })
}

pub(super) fn matches(cells: &Cells, cell: &Cell) -> bool {
    let fits = |list: &[String], value: &str| list.is_empty() || list.iter().any(|one| one == value);
    fits(&cells.cases, &format!("{}/{}", cell.suite, cell.case))
        && fits(&cells.models, &cell.model)
        && fits(&cells.quants, &cell.quant)
        && fits(&cells.engines, &cell.engine)
        && fits(&cells.devices, &cell.device)
}

/// Requirements that no row answers: the cell is not there, or a metric of it is not.
fn unmet(policy: &Policy, definitions: &Definitions, rows: &[GateRow]) -> Vec<String> {
    let mut unmet = Vec::new();
    let watched = || {
        let quality = policy.quality.iter().map(|margin| margin.metric.as_str());
        policy.metrics.iter().map(|watched| watched.metric.as_str()).chain(quality)
    };
    for required in &policy.required {
        for one in each(&required.of) {
            let there: Vec<&GateRow> = rows.iter().filter(|row| matches(&one, &row.row.cell)).collect();
            if there.is_empty() {
                unmet.push(format!("{} is required and was not compared", words::cells(&one)));
                continue;
            }
            for case in &one.cases {
                let yields = definitions.case(case).map(|(_, case)| case.metrics.clone()).unwrap_or_default();
                let missing = watched().filter(|metric| {
                    yields.iter().any(|one| one == metric)
                        && !there.iter().any(|row| row.row.metric == *metric)
                });
                unmet.extend(missing.map(|metric| {
                    format!("{metric} of {} is required and was not compared", words::cells(&one))
                }));
            }
        }
    }
    unmet
}

/// A requirement of several cases, models and so on is one of each of them.
fn each(cells: &Cells) -> Vec<Cells> {
    fn spread(all: Vec<Cells>, values: &[String], set: fn(&mut Cells, Vec<String>)) -> Vec<Cells> {
        if values.is_empty() {
            return all;
        }
        let with = |cells: &Cells, value: &String| {
            let mut one = cells.clone();
            set(&mut one, vec![value.clone()]);
            one
        };
        all.iter().flat_map(|cells| values.iter().map(move |value| with(cells, value))).collect()
    }
    let all = vec![Cells::default()];
    let all = spread(all, &cells.cases, |cells, value| cells.cases = value);
    let all = spread(all, &cells.models, |cells, value| cells.models = value);
    let all = spread(all, &cells.quants, |cells, value| cells.quants = value);
    let all = spread(all, &cells.engines, |cells, value| cells.engines = value);
    spread(all, &cells.devices, |cells, value| cells.devices = value)
}
