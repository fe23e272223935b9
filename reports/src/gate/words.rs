//! The sentences of a gate, shared by every output so that they never contradict each other.

use dyno_suites::Cells;

use super::{Confirmation, Gate, GateRow, Stop};
use crate::cell::Cell;
use crate::compare::{Effect, Judgement};
use crate::readable::number;

pub(super) fn headline(verdict: Stop, rows: &[GateRow], unmet: &[String]) -> String {
    let count = |stop: Stop| rows.iter().filter(|row| row.stop == stop).count();
    let mut parts = Vec::new();
    for (stop, word) in
        [(Stop::Trouble, "crashed"), (Stop::Regressed, "regressed"), (Stop::CannotTell, "cannot be told")]
    {
        if count(stop) > 0 {
            parts.push(format!("{} {word}", count(stop)));
        }
    }
    let judged = |verdict: Judgement| {
        rows.iter()
            .filter(|row| row.stop == Stop::Passes && row.waived.is_none() && row.verdict == verdict)
            .count()
    };
    for (verdict, word) in [(Judgement::Improved, "improved"), (Judgement::Same, "the same within margin")] {
        if judged(verdict) > 0 {
            parts.push(format!("{} {word}", judged(verdict)));
        }
    }
    let waived = rows.iter().filter(|row| row.waived.is_some()).count();
    if waived > 0 {
        parts.push(format!("{waived} waived"));
    }
    if !unmet.is_empty() {
        parts.push(format!("{} requirements unmet", unmet.len()));
    }
    if rows.is_empty() && unmet.is_empty() {
        return "cannot tell: nothing was compared".to_owned();
    }
    format!("{}: of {} numbers, {}", verdict.word(), rows.len(), parts.join(", "))
}

/// The cell in one line.
pub fn cell(cell: &Cell) -> String {
    let mut words = format!(
        "{}/{} {} {} {} on {}",
        cell.suite, cell.case, cell.model, cell.quant, cell.engine, cell.device
    );
    for (name, value) in cell.settings() {
        words.push_str(&format!(", {name} {value}"));
    }
    words
}

pub(super) fn cells(cells: &Cells) -> String {
    let lists = [&cells.cases, &cells.models, &cells.quants, &cells.engines, &cells.devices];
    let said: Vec<String> = lists.into_iter().flatten().cloned().collect();
    if said.is_empty() { "any cell".to_owned() } else { said.join(" ") }
}

/// `-4.9 %`, `+0.020`; the sign is of the value and not of its worth.
pub(super) fn change(effect: &Effect) -> String {
    signed(effect.change, effect.relative)
}

fn signed(change: f64, relative: bool) -> String {
    let sign = if change < 0.0 { "-" } else { "+" };
    let change = change.abs();
    if relative {
        format!("{sign}{} %", number(change * 100.0, 1))
    } else {
        format!("{sign}{}", number(change, 3))
    }
}

pub(super) fn interval(effect: &Effect) -> String {
    effect.interval.map_or_else(
        || "no interval".to_owned(),
        |(low, high)| format!("{} to {}", signed(low, effect.relative), signed(high, effect.relative)),
    )
}

/// The whole of it for a terminal: what stops the release first, then what does not.
pub fn text(gate: &Gate) -> String {
    let mut text = format!("{}\n", gate.headline);
    for found in gate.differences.iter().filter(|found| found.refuses) {
        text.push_str(&format!(
            "not compared: another {}, {} against {}\n",
            found.what, found.base, found.candidate
        ));
    }
    for warning in &gate.warnings {
        text.push_str(&format!("warning: {warning}\n"));
    }
    for what in &gate.unmet {
        text.push_str(&format!("stops: {what}\n"));
    }
    let mut rows: Vec<&GateRow> = gate.rows.iter().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.stop));
    for row in rows {
        let stops = if row.stop == Stop::Passes { "passes" } else { "stops" };
        text.push_str(&format!("{stops}: {}: {}\n", cell(&row.row.cell), sentence(row)));
    }
    text
}

/// What a row says, in one sentence.
pub(super) fn sentence(row: &GateRow) -> String {
    let mut said = match &row.row.effect {
        Some(effect) => format!(
            "{} {} ({}; {} matters)",
            row.row.metric,
            change(effect),
            interval(effect),
            signed(effect.margin, effect.relative).trim_start_matches('+')
        ),
        None => format!("{} was not compared", row.row.metric),
    };
    said.push_str(&format!(": {}", verdict(row)));
    match row.confirmation {
        Confirmation::Owed => said.push_str("; it looks worse, and a fresh run has not confirmed it yet"),
        Confirmation::Refuted => said.push_str("; it looked worse, and a fresh run did not show it again"),
        Confirmation::Confirmed => said.push_str("; a fresh run confirmed it"),
        Confirmation::NotNeeded => {}
    }
    for why in &row.row.why {
        said.push_str(&format!("; {why}"));
    }
    if let Some(waived) = &row.waived {
        said.push_str(&format!("; waived by {} until {}: {}", waived.who, waived.until, waived.why));
    }
    said
}

/// The verdict in one or two words, the problem where there is one.
pub(super) fn verdict(row: &GateRow) -> String {
    match (row.verdict, row.row.problem) {
        (Judgement::CannotTell, Some(problem)) => format!("cannot tell ({})", problem.word()),
        (verdict, _) => verdict.word().to_owned(),
    }
}
