//! The whole page as one value for the template, in the order in which it is read.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::analysis::Analysis;
use crate::evidence::Evidence;

use super::charts::{self, ChartView};
use super::comparison::{self, ComparisonView};
use super::failures::{self, fate};
use super::glossary::Glossary;
use super::ledger::{self, Number, Places};
use super::measured::{self, Measured};
use super::provenance::{self, Provenance};
use super::quality::{self, QualityView};
use super::table::{Bounds, Table};
use super::third_party::{self, ThirdParty};
use super::trials::{self, Inspected};
use super::verdicts::Verdicts;
use super::{PageError, PageOptions, matrix, sweep};

#[derive(Debug, Serialize)]
pub(super) struct View {
    title: String,
    summary: String,
    warnings: Vec<String>,
    kinds: Vec<Kind>,
    toys: Vec<String>,
    verdicts: Verdicts,
    sweep: Option<Table>,
    comparison: Option<ComparisonView>,
    measured: Vec<Measured>,
    matrix: Option<Table>,
    quality: Option<QualityView>,
    charts: Vec<ChartView>,
    third_party: Option<ThirdParty>,
    failures: Option<Table>,
    skipped: Option<Table>,
    trials: Option<Table>,
    inspector: Vec<Inspected>,
    not_inspected: usize,
    numbers: Vec<Number>,
    numbers_left_out: usize,
    metrics: Vec<Definition>,
    provenance: Provenance,
}

#[derive(Debug, Serialize)]
struct Kind {
    word: &'static str,
    class: &'static str,
    meaning: &'static str,
}

#[derive(Debug, Serialize)]
struct Definition {
    id: String,
    label: String,
    unit: String,
    direction: &'static str,
    text: String,
}

impl View {
    pub(super) fn new(
        analysis: &Analysis,
        glossary: &Glossary,
        options: &PageOptions,
    ) -> Result<Self, PageError> {
        let bounds = Bounds { at_once: options.rows_at_once, in_page: options.rows_in_page };
        let shown = trials::inspected(analysis, options);
        let mut places = Places::new(analysis, options);
        for (anchor, row) in &shown {
            places.inspect(&row.run_id, &row.trial.0, anchor.clone());
        }
        let find = |what: &str| places.trial(what).or_else(|| source_of(analysis, what));
        let verdicts = Verdicts::new(analysis, glossary, &find);
        let attempted = analysis.trials.iter().filter(|row| row.attempt.is_some()).count();
        let numbers = ledger::numbers(analysis, glossary, &places);
        Ok(Self {
            title: options.title.clone(),
            summary: summary(analysis),
            warnings: analysis.warnings.clone(),
            kinds: kinds(analysis),
            toys: toys(analysis, glossary),
            verdicts,
            sweep: sweep::table(analysis, glossary, bounds)?,
            comparison: analysis
                .comparison
                .as_ref()
                .map(|found| comparison::view(found, glossary, bounds))
                .transpose()?,
            measured: measured::tables(analysis, glossary, &places, bounds)?,
            // Where answers can be paired, the contests say more than estimates side by side.
            matrix: if analysis.quality.contests.is_empty() {
                matrix::table(analysis, glossary)
            } else {
                None
            },
            quality: quality::view(analysis, glossary, bounds)?,
            charts: charts::all(analysis, glossary),
            third_party: third_party::view(analysis, glossary, bounds)?,
            failures: failures::failed(analysis, glossary, &places, bounds)?,
            skipped: failures::skipped(analysis, glossary, bounds)?,
            trials: if analysis.trials.is_empty() {
                None
            } else {
                Some(trials::table(analysis, glossary, &places, &shown, bounds)?)
            },
            inspector: trials::inspector(&shown, analysis, glossary, &places),
            not_inspected: attempted - shown.len(),
            numbers_left_out: analysis.summaries.len() - numbers.len(),
            numbers,
            metrics: definitions(analysis, glossary),
            provenance: provenance::view(analysis, &places),
        })
    }
}

/// A reference to an imported row names its file.
fn source_of(analysis: &Analysis, what: &str) -> Option<String> {
    let named = analysis.foreign.iter().any(|(source, _)| what.contains(&source.file));
    named.then(|| "#third-party-rows".to_owned())
}

fn summary(analysis: &Analysis) -> String {
    let devices: BTreeSet<&str> = analysis.sessions.iter().map(|session| session.device.as_str()).collect();
    let done = analysis.trials.iter().filter(|row| fate(row).class == "done").count();
    let rows: usize = analysis.foreign.iter().map(|(_, rows)| rows.len()).sum();
    let mut parts = Vec::new();
    if !analysis.trials.is_empty() {
        let on = devices.into_iter().collect::<Vec<_>>().join(", ");
        let on = if on.is_empty() { String::new() } else { format!(" on {on}") };
        parts.push(format!("{done} of {} trials gave a valid number{on}", analysis.trials.len()));
    }
    if rows > 0 {
        parts.push(format!("{rows} rows measured by others stand beside them"));
    }
    if parts.is_empty() {
        return "Nothing was measured.".to_owned();
    }
    format!("{}.", parts.join("; "))
}

/// The kinds of evidence that occur, so that the legend explains what is there and nothing else.
fn kinds(analysis: &Analysis) -> Vec<Kind> {
    let mut found: BTreeSet<Evidence> = analysis.summaries.iter().map(|summary| summary.evidence).collect();
    found.extend(analysis.sessions.iter().map(|session| session.evidence));
    found.extend(analysis.verdicts.iter().flat_map(|verdict| &verdict.evidence).map(|line| line.kind));
    if !analysis.foreign.is_empty() {
        found.insert(Evidence::ThirdParty);
    }
    found
        .into_iter()
        .map(|evidence| {
            let (class, meaning) = match evidence {
                Evidence::Measured => ("dot", "by Dyno, on the device that is named, with real weights"),
                Evidence::SyntheticWeights => (
                    "diamond",
                    "by Dyno, with weights made from a seed: the model's speed without its knowledge",
                ),
                Evidence::ThirdParty => {
                    ("ring", "by another tool, imported as it is; it never decides a claim alone")
                }
                Evidence::Simulated => ("square", "from a model of a device; evidence about nothing real"),
            };
            Kind { word: evidence.word(), class, meaning }
        })
        .collect()
}

fn toys(analysis: &Analysis, glossary: &Glossary) -> Vec<String> {
    let models: BTreeSet<&str> = analysis.trials.iter().map(|row| row.cell.model.as_str()).collect();
    models.into_iter().filter(|model| glossary.is_toy(model)).map(str::to_owned).collect()
}

/// The metrics that occur, with the definition each number uses.
fn definitions(analysis: &Analysis, glossary: &Glossary) -> Vec<Definition> {
    let mut ids: BTreeSet<&str> = analysis.summaries.iter().map(|summary| summary.metric.as_str()).collect();
    ids.extend(
        analysis.verdicts.iter().flat_map(|verdict| &verdict.evidence).map(|line| line.metric.as_str()),
    );
    ids.extend(
        analysis
            .foreign
            .iter()
            .flat_map(|(_, rows)| rows)
            .flat_map(|row| row.values.keys())
            .map(String::as_str),
    );
    ids.into_iter()
        .map(|id| {
            let words = glossary.metric(id);
            Definition {
                id: id.to_owned(),
                direction: words.direction(),
                label: words.label,
                unit: words.unit,
                text: words.definition,
            }
        })
        .collect()
}
