//! The index page over many reports.

use serde::Serialize;

use crate::analysis::Analysis;

use super::glossary::Glossary;
use super::table::{Bounds, Column, Entry, Table};
use super::verdicts::Verdicts;
use super::{PageError, template};

/// One report in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// The report's page, relative to the index.
    pub href: String,
    pub title: String,
    pub runs: String,
    pub started_at: String,
    pub devices: String,
    pub verdicts: String,
    pub trials: usize,
    pub without_number: usize,
    pub warnings: usize,
}

impl IndexEntry {
    pub fn of(analysis: &Analysis, href: impl Into<String>, title: impl Into<String>) -> Self {
        let mut devices: Vec<&str> =
            analysis.sessions.iter().map(|session| session.device.as_str()).collect();
        devices.sort_unstable();
        devices.dedup();
        let runs: Vec<&str> = analysis.runs.iter().map(|run| run.manifest.run_id.as_str()).collect();
        let started = analysis.runs.iter().map(|run| run.manifest.started_at.as_str()).min();
        let without = analysis.trials.iter().filter(|row| super::failures::fate(row).class != "done").count();
        Self {
            href: href.into(),
            title: title.into(),
            runs: runs.join(", "),
            started_at: started.unwrap_or("not recorded").to_owned(),
            devices: devices.join(", "),
            verdicts: Verdicts::new(analysis, &Glossary::default(), &|_| None).sentence(),
            trials: analysis.trials.len(),
            without_number: without,
            warnings: analysis.warnings.len(),
        }
    }
}

#[derive(Debug, Serialize)]
struct IndexView {
    title: String,
    summary: String,
    table: Table,
}

/// Makes the index, newest first as given.
pub fn render_index(title: &str, entries: &[IndexEntry]) -> Result<String, PageError> {
    let mut columns: Vec<Column> =
        ["Report", "Started", "Devices", "Verdicts"].into_iter().map(Column::words).collect();
    columns.extend(["Trials", "Without a number", "Warnings"].map(|label| Column::number(label, "")));
    let rows = entries
        .iter()
        .map(|entry| {
            let count = |count: usize| Entry::number(count.to_string(), count as f64);
            vec![
                Entry::words(&entry.title).below(&entry.runs).href(super::ledger::encode_path(&entry.href)),
                Entry::words(&entry.started_at),
                Entry::words(&entry.devices),
                Entry::words(&entry.verdicts),
                count(entry.trials),
                count(entry.without_number),
                count(entry.warnings),
            ]
        })
        .collect();
    let bounds = Bounds { at_once: 200, in_page: 20_000 };
    template::index(&IndexView {
        title: title.to_owned(),
        summary: format!("{} reports", entries.len()),
        table: Table::new("reports", "Reports", columns, rows, bounds)?,
    })
}
