//! Size, weights, speed, memory, energy and quality of every way a model was run, in one table.

use dyno_suites::Words;

use crate::analysis::Analysis;
use crate::readable;
use crate::sweep::{self, SweepRow};

use super::PageError;
use super::columns::{badge, model_entry};
use super::glossary::Glossary;
use super::table::{Bounds, Column, Entry, Table};

pub(super) fn table(
    analysis: &Analysis,
    glossary: &Glossary,
    bounds: Bounds,
) -> Result<Option<Table>, PageError> {
    let rows = sweep::rows(analysis);
    if rows.is_empty() {
        return Ok(None);
    }
    // Columns that nothing fills are left out.
    let filled: Vec<&str> =
        sweep::metrics().filter(|metric| rows.iter().any(|row| row.values.contains_key(metric))).collect();
    let mut columns = vec![Column::words("Model"), Column::words("Weights"), Column::words("Run by")];
    columns.push(Column::number("Size", ""));
    columns.extend(filled.iter().map(|metric| {
        let words = glossary.metric(metric);
        let mean = if words.quality { "mean " } else { "" };
        Column::number(&format!("{mean}{}", words.label), &words.unit).with_help(&format!(
            "{} ({})",
            words.definition,
            words.direction()
        ))
    }));
    let entries = rows.iter().map(|row| row_entries(row, &filled, glossary)).collect();
    Table::new("sweep", "Every way a model was run", columns, entries, bounds).map(Some)
}

fn row_entries(row: &SweepRow<'_>, filled: &[&str], glossary: &Glossary) -> Vec<Entry> {
    let mut entries = vec![
        model_entry(glossary, row.model),
        Entry::words(row.quant).badge(badge(row.evidence)),
        Entry::words(row.engine).below(format!("{}, {}", row.unit.word(), row.device)),
        row.weight_bytes
            .map_or_else(Entry::none, |bytes| Entry::number(readable::bytes(bytes), bytes as f64)),
    ];
    entries.extend(filled.iter().map(|metric| match row.values.get(metric) {
        None => Entry::none(),
        Some(found) => {
            let words = glossary.metric(metric);
            let entry = Entry::number(words.value(found.value), found.value);
            match found.interval {
                Some(interval) => entry.below(words.interval(interval)),
                None if found.of > 1 => entry.below(format!("over {} tasks", found.of)),
                None => entry.below("no interval"),
            }
        }
    }));
    entries
}
