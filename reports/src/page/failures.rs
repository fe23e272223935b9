//! What was planned and gave no number: failures, invalid trials, trials cut or never begun, skips. A gap
//! with its reason is a result.

use dyno_protocol::FailureKind;

use crate::analysis::{Analysis, TrialRow};
use crate::bundle::Outcome;

use super::PageError;
use super::columns::{model_entry, settings, unit_word};
use super::glossary::Glossary;
use super::ledger::Places;
use super::table::{Bounds, Column, Entry, Table};

/// What became of a trial, in two words, and why.
pub(super) struct Fate {
    pub(super) class: &'static str,
    pub(super) word: &'static str,
    pub(super) reason: String,
    pub(super) next_step: String,
}

pub(super) fn fate(row: &TrialRow) -> Fate {
    let fate = |class, word, reason: String| Fate { class, word, reason, next_step: String::new() };
    match row.attempt.as_ref().map(|attempt| &attempt.outcome) {
        None => fate("unbegun", "never begun", "planned, but the run ended before it".to_owned()),
        Some(None) => fate("cut", "cut short", "the run was interrupted inside it".to_owned()),
        Some(Some(Outcome::Done)) => fate("done", "done", String::new()),
        Some(Some(Outcome::Invalid { reasons })) => fate("invalid", "invalid", reasons.join("; ")),
        Some(Some(Outcome::Failed { failure })) => Fate {
            class: "failed",
            word: "failed",
            reason: format!("{}: {}", kind_word(failure.kind), failure.what),
            next_step: failure.next_step.clone().unwrap_or_default(),
        },
    }
}

fn kind_word(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Unauthorised => "not authorised",
        FailureKind::Refused => "refused",
        FailureKind::Busy => "device busy",
        FailureKind::UnknownJob => "job unknown",
        FailureKind::Model => "model",
        FailureKind::Memory => "out of memory",
        FailureKind::PromptMismatch => "prompt mismatch",
        FailureKind::Engine => "engine",
        FailureKind::Cancelled => "cancelled",
        FailureKind::TimedOut => "timed out",
        FailureKind::AgentDied => "agent died",
        FailureKind::Storage => "storage",
        FailureKind::Conditions => "conditions",
    }
}

pub(super) fn failed(
    analysis: &Analysis,
    glossary: &Glossary,
    places: &Places<'_>,
    bounds: Bounds,
) -> Result<Option<Table>, PageError> {
    let rows: Vec<Vec<Entry>> = analysis
        .trials
        .iter()
        .filter_map(|row| {
            let fate = fate(row);
            (fate.class != "done").then(|| failed_row(row, &fate, glossary, places))
        })
        .collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let mut columns = vec![Column::words("What"), Column::wide("Reason"), Column::words("Next step")];
    columns.extend(["Suite", "Model", "How", "Trial", "Events"].map(Column::words));
    Table::new("failures", "Trials without a valid number", columns, rows, bounds).map(Some)
}

fn failed_row(row: &TrialRow, fate: &Fate, glossary: &Glossary, places: &Places<'_>) -> Vec<Entry> {
    let cell = &row.cell;
    let how = format!("{} \u{b7} {} \u{b7} {}", cell.quant, cell.engine, unit_word(cell.unit));
    vec![
        Entry::words(fate.word),
        Entry::words(&fate.reason),
        Entry::words(if fate.next_step.is_empty() { "\u{2013}" } else { &fate.next_step }),
        Entry::words(format!("{} / {}", cell.suite, cell.case)).below(settings(cell)),
        model_entry(glossary, &cell.model),
        Entry::words(how).below(&cell.device),
        Entry::code(&row.trial.0),
        events_entry(row, places),
    ]
}

pub(super) fn events_entry(row: &TrialRow, places: &Places<'_>) -> Entry {
    row.attempt.as_ref().map_or_else(Entry::none, |attempt| {
        let (first, last) = attempt.events;
        Entry::code(format!("{first}\u{2013}{last}")).href(places.events(&row.run_id, attempt.events))
    })
}

pub(super) fn skipped(
    analysis: &Analysis,
    glossary: &Glossary,
    bounds: Bounds,
) -> Result<Option<Table>, PageError> {
    if analysis.skipped.is_empty() {
        return Ok(None);
    }
    let rows = analysis
        .skipped
        .iter()
        .map(|skipped| {
            let cell = &skipped.cell;
            let how = format!("{} \u{b7} {} \u{b7} {}", cell.quant, cell.engine, unit_word(cell.unit));
            vec![
                Entry::words(&skipped.reason),
                Entry::words(format!("{} / {}", cell.suite, cell.case)).below(settings(cell)),
                model_entry(glossary, &cell.model),
                Entry::words(how).below(&cell.device),
            ]
        })
        .collect();
    let columns = ["Reason", "Suite", "Model", "How"].into_iter().map(Column::words).collect();
    Table::new("skipped", "Asked for, and skipped before the run", columns, rows, bounds).map(Some)
}
