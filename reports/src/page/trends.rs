//! The trend page: series over time, where they changed, which builds are suspect.

use dyno_suites::Definitions;
use serde::Serialize;

use crate::chart::{Level, MarkShape, Timeline, TimelineChange, TimelineDot};
use crate::history::{Trend, TrendChange};
use crate::readable;

use super::charts::ChartView;
use super::columns::badge;
use super::glossary::{Glossary, MetricWords};
use super::table::{Bounds, Column, Entry, Table};
use super::{PageError, template};

#[derive(Debug, Serialize)]
struct TrendsView {
    title: String,
    summary: String,
    definition: String,
    changes: Option<Table>,
    charts: Vec<ChartView>,
    annotations: Option<Table>,
}

/// More pictures than these make a page that nobody scrolls through; those with changes come first.
const MOST_CHARTS: usize = 60;

/// Makes the page over series of one metric.
pub fn render_trends(trends: &[Trend], definitions: &Definitions) -> Result<String, PageError> {
    let glossary = Glossary::from(definitions);
    let metric = trends.first().map_or("", |trend| trend.metric.as_str());
    let words = glossary.metric(metric);
    let bounds = Bounds { at_once: 100, in_page: 5_000 };
    let mut order: Vec<usize> = (0..trends.len()).collect();
    order.sort_by_key(|place| trends[*place].changes.is_empty());
    let charts =
        order.iter().take(MOST_CHARTS).filter_map(|place| chart(*place, &trends[*place], &words)).collect();
    let points: usize = trends.iter().map(|trend| trend.points.len()).sum();
    let changed: usize = trends.iter().map(|trend| trend.changes.len()).sum();
    let mut summary = format!("{} series, {points} sessions, {changed} changes.", trends.len());
    if trends.len() > MOST_CHARTS {
        summary.push_str(&format!(" The first {MOST_CHARTS} are drawn, those that changed first."));
    }
    let rows: Vec<Vec<Entry>> = trends
        .iter()
        .flat_map(|trend| trend.changes.iter().map(|found| change_row(trend, found, &words)))
        .collect();
    let changes = if rows.is_empty() {
        None
    } else {
        let columns = vec![
            Column::words("Series"),
            Column::words("Since"),
            Column::words("Verdict"),
            Column::number("Change", "%"),
            Column::number("Before", &words.unit),
            Column::number("After", &words.unit),
            Column::words("Last good build"),
            Column::words("Suspect builds"),
        ];
        Some(Table::new("changed", "Every change point", columns, rows, bounds)?)
    };
    let notes = trends.first().map(|trend| &trend.annotations).filter(|notes| !notes.is_empty());
    let annotations = notes.map(|notes| {
        let columns =
            vec![Column::number("#", ""), Column::words("When"), Column::words("Who"), Column::wide("What")];
        let rows = notes.iter().enumerate().map(|(number, note)| {
            let number = (number + 1) as f64;
            vec![
                Entry::number(readable::number(number, 0), number),
                Entry::words(&note.at),
                Entry::words(&note.who),
                Entry::words(&note.text),
            ]
        });
        Table::whole("annotations", "Annotations", columns, rows.collect())
    });
    template::trends(&TrendsView {
        title: format!("{} over time", words.label),
        summary,
        definition: format!("{}, {}. {}", words.label, words.direction(), words.definition),
        changes,
        charts,
        annotations,
    })
}

fn change_row(trend: &Trend, found: &TrendChange, words: &MetricWords) -> Vec<Entry> {
    let change = &found.change;
    let first = &trend.points[change.index];
    let build = |build: &String| short(build).to_owned();
    vec![
        Entry::words(&trend.title),
        Entry::words(&first.at).below(format!("{} \u{b7} p {}", first.run_id, readable::number(change.p, 3))),
        Entry::words(found.judgement.word()),
        Entry::number(signed_percent(change.change), change.change),
        Entry::number(words.value(change.before), change.before),
        Entry::number(words.value(change.after), change.after),
        found
            .good_build
            .as_ref()
            .map_or_else(|| Entry::words("none in this baseline"), |good| Entry::code(build(good))),
        Entry::code(found.suspect_builds.iter().map(build).collect::<Vec<_>>().join(" ")),
    ]
}

fn chart(place: usize, trend: &Trend, words: &MetricWords) -> Option<ChartView> {
    let id = format!("trend-{place}");
    let dots: Vec<TimelineDot> = trend
        .points
        .iter()
        .map(|point| TimelineDot {
            value: words.shown(point.value),
            shape: MarkShape::of(point.evidence),
            hover: format!(
                "{} {}, {}, build {}",
                words.value(point.value),
                words.unit,
                point.at,
                short(&point.build)
            ),
        })
        .collect();
    let started = trend.epochs.iter().filter(|epoch| !epoch.because.is_empty());
    let changes: Vec<TimelineChange> =
        trend.changes.iter().map(|found| timeline_change(trend, found, words)).collect();
    let notes = trend
        .annotations
        .iter()
        .map(|note| (trend.points.partition_point(|point| point.at < note.at), note.text.clone()))
        .collect();
    let described: Vec<&str> = changes.iter().map(|change| change.label.as_str()).collect();
    let description = if described.is_empty() {
        format!("{} sessions, no change.", trend.points.len())
    } else {
        format!("{} sessions; {}.", trend.points.len(), described.join("; "))
    };
    let svg = Timeline {
        id: id.clone(),
        title: trend.title.clone(),
        description,
        unit: words.unit.clone(),
        dots,
        baselines: started.map(|epoch| (epoch.first, epoch.because.join("; "))).collect(),
        changes,
        notes,
    }
    .draw()?;
    let table = points_table(&id, trend, words);
    let note = format!("{} sessions in {} baselines", trend.points.len(), trend.epochs.len());
    Some(ChartView { id, title: trend.title.clone(), note, legend: Vec::new(), svg, table })
}

fn timeline_change(trend: &Trend, found: &TrendChange, words: &MetricWords) -> TimelineChange {
    let change = &found.change;
    let epoch = trend.epochs.iter().find(|epoch| (epoch.first..=epoch.last).contains(&change.index));
    let (mut first, mut last) = epoch.map_or((0, trend.points.len() - 1), |epoch| (epoch.first, epoch.last));
    for other in &trend.changes {
        if other.change.index < change.index {
            first = first.max(other.change.index);
        }
        if other.change.index > change.index {
            last = last.min(other.change.index - 1);
        }
    }
    TimelineChange {
        suspects: change.suspects,
        label: format!("{} {}", found.judgement.word(), signed_percent(change.change)),
        before: Level { first, last: change.index - 1, value: words.shown(change.before) },
        after: Level { first: change.index, last, value: words.shown(change.after) },
    }
}

/// The newest sessions: the table behind the picture.
fn points_table(id: &str, trend: &Trend, words: &MetricWords) -> Table {
    const MOST: usize = 60;
    let columns = vec![
        Column::words("Session"),
        Column::number(&words.label, &words.unit),
        Column::number("Trials", ""),
        Column::words("Build"),
    ];
    let newest = trend.points.iter().rev().take(MOST);
    let rows = newest.map(|point| {
        vec![
            Entry::words(&point.at).below(&point.run_id),
            Entry::number(words.value(point.value), point.value).badge(badge(point.evidence)),
            Entry::number(point.trials.to_string(), f64::from(point.trials)),
            Entry::code(short(&point.build)),
        ]
    });
    let rows: Vec<Vec<Entry>> = rows.collect();
    let caption = if trend.points.len() > MOST {
        format!("{}, the newest {MOST} of {} sessions", trend.title, trend.points.len())
    } else {
        trend.title.clone()
    };
    Table::whole(&format!("{id}-table"), caption, columns, rows)
}

fn signed_percent(change: f64) -> String {
    let plus = if change > 0.0 { "+" } else { "" };
    format!("{plus}{} %", readable::number(change * 100.0, 1))
}

/// Enough of a hash to find the build by.
fn short(build: &str) -> &str {
    build.get(..12).unwrap_or(build)
}
