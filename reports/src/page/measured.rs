//! What was measured: one table for each suite, a row for each cell, a column for each metric.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::analysis::{Analysis, Summary};
use crate::cell::Cell;

use super::columns::{Varying, badge};
use super::glossary::Glossary;
use super::ledger::Places;
use super::table::{Bounds, Column, Entry, Table};
use super::{PageError, verdicts::slug};

#[derive(Debug, Serialize)]
pub(super) struct Measured {
    suite: String,
    version: u32,
    table: Table,
}

/// A suite with its version, and its summaries with their places in the analysis.
type SuiteNumbers<'a> = ((&'a str, u32), Vec<(usize, &'a Summary)>);

pub(super) fn tables(
    analysis: &Analysis,
    glossary: &Glossary,
    places: &Places<'_>,
    bounds: Bounds,
) -> Result<Vec<Measured>, PageError> {
    // In the order in which the analysis brings them, which is the plan's.
    let mut suites: Vec<SuiteNumbers<'_>> = Vec::new();
    for (index, summary) in analysis.summaries.iter().enumerate() {
        let suite = (summary.cell.suite.as_str(), summary.cell.suite_version);
        match suites.iter_mut().find(|(known, _)| *known == suite) {
            Some((_, summaries)) => summaries.push((index, summary)),
            None => suites.push((suite, vec![(index, summary)])),
        }
    }
    suites
        .into_iter()
        .map(|((suite, version), summaries)| {
            let varying = Varying::among(&summaries.iter().map(|(_, summary)| &summary.cell));
            let constant =
                summaries.first().map(|(_, summary)| varying.constant(&summary.cell)).unwrap_or_default();
            let id = format!("measured-{}-{version}", slug(suite));
            let table = table(
                &id,
                &if constant.is_empty() { suite.to_owned() } else { format!("In every row: {constant}") },
                &summaries,
                varying,
                glossary,
                places,
                bounds,
            )?;
            Ok(Measured { suite: suite.to_owned(), version, table })
        })
        .collect()
}

fn table(
    id: &str,
    caption: &str,
    summaries: &[(usize, &Summary)],
    varying: Varying,
    glossary: &Glossary,
    places: &Places<'_>,
    bounds: Bounds,
) -> Result<Table, PageError> {
    let metrics = metrics_in_order(summaries);
    let mut columns = varying.headers();
    for metric in &metrics {
        let words = glossary.metric(metric);
        let help = format!("{} ({})", words.definition, words.direction());
        columns.push(Column::number(&words.label, &words.unit).with_help(&help));
    }
    let mut cells: BTreeMap<&Cell, BTreeMap<&str, (usize, &Summary)>> = BTreeMap::new();
    for (index, summary) in summaries {
        cells.entry(&summary.cell).or_default().insert(&summary.metric, (*index, summary));
    }
    let rows = cells
        .into_iter()
        .map(|(cell, values)| {
            let mut row = varying.entries(cell, glossary);
            row.extend(metrics.iter().map(|metric| match values.get(metric) {
                Some((index, summary)) => value_entry(*index, summary, glossary, places),
                None => Entry::none(),
            }));
            row
        })
        .collect();
    Table::new(id, caption, columns, rows, bounds)
}

fn value_entry(index: usize, summary: &Summary, glossary: &Glossary, places: &Places<'_>) -> Entry {
    let words = glossary.metric(&summary.metric);
    let estimate = &summary.estimate;
    let below = match estimate.interval {
        Some(interval) => words.interval(interval),
        None if estimate.passes == 1 => "one pass, no interval".to_owned(),
        None => format!("{} passes, no interval", estimate.passes),
    };
    Entry::number(words.value(estimate.value), estimate.value)
        .below(below)
        .badge(badge(summary.evidence))
        .href(places.number(index, summary))
}

/// Metrics as the analysis brings them, which is the order of the definitions.
fn metrics_in_order<'a>(summaries: &[(usize, &'a Summary)]) -> Vec<&'a str> {
    let mut metrics: Vec<&str> = Vec::new();
    for (_, summary) in summaries {
        if !metrics.contains(&summary.metric.as_str()) {
            metrics.push(&summary.metric);
        }
    }
    metrics
}
