//! Long trials over time, one chart each: the rate, what the sensors read beside it, and what the device said.

use dyno_protocol::ThermalState;
use dyno_suites::Words;

use crate::analysis::{Course, CourseReading};
use crate::chart::{CourseChart, MarkShape, Panel, Series, Span};
use crate::readable;

use super::charts::{ChartView, line_row};
use super::columns::badge;
use super::glossary::Glossary;
use super::table::{Column, Table};

/// So many charts stand in the page; the exports hold every course.
const MOST_CHARTS: usize = 16;

pub(super) fn views(courses: &[Course], glossary: &Glossary) -> Vec<ChartView> {
    courses
        .iter()
        .take(MOST_CHARTS)
        .enumerate()
        .map(|(index, course)| view(index, course, glossary))
        .collect()
}

fn view(index: usize, course: &Course, glossary: &Glossary) -> ChartView {
    let id = format!("course-{index}");
    let cell = &course.cell;
    let kind = badge(course.evidence);
    let kind = if kind.is_empty() { String::new() } else { format!(" ({kind})") };
    let title =
        format!("{} {}, {}/{} on {}{kind}", cell.model, cell.quant, cell.suite, cell.case, cell.device);
    let mut panels = vec![Panel {
        title: format!("Decode rate, {}", glossary.metric("decode_rate").unit),
        from_zero: true,
        lines: vec![("decode rate".to_owned(), course.rate.clone())],
    }];
    panels.extend(PANELS.iter().filter_map(|(unit, name, scale)| panel(course, unit, name, *scale)));
    let marks = course.recovery.iter().map(|(at_s, rate)| {
        let hover = format!(
            "probe {} s after the work: {} tok/s",
            readable::number(at_s - course.end_s, 0),
            readable::number(*rate, 1)
        );
        ((*at_s, *rate), hover)
    });
    let mut bands: Vec<Span> = course
        .states
        .iter()
        .map(|span| Span {
            from_s: span.from_s,
            to_s: span.to_s,
            kind: class(span.state),
            label: span.state.word().to_owned(),
        })
        .collect();
    if let Some((_, Some((low, high)))) = course.onset_s {
        bands.push(Span { from_s: low, to_s: high, kind: "onset", label: String::new() });
    }
    let mut moments: Vec<(f64, String)> = Vec::new();
    if let Some((onset, _)) = course.onset_s {
        moments.push((onset, format!("falls from {} s on", readable::number(onset, 0))));
    }
    if !course.recovery.is_empty() {
        moments.push((course.end_s, "the work ends".to_owned()));
    }
    let series: Vec<Series> = series(course);
    let rows = series.iter().map(line_row).collect();
    let columns = vec![
        Column::words("Line"),
        Column::number("Points", ""),
        Column::number("First", ""),
        Column::number("Lowest", ""),
        Column::number("Highest", ""),
        Column::number("Last", ""),
    ];
    let chart = CourseChart {
        id: id.clone(),
        title: title.clone(),
        description: described(course),
        panels,
        marks: marks.collect(),
        shape: MarkShape::of(course.evidence),
        bands,
        moments,
        level: course.plateau.map(|rate| (rate, format!("at the end {}", readable::number(rate, 1)))),
    };
    ChartView {
        note: note(course),
        legend: Vec::new(),
        svg: chart.draw(),
        table: Table::whole(&format!("{id}-table"), &title, columns, rows),
        id,
        title,
    }
}

/// Units of readings in the order of their panels, with the panel's words and what to multiply by.
const PANELS: [(&str, &str, f64); 5] = [
    ("c", "Temperature, \u{b0}C", 1.0),
    ("hz", "Clock, GHz", 1e-9),
    ("share", "Clock, % of the highest", 100.0),
    ("w", "Power, W", 1.0),
    ("percent", "Battery, %", 1.0),
];

fn panel(course: &Course, unit: &str, name: &str, scale: f64) -> Option<Panel> {
    let lines: Vec<(String, Vec<(f64, f64)>)> = course
        .readings
        .iter()
        .filter(|reading| reading.unit == unit)
        .take(CourseChart::MOST_LINES)
        .map(|reading| {
            (reading.name.clone(), reading.points.iter().map(|(s, value)| (*s, value * scale)).collect())
        })
        .collect();
    let names: Vec<&str> = lines.iter().map(|(name, _)| name.as_str()).collect();
    let title = format!("{name}: {}", names.join(", "));
    (!lines.is_empty()).then_some(Panel { title, from_zero: unit == "w", lines })
}

fn class(state: ThermalState) -> &'static str {
    match state {
        ThermalState::Nominal => "nominal",
        ThermalState::Fair => "fair",
        ThermalState::Serious => "serious",
        ThermalState::Critical => "critical",
    }
}

fn series(course: &Course) -> Vec<Series> {
    let reading = |reading: &CourseReading| Series {
        label: format!("{} ({})", reading.name, reading.unit),
        points: reading.points.clone(),
    };
    let mut series = vec![Series { label: "decode rate (token/s)".to_owned(), points: course.rate.clone() }];
    if !course.recovery.is_empty() {
        let label = "probes after the work (token/s)".to_owned();
        series.push(Series { label, points: course.recovery.clone() });
    }
    series.extend(course.readings.iter().map(reading));
    series
}

fn described(course: &Course) -> String {
    let ends = course.rate.first().zip(course.rate.last());
    let rate = ends.map_or_else(String::new, |(first, last)| {
        format!("From {} to {} token/s", readable::number(first.1, 1), readable::number(last.1, 1))
    });
    let fall = course.onset_s.map_or_else(
        || "; it does not fall".to_owned(),
        |(onset, _)| format!("; it falls from second {} on", readable::number(onset, 0)),
    );
    format!("{rate} in {} s{fall}.", readable::number(course.end_s, 0))
}

/// How to read it, and how it began.
fn note(course: &Course) -> String {
    let mut parts = vec![match course.gate_share {
        Some(share) => format!(
            "Began when its probe ran at {} % of its cold reference.",
            readable::number(share * 100.0, 0)
        ),
        None => "Began without a gate.".to_owned(),
    }];
    if course.onset_s.is_some_and(|(_, interval)| interval.is_some()) {
        parts.push("The shaded time is where the fall may have begun.".to_owned());
    }
    if !course.recovery.is_empty() {
        parts.push("Marks: short probes after the work.".to_owned());
    }
    if !course.states.is_empty() {
        parts.push("Above: what the device said of its own heat, which lags and decides nothing.".to_owned());
    }
    parts.join(" ")
}
