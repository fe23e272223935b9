//! Which charts the page shows, and the table behind each of them.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use crate::analysis::{Analysis, Summary};
use crate::chart::{DotRow, Dots, Frontier, FrontierPoint, LineChart, MarkShape, Series};
use crate::evidence::Evidence;
use crate::readable;

use super::columns::{Varying, badge, short_label};
use super::courses;
use super::glossary::Glossary;
use super::table::{Column, Entry, Table};
use super::verdicts::slug;

#[derive(Debug, Serialize)]
pub(super) struct ChartView {
    pub(super) id: String,
    pub(super) title: String,
    /// How to read it, in one sentence.
    pub(super) note: String,
    pub(super) legend: Vec<String>,
    pub(super) svg: String,
    pub(super) table: Table,
}

/// Rows that one picture can carry.
const MOST_ROWS: usize = 24;
/// Fewer samples have no distribution worth a line.
const FEWEST_FOR_DISTRIBUTION: usize = 8;

pub(super) fn all(analysis: &Analysis, glossary: &Glossary) -> Vec<ChartView> {
    let mut charts = dots(analysis, glossary);
    charts.extend(ceiling(analysis, glossary));
    charts.extend(frontier(analysis, glossary));
    charts.extend(distributions(analysis, glossary));
    charts.extend(courses::views(&analysis.courses, glossary));
    charts
}

type Group<'a> = ((&'a str, &'a str), Vec<&'a Summary>);

/// In the order in which the analysis brings them, which is the plan's.
fn by_suite_and_metric(analysis: &Analysis) -> Vec<Group<'_>> {
    let mut places: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for summary in &analysis.summaries {
        let key = (summary.cell.suite.as_str(), summary.metric.as_str());
        let place = *places.entry(key).or_insert_with(|| {
            groups.push((key, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(summary);
    }
    groups
}

/// By suite and metric, where at least two cells can be compared.
fn dots(analysis: &Analysis, glossary: &Glossary) -> Vec<ChartView> {
    by_suite_and_metric(analysis)
        .into_iter()
        .filter(|(_, summaries)| summaries.len() > 1)
        .map(|((suite, metric), mut summaries)| {
            let words = glossary.metric(metric);
            if words.quality {
                // By size, then by weights: what quantization costs is read within one size.
                summaries.sort_by_key(|s| (glossary.parameters(&s.cell.model), &s.cell.model, &s.cell.quant));
            }
            let left_out = summaries.len().saturating_sub(MOST_ROWS);
            let varying = Varying::among(&summaries.iter().map(|summary| &summary.cell));
            let rows: Vec<DotRow> = summaries
                .iter()
                .take(MOST_ROWS)
                .map(|summary| dot_row(summary, short_label(&summary.cell, varying), glossary))
                .collect();
            let id = format!("dots-{}-{}", slug(suite), slug(metric));
            let title = format!("{}, {suite}", words.label);
            let mut note =
                "Large mark: the estimate with its 95 % interval. Faint dots: single samples.".to_owned();
            if left_out > 0 {
                let _ = write!(note, " {left_out} further rows are in the table above.");
            }
            let svg = Dots {
                id: id.clone(),
                title: title.clone(),
                description: described(&rows, &words.unit),
                unit: format!("{}, {}", words.unit, words.direction()),
                from_zero: words.quality || words.unit.contains("/s"),
                rows: rows.clone(),
            }
            .draw();
            let table = dots_table(&id, &title, &words.unit, &summaries, varying, glossary);
            ChartView { id, title, note, legend: Vec::new(), svg, table }
        })
        .collect()
}

fn dot_row(summary: &Summary, label: String, glossary: &Glossary) -> DotRow {
    let words = glossary.metric(&summary.metric);
    DotRow {
        label,
        shape: MarkShape::of(summary.evidence),
        value: words.shown(summary.estimate.value),
        interval: summary.estimate.interval.map(|(low, high)| (words.shown(low), words.shown(high))),
        samples: summary.samples.iter().map(|sample| words.shown(sample.value)).collect(),
        figure: words.value(summary.estimate.value),
    }
}

fn described(rows: &[DotRow], unit: &str) -> String {
    let parts: Vec<String> = rows.iter().map(|row| format!("{}: {} {unit}", row.label, row.figure)).collect();
    format!("{}.", parts.join("; "))
}

fn dots_table(
    id: &str,
    title: &str,
    unit: &str,
    summaries: &[&Summary],
    varying: Varying,
    glossary: &Glossary,
) -> Table {
    let columns = vec![Column::words("Cell"), Column::number("Value", unit), Column::number("Samples", "")];
    let rows = summaries
        .iter()
        .take(MOST_ROWS)
        .map(|summary| {
            let words = glossary.metric(&summary.metric);
            let value = Entry::number(words.value(summary.estimate.value), summary.estimate.value)
                .badge(badge(summary.evidence));
            let value = match summary.estimate.interval {
                Some(interval) => value.below(words.interval(interval)),
                None => value,
            };
            let count = summary.samples.len();
            vec![
                Entry::words(short_label(&summary.cell, varying)),
                value,
                Entry::number(count.to_string(), count as f64),
            ]
        })
        .collect();
    Table::whole(&format!("{id}-table"), title, columns, rows)
}

/// Rates as a share of what the device's memory or arithmetic allows.
fn ceiling(analysis: &Analysis, glossary: &Glossary) -> Option<ChartView> {
    let with: Vec<(&Summary, f64)> =
        analysis.summaries.iter().filter_map(|summary| Some((summary, summary.ceiling? * 100.0))).collect();
    if with.is_empty() {
        return None;
    }
    let varying = Varying::among(&with.iter().map(|(summary, _)| &summary.cell));
    let label = |summary: &Summary| {
        format!("{} \u{b7} {}", short_label(&summary.cell, varying), glossary.metric(&summary.metric).label)
    };
    let rows: Vec<DotRow> = with
        .iter()
        .take(MOST_ROWS)
        .map(|(summary, share)| DotRow {
            label: label(summary),
            shape: MarkShape::of(summary.evidence),
            value: *share,
            interval: None,
            samples: Vec::new(),
            figure: format!("{} %", readable::number(*share, 0)),
        })
        .collect();
    let id = "ceiling".to_owned();
    let title = "Rate against the device's ceiling".to_owned();
    let columns = vec![Column::words("Cell"), Column::number("Share of ceiling", "%")];
    let table_rows = with
        .iter()
        .take(MOST_ROWS)
        .map(|(summary, share)| {
            let share = Entry::number(readable::number(*share, 0), *share).badge(badge(summary.evidence));
            vec![Entry::words(label(summary)), share]
        })
        .collect();
    Some(ChartView {
        note: "The ceiling is the bandwidth measured on the device over the bytes that one token reads."
            .to_owned(),
        legend: Vec::new(),
        svg: Dots {
            id: id.clone(),
            title: title.clone(),
            description: described(&rows, "of the ceiling"),
            unit: "% of the ceiling".to_owned(),
            from_zero: true,
            rows,
        }
        .draw(),
        table: Table::whole("ceiling-table", &title, columns, table_rows),
        id,
        title,
    })
}

/// Speed, quality and memory of the same weights on the same device.
fn frontier(analysis: &Analysis, glossary: &Glossary) -> Option<ChartView> {
    type Key<'a> = (&'a str, &'a str, &'a str, &'a str);
    #[derive(Default)]
    struct Found {
        speed: Option<f64>,
        quality: Vec<f64>,
        memory: Option<f64>,
        evidence: Option<Evidence>,
    }
    let mut found: BTreeMap<Key<'_>, Found> = BTreeMap::new();
    for summary in &analysis.summaries {
        let cell = &summary.cell;
        let entry = found.entry((&cell.model, &cell.quant, &cell.engine, &cell.device)).or_default();
        let value = summary.estimate.value;
        if glossary.metric(&summary.metric).quality {
            entry.quality.push(glossary.metric(&summary.metric).shown(value));
        } else if summary.metric == "decode_rate" {
            entry.speed.get_or_insert(value);
        } else if summary.metric.starts_with("peak_footprint") || summary.metric.starts_with("peak_memory") {
            entry.memory.get_or_insert(value);
        } else {
            continue;
        }
        entry.evidence = entry.evidence.max(Some(summary.evidence));
    }
    let points: Vec<FrontierPoint> = found
        .into_iter()
        .filter_map(|((model, quant, engine, _), found)| {
            let quality = found.quality.iter().sum::<f64>() / found.quality.len().max(1) as f64;
            let speed = found.speed.filter(|_| !found.quality.is_empty())?;
            let memory = found.memory;
            Some(FrontierPoint {
                label: format!("{model} {quant} {engine}"),
                shape: MarkShape::of(found.evidence?),
                figure: format!(
                    "{} tok/s, quality {}",
                    readable::number(speed, 1),
                    readable::number(quality, 2)
                ),
                speed,
                quality,
                memory_bytes: memory,
            })
        })
        .collect();
    if points.len() < 2 {
        return None;
    }
    let title = "Speed, quality and memory together".to_owned();
    let columns = vec![
        Column::words("Model"),
        Column::number("Decode rate", "tok/s"),
        Column::number("Mean quality", ""),
        Column::words("On the frontier"),
    ];
    let efficient = Frontier::efficient(&points);
    let rows = points
        .iter()
        .enumerate()
        .map(|(index, point)| {
            vec![
                Entry::words(&point.label),
                Entry::number(readable::number(point.speed, 1), point.speed),
                Entry::number(readable::number(point.quality, 3), point.quality),
                Entry::words(if efficient.contains(&index) { "yes" } else { "no" }),
            ]
        })
        .collect();
    let described: Vec<String> =
        points.iter().map(|point| format!("{}: {}", point.label, point.figure)).collect();
    let svg = Frontier {
        id: "frontier".to_owned(),
        title: title.clone(),
        description: format!("{}.", described.join("; ")),
        speed_unit: "decode rate, tok/s".to_owned(),
        quality_unit: "mean quality over the tasks".to_owned(),
        points,
    }
    .draw();
    Some(ChartView {
        id: "frontier".to_owned(),
        note: "Up and to the right is better. The line joins what nothing beats on both. Area: peak memory."
            .to_owned(),
        legend: Vec::new(),
        svg,
        table: Table::whole("frontier-table", &title, columns, rows),
        title,
    })
}

/// The share of samples at or below a value: latency has a tail that a mean hides.
fn distributions(analysis: &Analysis, glossary: &Glossary) -> Vec<ChartView> {
    by_suite_and_metric(analysis)
        .into_iter()
        .filter_map(|((suite, metric), mut summaries)| {
            let words = glossary.metric(metric);
            summaries.retain(|summary| summary.samples.len() >= FEWEST_FOR_DISTRIBUTION);
            if summaries.is_empty() || !matches!(words.unit.as_str(), "ms" | "s") {
                return None;
            }
            let varying = Varying::among(&summaries.iter().map(|summary| &summary.cell));
            let series: Vec<Series> = summaries
                .iter()
                .take(LineChart::MOST_SERIES)
                .map(|summary| Series {
                    label: short_label(&summary.cell, varying),
                    points: steps(summary.samples.iter().map(|sample| words.shown(sample.value)).collect()),
                })
                .collect();
            let id = format!("spread-{}-{}", slug(suite), slug(metric));
            line_view(id, format!("Spread of {}, {suite}", words.label), series, &words.unit, "% of samples")
        })
        .collect()
}

fn steps(mut values: Vec<f64>) -> Vec<(f64, f64)> {
    values.sort_by(f64::total_cmp);
    let count = values.len() as f64;
    let mut points = Vec::with_capacity(values.len() * 2);
    for (index, value) in values.into_iter().enumerate() {
        points.push((value, index as f64 / count * 100.0));
        points.push((value, (index + 1) as f64 / count * 100.0));
    }
    points
}

pub(super) fn line_view(
    id: String,
    title: String,
    series: Vec<Series>,
    x_unit: &str,
    y_unit: &str,
) -> Option<ChartView> {
    let columns = vec![
        Column::words("Line"),
        Column::number("Points", ""),
        Column::number("First", y_unit),
        Column::number("Lowest", y_unit),
        Column::number("Highest", y_unit),
        Column::number("Last", y_unit),
    ];
    let rows: Vec<Vec<Entry>> = series.iter().map(line_row).collect();
    let described: Vec<String> = rows
        .iter()
        .map(|row| format!("{}: from {} to {} {y_unit}", row[0].text, row[2].text, row[5].text))
        .collect();
    let legend = series.iter().take(LineChart::MOST_SERIES).map(|series| series.label.clone()).collect();
    let svg = LineChart {
        id: id.clone(),
        title: title.clone(),
        description: format!("{}.", described.join("; ")),
        x_label: x_unit.to_owned(),
        y_label: y_unit.to_owned(),
        series,
    }
    .draw()?;
    let table = Table::whole(&format!("{id}-table"), &title, columns, rows);
    Some(ChartView { id, title, note: String::new(), legend, svg, table })
}

pub(super) fn line_row(series: &Series) -> Vec<Entry> {
    let values: Vec<f64> =
        series.points.iter().map(|point| point.1).filter(|value| value.is_finite()).collect();
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let shown = |value: Option<f64>| match value {
        Some(value) if value.is_finite() => {
            Entry::number(readable::number(value, readable::decimals_for(value)), value)
        }
        _ => Entry::none(),
    };
    vec![
        Entry::words(&series.label),
        Entry::number(values.len().to_string(), values.len() as f64),
        shown(values.first().copied()),
        shown(Some(low)),
        shown(Some(high)),
        shown(values.last().copied()),
    ]
}
