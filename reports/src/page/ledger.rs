//! The ledger of numbers: how each came about, from which trials, and the command that measures it again.
//! Every number elsewhere in the page links to its entry here, and from here to its raw events.

use std::collections::HashMap;
use std::fmt::Write;

use serde::Serialize;

use crate::analysis::{Analysis, Sample, Summary, TrialRow};
use crate::cell::Cell;
use crate::evidence::Evidence;
use crate::readable;

use super::PageOptions;
use super::columns::{badge, reproduce, settings, unit_word};
use super::glossary::Glossary;

#[derive(Debug, Serialize)]
pub(super) struct Number {
    anchor: String,
    name: String,
    cell: String,
    value: String,
    interval: String,
    badge: String,
    method: String,
    counted: String,
    ceiling: String,
    model_sha256: String,
    warnings: Vec<String>,
    samples: Vec<SampleLink>,
    samples_left_out: usize,
    command: String,
}

#[derive(Debug, Serialize)]
struct SampleLink {
    value: String,
    label: String,
    href: String,
}

/// Most entries written out; beyond, numbers link to their events at once.
const MOST_NUMBERS: usize = 400;
const MOST_SAMPLES: usize = 24;

/// Where raw events lie, and which trials can be inspected in the page.
#[derive(Debug)]
pub(super) struct Places<'a> {
    options: &'a PageOptions,
    lines: HashMap<(&'a str, &'a str, u32), (u64, u64)>,
    inspected: HashMap<(&'a str, &'a str), String>,
    of_cells: HashMap<&'a Cell, Evidence>,
    of_sessions: HashMap<(&'a str, &'a str), Evidence>,
}

impl<'a> Places<'a> {
    pub(super) fn new(analysis: &'a Analysis, options: &'a PageOptions) -> Self {
        let mut lines = HashMap::new();
        for row in &analysis.trials {
            if let Some(attempt) = &row.attempt {
                lines.insert((row.run_id.as_str(), row.trial.0.as_str(), attempt.attempt), attempt.events);
            }
        }
        let of_cells = analysis.summaries.iter().map(|summary| (&summary.cell, summary.evidence)).collect();
        let sessions = analysis.sessions.iter();
        let of_sessions =
            sessions.map(|row| ((row.run_id.as_str(), row.session.0.as_str()), row.evidence)).collect();
        Self { options, lines, inspected: HashMap::new(), of_cells, of_sessions }
    }

    /// What kind of evidence a trial is: that of its cell's numbers or, where it has none, of its session.
    pub(super) fn kind(&self, row: &TrialRow) -> Option<Evidence> {
        let session = row.attempt.as_ref().map(|attempt| (row.run_id.as_str(), attempt.session.0.as_str()));
        self.of_cells.get(&row.cell).or_else(|| self.of_sessions.get(&session?)).copied()
    }

    pub(super) fn inspect(&mut self, run_id: &'a str, trial: &'a str, anchor: String) {
        self.inspected.entry((run_id, trial)).or_insert(anchor);
    }

    /// The bundle's events file as seen from the page.
    pub(super) fn events_file(&self, run_id: &str) -> String {
        let folder = self.options.bundles.get(run_id).map_or("..", String::as_str);
        format!("{}/events.jsonl", encode_path(folder))
    }

    pub(super) fn events(&self, run_id: &str, (first, last): (u64, u64)) -> String {
        format!("{}#L{first}-L{last}", self.events_file(run_id))
    }

    /// The inspector's entry of a trial, wherever it ran.
    pub(super) fn trial(&self, trial: &str) -> Option<String> {
        self.inspected.iter().find(|((_, id), _)| *id == trial).map(|(_, anchor)| format!("#{anchor}"))
    }

    fn sample(&self, sample: &Sample) -> String {
        let key = (sample.run_id.as_str(), sample.trial.0.as_str());
        if let Some(anchor) = self.inspected.get(&key) {
            return format!("#{anchor}");
        }
        match self.lines.get(&(key.0, key.1, sample.attempt)) {
            Some(lines) => self.events(key.0, *lines),
            None => self.events_file(key.0),
        }
    }

    /// Where a number in a table leads: to its entry, or straight to the events of its first sample.
    pub(super) fn number(&self, index: usize, summary: &Summary) -> String {
        if index < MOST_NUMBERS {
            return format!("#number-{index}");
        }
        summary.samples.first().map_or_else(String::new, |sample| self.sample(sample))
    }
}

/// A relative path as a link: what is not plain is written in percent signs, and no scheme can come of it.
pub(super) fn encode_path(path: &str) -> String {
    let mut safe = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_./~".contains(&byte) {
            safe.push(char::from(byte));
        } else {
            let _ = write!(safe, "%{byte:02X}");
        }
    }
    safe
}

pub(super) fn numbers(analysis: &Analysis, glossary: &Glossary, places: &Places<'_>) -> Vec<Number> {
    analysis
        .summaries
        .iter()
        .take(MOST_NUMBERS)
        .enumerate()
        .map(|(index, summary)| number(index, summary, analysis, glossary, places))
        .collect()
}

fn number(
    index: usize,
    summary: &Summary,
    analysis: &Analysis,
    glossary: &Glossary,
    places: &Places<'_>,
) -> Number {
    let words = glossary.metric(&summary.metric);
    let cell = &summary.cell;
    let estimate = &summary.estimate;
    let samples = summary
        .samples
        .iter()
        .take(MOST_SAMPLES)
        .map(|sample| SampleLink {
            value: words.value(sample.value),
            label: format!("trial {}, attempt {}, pass {}", sample.trial, sample.attempt, sample.pass),
            href: places.sample(sample),
        })
        .collect();
    let run_id = summary.samples.first().map_or("", |sample| sample.run_id.as_str());
    let mut described =
        vec![cell.model.clone(), cell.quant.clone(), cell.engine.clone(), unit_word(cell.unit).to_owned()];
    described.extend([cell.device.clone(), format!("{} / {}", cell.suite, cell.case), settings(cell)]);
    described.retain(|part| !part.is_empty());
    Number {
        anchor: format!("number-{index}"),
        name: words.label.clone(),
        cell: described.join(" \u{b7} "),
        value: format!("{} {}", words.value(estimate.value), words.unit),
        interval: estimate.interval.map(|interval| words.interval(interval)).unwrap_or_default(),
        badge: badge(summary.evidence),
        method: estimate.method.clone(),
        counted: format!(
            "{} passes in {} trials in {} sessions",
            estimate.passes, estimate.trials, estimate.sessions
        ),
        ceiling: summary
            .ceiling
            .map(|share| format!("{} %", readable::number(share * 100.0, 0)))
            .unwrap_or_default(),
        model_sha256: summary.model_sha256.clone().unwrap_or_default(),
        warnings: estimate.warnings.clone(),
        samples_left_out: summary.samples.len().saturating_sub(MOST_SAMPLES),
        samples,
        command: reproduce(analysis, run_id, cell),
    }
}

#[cfg(test)]
mod tests {
    use super::encode_path;

    #[test]
    fn a_folder_name_cannot_become_another_scheme() {
        assert_eq!(encode_path("../runs/a b"), "../runs/a%20b");
        assert_eq!(encode_path("javascript:alert(1)"), "javascript%3Aalert%281%29");
    }
}
