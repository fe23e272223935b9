//! The 4x matrix: each model against every model at least four times its size, task by task.
//!
//! It only lays the estimates side by side. Whether one beats the other is a paired test's to say, and that
//! stands among the verdicts.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::{Analysis, Summary};

use super::columns::{badge, model_entry};
use super::glossary::Glossary;
use super::table::{Column, Entry, Table};

/// Just under four: published sizes are rounded.
const FOUR_TIMES: f64 = 3.95;

/// Suite, case and metric.
type Task<'a> = (&'a str, &'a str, &'a str);

pub(super) fn table(analysis: &Analysis, glossary: &Glossary) -> Option<Table> {
    let quality: Vec<&Summary> =
        analysis.summaries.iter().filter(|summary| glossary.metric(&summary.metric).quality).collect();
    // The best-kept weights of a model stand for it: the cell with the most samples.
    let mut tasks: BTreeMap<Task<'_>, BTreeMap<&str, &Summary>> = BTreeMap::new();
    for summary in quality {
        let task = (summary.cell.suite.as_str(), summary.cell.case.as_str(), summary.metric.as_str());
        let of_model = tasks.entry(task).or_default().entry(&summary.cell.model).or_insert(summary);
        if summary.samples.len() > of_model.samples.len() {
            *of_model = summary;
        }
    }
    let mut rows = Vec::new();
    for ((suite, case, metric), models) in &tasks {
        let names: BTreeSet<&str> = models.keys().copied().collect();
        for small in &names {
            for large in &names {
                let Some(ratio) = ratio(glossary, small, large).filter(|ratio| *ratio >= FOUR_TIMES) else {
                    continue;
                };
                rows.push(row((suite, case, metric), ratio, models[small], models[large], glossary));
            }
        }
    }
    if rows.is_empty() {
        return None;
    }
    let columns = vec![
        Column::words("Smaller model"),
        Column::words("Larger model"),
        Column::number("Size", "times"),
        Column::words("Task"),
        Column::number("Smaller", ""),
        Column::number("Larger", ""),
        Column::words("Intervals"),
    ];
    Some(Table::whole("matrix", "Models against models at least four times their size", columns, rows))
}

fn ratio(glossary: &Glossary, small: &str, large: &str) -> Option<f64> {
    Some(glossary.parameters(large)? as f64 / glossary.parameters(small)? as f64)
}

fn row(
    (suite, case, metric): (&str, &str, &str),
    ratio: f64,
    small: &Summary,
    large: &Summary,
    glossary: &Glossary,
) -> Vec<Entry> {
    let words = glossary.metric(metric);
    let value = |summary: &Summary| {
        let entry = Entry::number(words.value(summary.estimate.value), summary.estimate.value)
            .badge(badge(summary.evidence));
        match summary.estimate.interval {
            Some(interval) => entry.below(words.interval(interval)),
            None => entry.below("no interval"),
        }
    };
    let relation = match (small.estimate.interval, large.estimate.interval) {
        (Some((low, _)), Some((_, high))) if low > high => "apart, smaller above",
        (Some((_, high)), Some((low, _))) if high < low => "apart, larger above",
        (Some(_), Some(_)) => "overlap",
        _ => "too few samples",
    };
    vec![
        model_entry(glossary, &small.cell.model),
        model_entry(glossary, &large.cell.model),
        Entry::number(format!("{ratio:.1}"), ratio),
        Entry::words(format!("{suite} / {case}")).below(&words.label),
        value(small),
        value(large),
        Entry::words(relation),
    ]
}
