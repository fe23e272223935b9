//! The comparison on the page: what changed, in a chart and a table, and what differs besides.

use serde::Serialize;

use crate::chart::{DotRow, Dots, MarkShape};
use crate::compare::{Comparison, Difference, Effect, Judgement, Row};
use crate::readable;

use super::PageError;
use super::charts::ChartView;
use super::columns::{Varying, badge, short_label};
use super::glossary::Glossary;
use super::table::{Bounds, Column, Entry, Table};

#[derive(Debug, Serialize)]
pub(super) struct ComparisonView {
    lead: String,
    counts: Vec<Count>,
    chart: Option<ChartView>,
    table: Table,
    differences: Option<Table>,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Count {
    word: &'static str,
    of: usize,
    class: &'static str,
}

/// Rows that one picture can carry.
const MOST_ROWS: usize = 24;

pub(super) fn view(
    comparison: &Comparison,
    glossary: &Glossary,
    bounds: Bounds,
) -> Result<ComparisonView, PageError> {
    let varying = Varying::among(&comparison.rows.iter().map(|row| &row.cell));
    let of = |judgement: Judgement, class| Count {
        word: judgement.word(),
        of: comparison.rows.iter().filter(|row| row.judgement == judgement).count(),
        class,
    };
    let differences = &comparison.differences;
    Ok(ComparisonView {
        lead: lead(comparison),
        counts: vec![
            of(Judgement::Regressed, "fails"),
            of(Judgement::Improved, "holds"),
            of(Judgement::Same, "indicated"),
            of(Judgement::CannotTell, "open"),
        ],
        chart: chart(comparison, varying, glossary),
        table: table(comparison, varying, glossary, bounds)?,
        differences: (!differences.is_empty()).then(|| differing(differences)),
        warnings: comparison.warnings.clone(),
    })
}

fn lead(comparison: &Comparison) -> String {
    let sides = if comparison.base == comparison.candidate {
        format!("Both sides were measured in turn in {}.", comparison.base.join(", "))
    } else {
        format!("{} against {}.", comparison.candidate.join(", "), comparison.base.join(", "))
    };
    format!(
        "{sides} At most {} % of comparisons in which nothing changed show a change, over all {} tests together. A change \
         counts when it is outside the noise and at least as large as what matters for its metric.",
        readable::number(comparison.alpha * 100.0, 1),
        comparison.tests
    )
}

/// Shares only: on one axis, other units would mean nothing.
fn chart(comparison: &Comparison, varying: Varying, glossary: &Glossary) -> Option<ChartView> {
    let with: Vec<(&Row, &Effect)> = comparison
        .rows
        .iter()
        .filter_map(|row| Some((row, row.effect.as_ref().filter(|effect| effect.relative)?)))
        .collect();
    if with.is_empty() {
        return None;
    }
    let label = |row: &Row| {
        format!("{} \u{b7} {}", glossary.metric(&row.metric).label, short_label(&row.cell, varying))
    };
    let percent = |change: f64| change * 100.0;
    let rows: Vec<DotRow> = with
        .iter()
        .take(MOST_ROWS)
        .map(|(row, effect)| DotRow {
            label: label(row),
            shape: MarkShape::of(row.evidence),
            value: percent(effect.change),
            interval: effect.interval.map(|(low, high)| (percent(low), percent(high))),
            samples: Vec::new(),
            figure: change(effect),
        })
        .collect();
    let (id, title) = ("change".to_owned(), "Change of the candidate against the base".to_owned());
    let described: Vec<String> = rows.iter().map(|row| format!("{}: {}", row.label, row.figure)).collect();
    let mut note =
        "Mark: the change with its 95 % interval; an interval that holds 0 shows no change. What is better \
                    depends on the metric."
            .to_owned();
    if with.len() > MOST_ROWS {
        note.push_str(&format!(" {} further rows are in the table below.", with.len() - MOST_ROWS));
    }
    let columns = vec![Column::words("Number"), Column::number("Change", "%")];
    let table_rows = with
        .iter()
        .take(MOST_ROWS)
        .map(|(row, effect)| vec![Entry::words(label(row)), change_entry(effect)])
        .collect();
    let svg = Dots {
        id: id.clone(),
        title: title.clone(),
        description: format!("{}.", described.join("; ")),
        unit: "% of the base".to_owned(),
        from_zero: true,
        rows,
    }
    .draw();
    let table = Table::whole("change-table", &title, columns, table_rows);
    Some(ChartView { id, title, note, legend: Vec::new(), svg, table })
}

fn table(
    comparison: &Comparison,
    varying: Varying,
    glossary: &Glossary,
    bounds: Bounds,
) -> Result<Table, PageError> {
    let mut columns = varying.headers();
    columns.push(Column::words("Metric"));
    columns.push(Column::number("Base", ""));
    columns.push(Column::number("Candidate", ""));
    columns.push(Column::number("Change", "").with_help("~ stands where no change is shown"));
    columns.push(Column::words("Verdict"));
    columns.push(Column::wide("Why"));
    let constant = comparison.rows.first().map(|row| varying.constant(&row.cell)).unwrap_or_default();
    let rows = comparison
        .rows
        .iter()
        .map(|row| {
            let words = glossary.metric(&row.metric);
            let value = |estimate: &Option<crate::analysis::Estimate>| match estimate {
                Some(estimate) => {
                    let entry =
                        Entry::number(words.value(estimate.value), estimate.value).badge(badge(row.evidence));
                    estimate.interval.map_or(entry.clone(), |interval| entry.below(words.interval(interval)))
                }
                None => Entry::none(),
            };
            let mut entries = varying.entries(&row.cell, glossary);
            entries.push(Entry::words(&words.label).below(format!("{}, {}", words.unit, words.direction())));
            entries.push(value(&row.base));
            entries.push(value(&row.candidate));
            entries.push(row.effect.as_ref().map_or_else(Entry::none, change_entry));
            let verdict = Entry::words(row.judgement.word());
            entries.push(match row.problem {
                Some(problem) => verdict.below(problem.word()),
                None => verdict,
            });
            let mut why = row.why.join("; ");
            if let Some(effect) = &row.effect {
                let smallest = amount(effect.margin, effect.relative);
                why = [why, format!("{smallest} matters"), effect.method.clone()]
                    .into_iter()
                    .filter(|part| !part.is_empty())
                    .collect::<Vec<_>>()
                    .join("; ");
            }
            entries.push(Entry::words(why));
            entries
        })
        .collect();
    let caption = if constant.is_empty() {
        "Every number on both sides".to_owned()
    } else {
        format!("In every row: {constant}")
    };
    Table::new("compared", caption, columns, rows, bounds)
}

fn differing(differences: &[Difference]) -> Table {
    let columns = vec![
        Column::words("What differs"),
        Column::words("Base"),
        Column::words("Candidate"),
        Column::words("So"),
    ];
    let rows = differences
        .iter()
        .map(|found| {
            let effect = if found.refuses { "not compared" } else { "compared" };
            vec![
                Entry::words(&found.what),
                Entry::code(readable::cut(&found.base, 40)),
                Entry::code(readable::cut(&found.candidate, 40)),
                Entry::words(effect),
            ]
        })
        .collect();
    Table::whole("differences", "What is not the same on both sides", columns, rows)
}

fn change_entry(effect: &Effect) -> Entry {
    let entry = Entry::number(change(effect), effect.change);
    match effect.interval {
        Some((low, high)) => {
            entry.below(format!("{} to {}", signed(low, effect.relative), signed(high, effect.relative)))
        }
        None => entry,
    }
}

/// `~` where no change is shown.
fn change(effect: &Effect) -> String {
    if effect.significant { signed(effect.change, effect.relative) } else { "~".to_owned() }
}

fn signed(change: f64, relative: bool) -> String {
    let plus = if change > 0.0 { "+" } else { "" };
    format!("{plus}{}", amount(change, relative))
}

fn amount(change: f64, relative: bool) -> String {
    if relative { format!("{} %", readable::number(change * 100.0, 1)) } else { readable::number(change, 3) }
}
