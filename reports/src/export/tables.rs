//! Which tables there are and what stands in each column.

use std::collections::{BTreeMap, HashMap};

use dyno_protocol::Known;
use dyno_suites::{Definitions, Words};

use crate::analysis::{Analysis, Sample, Summary};
use crate::bundle::Outcome;
use crate::cell::Cell;
use crate::foreign::ForeignRow;
use crate::verdict::Leaning;

use super::{ExportTable, Field};

/// Every table of an analysis, complete.
pub fn tables(analysis: &Analysis, definitions: &Definitions) -> Vec<ExportTable> {
    vec![
        verdicts(analysis),
        evidence(analysis),
        summaries(analysis, definitions),
        samples(analysis, definitions),
        trials(analysis, definitions),
        skipped(analysis),
        third_party(analysis, definitions),
    ]
}

/// `decode_rate_low_token_per_s`: what, which end of it, and the unit last. A metric that no definition
/// knows says so in its unit's place.
fn column(definitions: &Definitions, metric: &str, part: &str) -> String {
    let unit = definitions.metric(metric).map_or("unknown_unit", |metric| metric.unit.word());
    let unit = unit.replace("token/s", "token_per_s").replace('/', "_per_");
    let part = if part.is_empty() { String::new() } else { format!("_{part}") };
    format!("{metric}{part}_{unit}")
}

const CELL: [&str; 10] =
    ["suite", "suite_version", "case", "case_version", "model", "quant", "engine", "unit", "device", "axes"];

fn cell_fields(cell: &Cell) -> Vec<Field> {
    let axes: Vec<String> = cell.axes.iter().map(|(axis, value)| format!("{axis}={value}")).collect();
    vec![
        (&cell.suite).into(),
        cell.suite_version.into(),
        (&cell.case).into(),
        cell.case_version.into(),
        (&cell.model).into(),
        (&cell.quant).into(),
        (&cell.engine).into(),
        cell.unit.word().into(),
        (&cell.device).into(),
        axes.join(" ").into(),
    ]
}

fn named(columns: &[&str]) -> Vec<String> {
    columns.iter().map(|column| (*column).to_owned()).collect()
}

/// Ids in the order in which they first come.
fn in_order<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for id in ids {
        if seen.insert(id) {
            found.push(id);
        }
    }
    found
}

fn verdicts(analysis: &Analysis) -> ExportTable {
    let columns = named(&[
        "claim",
        "number",
        "title",
        "statement",
        "source",
        "verdict",
        "leaning",
        "headline",
        "why",
        "differs",
        "decide_with",
    ]);
    let rows = analysis
        .verdicts
        .iter()
        .map(|verdict| {
            let leaning = verdict.leaning.map(|leaning| match leaning {
                Leaning::Indicated => "indicated",
                Leaning::Contradicted => "contradicted",
                Leaning::Unclear => "unclear",
            });
            vec![
                (&verdict.claim).into(),
                verdict.number.into(),
                (&verdict.title).into(),
                (&verdict.statement).into(),
                (&verdict.source).into(),
                verdict.verdict.word().into(),
                leaning.into(),
                (&verdict.headline).into(),
                verdict.why.join("; ").into(),
                verdict.differs.join("; ").into(),
                (&verdict.decide_with).into(),
            ]
        })
        .collect();
    ExportTable { name: "verdicts", columns, rows }
}

/// The one table whose unit is a column: its rows are of different metrics by their nature.
fn evidence(analysis: &Analysis) -> ExportTable {
    let columns = named(&[
        "claim",
        "evidence",
        "what",
        "metric",
        "value",
        "low",
        "high",
        "value_unit",
        "samples",
        "refers_to",
        "flags",
    ]);
    let lines =
        analysis.verdicts.iter().flat_map(|verdict| verdict.evidence.iter().map(move |line| (verdict, line)));
    let rows = lines
        .map(|(verdict, line)| {
            vec![
                (&verdict.claim).into(),
                line.kind.word().into(),
                (&line.what).into(),
                (&line.metric).into(),
                line.value.into(),
                line.low.into(),
                line.high.into(),
                (&line.unit).into(),
                line.samples.into(),
                line.refers_to.join(" ").into(),
                line.flags.join("; ").into(),
            ]
        })
        .collect();
    ExportTable { name: "evidence", columns, rows }
}

fn summaries(analysis: &Analysis, definitions: &Definitions) -> ExportTable {
    let metrics = in_order(analysis.summaries.iter().map(|summary| summary.metric.as_str()));
    let mut columns = named(&CELL);
    columns.extend(named(&["evidence", "model_sha256"]));
    for metric in &metrics {
        columns.extend(["", "low", "high"].map(|part| column(definitions, metric, part)));
        columns.extend(["passes", "trials", "sessions"].map(|part| format!("{metric}_{part}")));
        columns.push(format!("{metric}_of_ceiling_ratio"));
    }
    let mut cells: BTreeMap<(&Cell, &str), HashMap<&str, &Summary>> = BTreeMap::new();
    for summary in &analysis.summaries {
        cells.entry((&summary.cell, summary.evidence.word())).or_default().insert(&summary.metric, summary);
    }
    let rows = cells
        .into_iter()
        .map(|((cell, evidence), of_cell)| {
            let mut row = cell_fields(cell);
            row.push(evidence.into());
            row.push(of_cell.values().find_map(|summary| summary.model_sha256.as_ref()).into());
            for metric in &metrics {
                let summary = of_cell.get(metric);
                let estimate = summary.map(|summary| &summary.estimate);
                row.push(estimate.map(|estimate| estimate.value).into());
                row.push(estimate.and_then(|estimate| estimate.interval).map(|interval| interval.0).into());
                row.push(estimate.and_then(|estimate| estimate.interval).map(|interval| interval.1).into());
                row.push(estimate.map(|estimate| estimate.passes).into());
                row.push(estimate.map(|estimate| estimate.trials).into());
                row.push(estimate.map(|estimate| estimate.sessions).into());
                row.push(summary.and_then(|summary| summary.ceiling).into());
            }
            row
        })
        .collect();
    ExportTable { name: "summaries", columns, rows }
}

/// One row for each pass of each trial, every metric of it beside the others.
fn samples(analysis: &Analysis, definitions: &Definitions) -> ExportTable {
    type Pass<'a> = (&'a str, &'a str, u32, u32);
    let metrics = in_order(analysis.summaries.iter().map(|summary| summary.metric.as_str()));
    let mut passes: BTreeMap<Pass<'_>, (&Cell, &Sample, HashMap<&str, f64>)> = BTreeMap::new();
    for summary in &analysis.summaries {
        for sample in &summary.samples {
            let key = (sample.run_id.as_str(), sample.trial.0.as_str(), sample.attempt, sample.pass);
            let (_, _, values) = passes.entry(key).or_insert_with(|| (&summary.cell, sample, HashMap::new()));
            values.insert(&summary.metric, sample.value);
        }
    }
    let mut columns = named(&["run", "session", "trial", "attempt", "pass"]);
    columns.extend(named(&CELL));
    columns.extend(metrics.iter().map(|metric| column(definitions, metric, "")));
    let rows = passes
        .into_values()
        .map(|(cell, sample, values)| {
            let mut row: Vec<Field> = vec![
                (&sample.run_id).into(),
                (&sample.session.0).into(),
                (&sample.trial.0).into(),
                sample.attempt.into(),
                sample.pass.into(),
            ];
            row.extend(cell_fields(cell));
            row.extend(metrics.iter().map(|metric| values.get(metric).copied().into()));
            row
        })
        .collect();
    ExportTable { name: "samples", columns, rows }
}

fn trials(analysis: &Analysis, definitions: &Definitions) -> ExportTable {
    let attempts = analysis.trials.iter().filter_map(|row| row.attempt.as_ref());
    let metrics = in_order(attempts.flat_map(|attempt| &attempt.values).map(|(metric, _)| metric.as_str()));
    let mut columns =
        named(&["run", "trial", "round", "attempt", "session", "outcome", "reason", "next_step", "flags"]);
    columns.extend(named(&["prompt_sha256", "model_sha256", "first_event", "last_event"]));
    columns.extend(named(&CELL));
    columns.extend(metrics.iter().map(|metric| column(definitions, metric, "")));
    let rows = analysis
        .trials
        .iter()
        .map(|trial| {
            let attempt = trial.attempt.as_ref();
            let (outcome, reason, next_step) = match attempt.map(|attempt| &attempt.outcome) {
                None => ("never-begun", None, None),
                Some(None) => ("cut", None, None),
                Some(Some(Outcome::Done)) => ("done", None, None),
                Some(Some(Outcome::Invalid { reasons })) => ("invalid", Some(reasons.join("; ")), None),
                Some(Some(Outcome::Failed { failure })) => {
                    ("failed", Some(failure.what.clone()), failure.next_step.clone())
                }
            };
            let mut row: Vec<Field> = vec![
                (&trial.run_id).into(),
                (&trial.trial.0).into(),
                trial.round.into(),
                attempt.map(|attempt| attempt.attempt).into(),
                attempt.map(|attempt| &attempt.session.0).into(),
                outcome.into(),
                reason.into(),
                next_step.into(),
                attempt.map(|attempt| attempt.flags.join("; ")).into(),
                attempt.and_then(|attempt| attempt.prompt_sha256.as_ref()).into(),
                attempt.and_then(|attempt| attempt.model_sha256.as_ref()).into(),
                attempt.map(|attempt| attempt.events.0).into(),
                attempt.map(|attempt| attempt.events.1).into(),
            ];
            row.extend(cell_fields(&trial.cell));
            row.extend(metrics.iter().map(|metric| {
                let value = attempt.and_then(|attempt| attempt.values.iter().find(|(id, _)| id == metric));
                Field::from(value.map(|(_, value)| *value))
            }));
            row
        })
        .collect();
    ExportTable { name: "trials", columns, rows }
}

fn skipped(analysis: &Analysis) -> ExportTable {
    let mut columns = named(&["reason"]);
    columns.extend(named(&CELL));
    let rows = analysis
        .skipped
        .iter()
        .map(|skipped| {
            let mut row = vec![Field::from(&skipped.reason)];
            row.extend(cell_fields(&skipped.cell));
            row
        })
        .collect();
    ExportTable { name: "skipped", columns, rows }
}

fn third_party(analysis: &Analysis, definitions: &Definitions) -> ExportTable {
    let foreign =
        || analysis.foreign.iter().flat_map(|(source, rows)| rows.iter().map(move |row| (source, row)));
    let metrics = in_order(foreign().flat_map(|(_, row)| row.values.keys()).map(String::as_str));
    let mut columns =
        named(&["tool", "file", "line", "source_sha256", "licence", "task", "model", "model_id"]);
    columns.extend(named(&[
        "quant",
        "engine",
        "unit",
        "device_identifier",
        "device_name",
        "os_version",
        "os_build",
    ]));
    columns.extend(named(&["debug_build", "power", "thermal_start", "thermal_peak", "low_power_mode"]));
    columns.extend(named(&["prompt_tokens", "generated_tokens", "measured_at", "flags"]));
    columns.extend(metrics.iter().map(|metric| column(definitions, metric, "")));
    let rows = foreign()
        .map(|(source, row)| {
            let mut fields: Vec<Field> = vec![
                (&source.tool).into(),
                (&source.file).into(),
                row.line.into(),
                (&source.sha256).into(),
                source.licence.as_ref().into(),
            ];
            fields.extend(row_fields(row));
            fields.extend(metrics.iter().map(|metric| Field::from(row.values.get(*metric).copied())));
            fields
        })
        .collect();
    ExportTable { name: "third_party", columns, rows }
}

fn row_fields(row: &ForeignRow) -> Vec<Field> {
    fn word<T: Words>(known: &Known<T>) -> Field {
        known.value().map(|value| value.word()).into()
    }
    let text = |known: &Known<String>| Field::from(known.value());
    let yes_no = |known: &Known<bool>| Field::from(known.value().map(|yes| if *yes { "yes" } else { "no" }));
    vec![
        (&row.task).into(),
        (&row.model).into(),
        row.model_id.as_ref().into(),
        text(&row.quant),
        (&row.engine).into(),
        word(&row.unit),
        text(&row.device_identifier),
        text(&row.device_name),
        text(&row.os_version),
        text(&row.os_build),
        yes_no(&row.debug_build),
        word(&row.power),
        word(&row.thermal_start),
        word(&row.thermal_peak),
        yes_no(&row.low_power_mode),
        row.prompt_tokens.value().copied().into(),
        row.generated_tokens.value().copied().into(),
        text(&row.measured_at),
        row.flags.join("; ").into(),
    ]
}
