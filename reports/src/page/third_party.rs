//! What other tools measured: grouped rows with lowest and highest value, every gap and flag beside them,
//! and the files they came from.

use std::collections::{BTreeMap, BTreeSet};

use dyno_protocol::Known;
use serde::Serialize;

use crate::analysis::Analysis;
use crate::chart::{DotRow, Dots, LineChart, MarkShape, Series};
use crate::foreign::{ForeignRow, ForeignSource};

use super::PageError;
use super::charts::{ChartView, line_view};
use super::columns::unit_word;
use super::glossary::Glossary;
use super::table::{Bounds, Column, Entry, Table};
use super::trials::{known, power_word, thermal_word};
use super::verdicts::slug;

#[derive(Debug, Serialize)]
pub(super) struct ThirdParty {
    groups: Table,
    charts: Vec<ChartView>,
    rows: Table,
    sources: Table,
}

const BADGE: &str = "third party";
/// Metrics shown in the grouped table: these first, then the most common ones.
const MOST_METRICS: usize = 4;
const FIRST: [&str; 4] = ["decode_rate", "ttft", "prefill_rate", "peak_footprint"];

/// What rows must share to stand in one line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// Names sort without regard to case.
    order: String,
    device: String,
    /// The catalogue's id, where it has one.
    known_as: String,
    model: String,
    quant: String,
    engine: String,
    unit: &'static str,
    task: String,
}

impl Key {
    fn of(row: &ForeignRow) -> Self {
        Self {
            order: device(row).to_lowercase(),
            device: device(row),
            known_as: row.model_id.clone().unwrap_or_else(|| row.model.clone()),
            model: row.model.clone(),
            quant: row.quant.value().cloned().unwrap_or_else(|| "not stated".to_owned()),
            engine: row.engine.clone(),
            unit: row.unit.value().map_or("not stated", |unit| unit_word(*unit)),
            task: row.task.clone(),
        }
    }

    fn label(&self) -> String {
        format!("{} \u{b7} {} \u{b7} {}", self.known_as, self.engine, self.device)
    }
}

fn device(row: &ForeignRow) -> String {
    let name = row.device_name.value().or(row.device_identifier.value());
    name.cloned().unwrap_or_else(|| "device not stated".to_owned())
}

type Groups<'a> = BTreeMap<Key, Vec<&'a ForeignRow>>;

pub(super) fn view(
    analysis: &Analysis,
    glossary: &Glossary,
    bounds: Bounds,
) -> Result<Option<ThirdParty>, PageError> {
    let rows: Vec<&ForeignRow> = analysis.foreign.iter().flat_map(|(_, rows)| rows).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let mut groups: Groups<'_> = BTreeMap::new();
    for row in &rows {
        groups.entry(Key::of(row)).or_default().push(row);
    }
    let metrics = common_metrics(&rows);
    let mut charts: Vec<ChartView> =
        metrics.iter().take(1).filter_map(|metric| dots(&groups, metric, glossary)).collect();
    charts.extend(series(&groups, glossary));
    Ok(Some(ThirdParty {
        groups: groups_table(&groups, &metrics, glossary, bounds)?,
        charts,
        rows: rows_table(analysis, glossary, bounds)?,
        sources: sources_table(analysis, bounds)?,
    }))
}

fn common_metrics<'a>(rows: &[&'a ForeignRow]) -> Vec<&'a str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for metric in rows.iter().flat_map(|row| row.values.keys()) {
        *counts.entry(metric).or_default() += 1;
    }
    let mut metrics: Vec<(&str, usize)> = counts.into_iter().collect();
    let place = |metric: &str| FIRST.iter().position(|first| *first == metric).unwrap_or(FIRST.len());
    metrics.sort_by_key(|(metric, count)| (place(metric), std::cmp::Reverse(*count)));
    metrics.into_iter().take(MOST_METRICS).map(|(metric, _)| metric).collect()
}

fn spread(rows: &[&ForeignRow], metric: &str) -> Option<(f64, f64, Vec<f64>)> {
    let values: Vec<f64> = rows.iter().filter_map(|row| row.values.get(metric).copied()).collect();
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (low <= high).then_some((low, high, values))
}

fn groups_table(
    groups: &Groups<'_>,
    metrics: &[&str],
    glossary: &Glossary,
    bounds: Bounds,
) -> Result<Table, PageError> {
    let mut columns: Vec<Column> =
        ["Device", "Model", "Weights", "Engine"].into_iter().map(Column::words).collect();
    columns.push(Column::number("Rows", ""));
    for metric in metrics {
        let words = glossary.metric(metric);
        columns.push(Column::number(&words.label, &words.unit).with_help("lowest and highest row"));
    }
    columns.push(Column::wide("Conditions and gaps"));
    let rows = groups
        .iter()
        .map(|(key, rows)| {
            let model = Entry::words(&key.known_as);
            let model = if key.known_as == key.model { model } else { model.below(&key.model) };
            let mut entries =
                vec![Entry::words(&key.device).below(&key.task), model, Entry::words(&key.quant)];
            entries.push(Entry::words(&key.engine).below(format!("unit {}", key.unit)));
            entries.push(Entry::number(rows.len().to_string(), rows.len() as f64));
            entries.extend(metrics.iter().map(|metric| spread_entry(rows, metric, glossary)));
            entries.push(Entry::words(conditions(rows)).below(distinct_flags(rows).join("; ")));
            entries
        })
        .collect();
    Table::new("third-party", "What others measured, lowest to highest row", columns, rows, bounds)
}

fn spread_entry(rows: &[&ForeignRow], metric: &str, glossary: &Glossary) -> Entry {
    let words = glossary.metric(metric);
    match spread(rows, metric) {
        None => Entry::none(),
        Some((low, high, values)) if values.len() == 1 || words.value(low) == words.value(high) => {
            Entry::number(words.value(low), low).badge(BADGE).href("#third-party-rows")
        }
        Some((low, high, _)) => Entry::number(words.interval((low, high)), f64::midpoint(low, high))
            .badge(BADGE)
            .href("#third-party-rows"),
    }
}

/// Each flag once: those that differ in a figure alone are shown by their first; every row has its own below.
fn distinct_flags<'a>(rows: &[&'a ForeignRow]) -> Vec<&'a str> {
    let mut kinds = BTreeSet::new();
    let flags = rows.iter().flat_map(|row| &row.flags).map(String::as_str);
    flags.filter(|flag| kinds.insert(flag.replace(|c: char| c.is_ascii_digit() || c == '.', ""))).collect()
}

/// Conditions that the rows share or differ in, in words.
fn conditions(rows: &[&ForeignRow]) -> String {
    let all = |words: &dyn Fn(&ForeignRow) -> Option<String>| -> String {
        let found: BTreeSet<String> = rows.iter().filter_map(|row| words(row)).collect();
        found.into_iter().collect::<Vec<_>>().join(" or ")
    };
    let parts = [
        all(&|row| row.os_version.value().map(|version| format!("OS {version}"))),
        all(&|row| row.os_build.value().map(|build| format!("build {build}"))),
        all(&|row| row.power.value().map(|power| power_word(*power).to_owned())),
        all(&|row| row.thermal_start.value().map(|state| format!("thermal state {}", thermal_word(*state)))),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn dots(groups: &Groups<'_>, metric: &str, glossary: &Glossary) -> Option<ChartView> {
    let words = glossary.metric(metric);
    let rows: Vec<DotRow> = groups
        .iter()
        .filter_map(|(key, rows)| {
            let (low, high, samples) = spread(rows, metric)?;
            Some(DotRow {
                label: key.label(),
                shape: MarkShape::Ring,
                value: words.shown(f64::midpoint(low, high)),
                interval: (high > low).then_some((words.shown(low), words.shown(high))),
                samples: samples.into_iter().map(|value| words.shown(value)).collect(),
                figure: words.interval((low, high)),
            })
        })
        .collect();
    if rows.is_empty() {
        return None;
    }
    let id = format!("third-party-{}", slug(metric));
    let title = format!("{}, measured by others", words.label);
    let description: Vec<String> =
        rows.iter().map(|row| format!("{}: {} {}", row.label, row.figure, words.unit)).collect();
    let columns = vec![Column::words("Row"), Column::number("Lowest to highest", &words.unit)];
    let entries = rows
        .iter()
        .map(|row| vec![Entry::words(&row.label), Entry::number(&row.figure, row.value).badge(BADGE)])
        .collect();
    let svg = Dots {
        id: id.clone(),
        title: title.clone(),
        description: format!("{}.", description.join("; ")),
        unit: words.unit.clone(),
        from_zero: true,
        rows,
    }
    .draw();
    Some(ChartView {
        table: Table::whole(&format!("{id}-table"), &title, columns, entries),
        note: "Ring: the middle of the rows; bar: lowest to highest row, which is no confidence interval."
            .to_owned(),
        legend: Vec::new(),
        id,
        title,
        svg,
    })
}

/// Series that the tools recorded themselves, such as a rate over a long run.
fn series(groups: &Groups<'_>, glossary: &Glossary) -> Vec<ChartView> {
    let mut by_metric: BTreeMap<&str, Vec<Series>> = BTreeMap::new();
    for (key, rows) in groups {
        for row in rows {
            for (metric, values) in row.series.iter().filter(|(_, values)| values.len() > LONG_SERIES) {
                let words = glossary.metric(metric);
                let points = values
                    .iter()
                    .enumerate()
                    .map(|(index, value)| (index as f64, words.shown(*value)))
                    .collect();
                by_metric.entry(metric).or_default().push(Series { label: key.label(), points });
            }
        }
    }
    by_metric
        .into_iter()
        .filter_map(|(metric, series)| {
            let words = glossary.metric(metric);
            let id = format!("third-party-series-{}", slug(metric));
            let series = series.into_iter().take(LineChart::MOST_SERIES).collect();
            let mut view = line_view(
                id,
                format!("{} over a long run, measured by others", words.label),
                series,
                "sample",
                &words.unit,
            )?;
            "As recorded by the other tool, one value for each of its samples.".clone_into(&mut view.note);
            Some(view)
        })
        .collect()
}

/// Shorter series are repetitions, not a course over time.
const LONG_SERIES: usize = 30;

fn rows_table(analysis: &Analysis, glossary: &Glossary, bounds: Bounds) -> Result<Table, PageError> {
    let headers = ["Source", "Device", "OS", "Model", "Weights", "Engine", "Unit", "Task", "Conditions"];
    let mut columns: Vec<Column> = headers.into_iter().map(Column::words).collect();
    columns.extend(["Values", "Flags"].map(Column::wide));
    let mut rows = Vec::new();
    for (source, found) in &analysis.foreign {
        for row in found {
            rows.push(full_row(source, row, glossary));
        }
    }
    Table::new("third-party-rows", "Every imported row", columns, rows, bounds)
}

fn full_row(source: &ForeignSource, row: &ForeignRow, glossary: &Glossary) -> Vec<Entry> {
    let text = |value: &Known<String>| known(value, Clone::clone);
    let values: Vec<String> = row
        .values
        .iter()
        .map(|(metric, value)| {
            let words = glossary.metric(metric);
            format!("{} {} {}", words.label, words.value(*value), words.unit).trim_end().to_owned()
        })
        .collect();
    let conditions = [
        format!("power {}", known(&row.power, |power| power_word(*power).to_owned())),
        format!("thermal state {}", known(&row.thermal_start, |state| thermal_word(*state).to_owned())),
        format!("{} prompt tokens", known(&row.prompt_tokens, ToString::to_string)),
        format!("{} generated", known(&row.generated_tokens, ToString::to_string)),
        format!("at {}", text(&row.measured_at)),
    ];
    vec![
        Entry::code(format!("{}:{}", source.file, row.line)),
        Entry::words(device(row)).below(text(&row.device_identifier)),
        Entry::words(text(&row.os_version)).below(format!("build {}", text(&row.os_build))),
        Entry::words(&row.model).below(row.model_id.clone().unwrap_or_default()),
        Entry::words(text(&row.quant)),
        Entry::words(&row.engine),
        Entry::words(known(&row.unit, |unit| unit_word(*unit).to_owned())),
        Entry::words(&row.task),
        Entry::words(conditions.join(", ")),
        Entry::words(values.join("; ")).badge(BADGE),
        Entry::words(row.flags.join("; ")),
    ]
}

fn sources_table(analysis: &Analysis, bounds: Bounds) -> Result<Table, PageError> {
    let columns = ["Tool", "File", "Licence", "Rows", "SHA-256"].into_iter().map(Column::words).collect();
    let rows = analysis
        .foreign
        .iter()
        .map(|(source, rows)| {
            vec![
                Entry::words(&source.tool),
                Entry::code(&source.file),
                Entry::words(source.licence.as_deref().unwrap_or("not stated")),
                Entry::number(rows.len().to_string(), rows.len() as f64),
                Entry::code(&source.sha256),
            ]
        })
        .collect();
    Table::new("third-party-sources", "Files they came from", columns, rows, bounds)
}
