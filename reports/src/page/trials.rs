//! Every trial as a row, and an inspector that opens one: prompt, output, conditions, values, events.

use std::collections::BTreeMap;

use dyno_protocol::{BuildProfile, Conditions, Known, PowerSource, ThermalState};
use serde::Serialize;

use crate::analysis::{Analysis, Attempt, TrialRow};
use crate::readable;

use super::columns::{badge, model_entry, reproduce, settings, unit_word};
use super::failures::{events_entry, fate};
use super::glossary::Glossary;
use super::ledger::Places;
use super::table::{Bounds, Column, Entry, Table};
use super::{PageError, PageOptions};

#[derive(Debug, Serialize)]
pub(super) struct Inspected {
    anchor: String,
    trial: String,
    badge: String,
    attempt: u32,
    cell: String,
    class: &'static str,
    word: &'static str,
    reason: String,
    facts: Vec<(String, String)>,
    values: Vec<(String, String)>,
    flags: Vec<String>,
    prompt: String,
    output: String,
    events: String,
    events_href: String,
    command: String,
}

/// Characters of a prompt or an output that are shown; the rest is in the events.
const MOST_TEXT: usize = 1_200;
/// Metrics that get a column of their own.
const MOST_METRICS: usize = 3;

/// The trials that can be inspected, failed ones first, each with the anchor of its entry.
pub(super) fn inspected<'a>(analysis: &'a Analysis, options: &PageOptions) -> Vec<(String, &'a TrialRow)> {
    let (mut good, mut bad): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
    for (index, row) in analysis.trials.iter().enumerate().filter(|(_, row)| row.attempt.is_some()) {
        if fate(row).class == "done" { good.push(index) } else { bad.push(index) }
    }
    let mut chosen: Vec<usize> = bad.into_iter().chain(good).take(options.inspected_trials).collect();
    chosen.sort_unstable();
    chosen.into_iter().map(|index| (format!("trial-{index}"), &analysis.trials[index])).collect()
}

pub(super) fn inspector(
    rows: &[(String, &TrialRow)],
    analysis: &Analysis,
    glossary: &Glossary,
    places: &Places<'_>,
) -> Vec<Inspected> {
    rows.iter()
        .filter_map(|(anchor, row)| {
            let attempt = row.attempt.as_ref()?;
            Some(inspect(anchor, row, attempt, analysis, glossary, places))
        })
        .collect()
}

fn inspect(
    anchor: &str,
    row: &TrialRow,
    attempt: &Attempt,
    analysis: &Analysis,
    glossary: &Glossary,
    places: &Places<'_>,
) -> Inspected {
    let fate = fate(row);
    let cell = &row.cell;
    let mut parts = vec![format!("{} / {}", cell.suite, cell.case), cell.model.clone(), cell.quant.clone()];
    parts.extend([cell.engine.clone(), unit_word(cell.unit).to_owned(), cell.device.clone(), settings(cell)]);
    parts.retain(|part| !part.is_empty());
    let values = attempt
        .values
        .iter()
        .map(|(metric, value)| {
            let words = glossary.metric(metric);
            (words.label.clone(), format!("{} {}", words.value(*value), words.unit))
        })
        .collect();
    Inspected {
        anchor: anchor.to_owned(),
        trial: row.trial.0.clone(),
        badge: places.kind(row).map(badge).unwrap_or_default(),
        attempt: attempt.attempt,
        cell: parts.join(" \u{b7} "),
        class: fate.class,
        word: fate.word,
        reason: [fate.reason, fate.next_step]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(". "),
        facts: facts(row, attempt),
        values,
        flags: attempt.flags.clone(),
        prompt: attempt.prompt_text.as_deref().map(|text| readable::cut(text, MOST_TEXT)).unwrap_or_default(),
        output: attempt.output_text.as_deref().map(|text| readable::cut(text, MOST_TEXT)).unwrap_or_default(),
        events: format!("lines {} to {}", attempt.events.0, attempt.events.1),
        events_href: places.events(&row.run_id, attempt.events),
        command: reproduce(analysis, &row.run_id, cell),
    }
}

fn facts(row: &TrialRow, attempt: &Attempt) -> Vec<(String, String)> {
    let mut facts: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: String| facts.push((name.to_owned(), value));
    add("Run, session, round", format!("{}, {}, {}", row.run_id, attempt.session.0, row.round));
    for (name, value) in [
        ("Prompt hash", &attempt.prompt_sha256),
        ("Model hash", &attempt.model_sha256),
        ("Format", &attempt.format),
        ("Code path", &attempt.unit_path),
    ] {
        if let Some(value) = value {
            add(name, value.clone());
        }
    }
    if let Some(build) = &attempt.build {
        let profile = match build.profile {
            BuildProfile::Release => "release",
            BuildProfile::Debug => "debug",
        };
        add(
            "Agent build",
            format!("{} {profile} {}", build.version, known(&build.binary_sha256, Clone::clone)),
        );
    }
    for (name, conditions) in
        [("At the beginning", &attempt.begin_conditions), ("At the end", &attempt.end_conditions)]
    {
        if let Some(conditions) = conditions {
            add(name, condition_words(conditions));
        }
    }
    facts
}

pub(super) fn known<T>(known: &Known<T>, words: impl FnOnce(&T) -> String) -> String {
    match known {
        Known::Is(value) => words(value),
        Known::Unknown(gap) => format!("unknown ({})", gap.unknown),
    }
}

pub(super) fn power_word(power: PowerSource) -> &'static str {
    match power {
        PowerSource::Mains => "mains",
        PowerSource::Charging => "charging",
        PowerSource::Battery => "on battery",
    }
}

pub(super) fn thermal_word(state: ThermalState) -> &'static str {
    match state {
        ThermalState::Nominal => "nominal",
        ThermalState::Fair => "fair",
        ThermalState::Serious => "serious",
        ThermalState::Critical => "critical",
    }
}

/// What is known, in one line; what is unknown is left to the events, where the reason stands.
fn condition_words(conditions: &Conditions) -> String {
    let mut parts = Vec::new();
    if let Some(power) = conditions.power.value() {
        parts.push(power_word(*power).to_owned());
    }
    if let Some(percent) = conditions.battery_percent.value() {
        parts.push(format!("battery {} %", readable::number(*percent, 0)));
    }
    if let Some(true) = conditions.low_power_mode.value() {
        parts.push("low power mode".to_owned());
    }
    if let Some(state) = conditions.thermal.value() {
        parts.push(format!("thermal state {}", thermal_word(*state)));
    }
    if let Some(false) = conditions.foreground.value() {
        parts.push("in the background".to_owned());
    }
    if let Some(bytes) = conditions.free_memory_bytes.value() {
        parts.push(format!("{} free", readable::bytes(*bytes)));
    }
    if let Some(load) = conditions.other_load.value() {
        parts.push(format!("{} % of the processor taken by others", readable::number(load * 100.0, 0)));
    }
    if parts.is_empty() { "nothing known".to_owned() } else { parts.join(", ") }
}

pub(super) fn table(
    analysis: &Analysis,
    glossary: &Glossary,
    places: &Places<'_>,
    inspected: &[(String, &TrialRow)],
    bounds: Bounds,
) -> Result<Table, PageError> {
    let metrics = common_metrics(analysis);
    let mut columns: Vec<Column> =
        ["Trial", "Suite", "Model", "How", "Device"].into_iter().map(Column::words).collect();
    columns.extend([Column::number("Round", ""), Column::words("Outcome")]);
    for metric in &metrics {
        let words = glossary.metric(metric);
        columns.push(Column::number(&words.label, &words.unit).with_help(&words.definition));
    }
    columns.push(Column::words("Events").with_help("first and last line in events.jsonl"));
    let anchors: BTreeMap<*const TrialRow, &str> =
        inspected.iter().map(|(anchor, row)| (std::ptr::from_ref(*row), anchor.as_str())).collect();
    let rows = analysis
        .trials
        .iter()
        .map(|row| trial_row(row, anchors.get(&std::ptr::from_ref(row)).copied(), &metrics, glossary, places))
        .collect();
    Table::new("trials", "Every trial", columns, rows, bounds)
}

fn trial_row(
    row: &TrialRow,
    anchor: Option<&str>,
    metrics: &[&str],
    glossary: &Glossary,
    places: &Places<'_>,
) -> Vec<Entry> {
    let cell = &row.cell;
    let id = Entry::code(&row.trial.0);
    let how = format!("{} \u{b7} {} \u{b7} {}", cell.quant, cell.engine, unit_word(cell.unit));
    let mut entries = vec![
        match anchor {
            Some(anchor) => id.href(format!("#{anchor}")),
            None => id,
        },
        Entry::words(format!("{} / {}", cell.suite, cell.case)).below(settings(cell)),
        model_entry(glossary, &cell.model),
        Entry::words(how),
        Entry::words(&cell.device),
        Entry::number(row.round.to_string(), f64::from(row.round)),
        Entry::words(fate(row).word),
    ];
    let kind = places.kind(row).map(badge).unwrap_or_default();
    entries.extend(metrics.iter().map(|metric| {
        let value =
            row.attempt.as_ref().and_then(|attempt| attempt.values.iter().find(|(id, _)| id == metric));
        value.map_or_else(Entry::none, |(_, value)| {
            Entry::number(glossary.metric(metric).value(*value), *value).badge(kind.clone())
        })
    }));
    entries.push(events_entry(row, places));
    entries
}

/// The metrics that most trials have.
fn common_metrics(analysis: &Analysis) -> Vec<&str> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (metric, _) in analysis.trials.iter().filter_map(|row| row.attempt.as_ref()).flat_map(|a| &a.values) {
        let place = *places.entry(metric).or_insert_with(|| {
            counts.push((metric, 0));
            counts.len() - 1
        });
        counts[place].1 += 1;
    }
    // Stable: among equals the definitions' order stays.
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.into_iter().take(MOST_METRICS).map(|(metric, _)| metric).collect()
}
