//! lm-evaluation-harness: the results file, and the samples file with one item a line.

use std::collections::BTreeMap;

use dyno_protocol::Known;
use serde_json::Value;

use crate::foreign::ForeignRow;

use super::error::Mistake;
use super::{blank, gaps, lenient};

const TOOL: &str = "lm-evaluation-harness";

pub(super) fn is_results(value: &Value) -> bool {
    value.get("results").is_some_and(Value::is_object)
        && (value.get("versions").is_some() || value.get("configs").is_some())
}

pub(super) fn is_sample(value: &Value) -> bool {
    value.get("doc_id").is_some()
        && value.get("target").is_some()
        && (value.get("resps").is_some() || value.get("filtered_resps").is_some())
}

/// Which of its figures is a share of right answers; the first that is there counts.
const RIGHT: [&str; 5] = ["exact_match", "acc", "pass@1", "prompt_level_strict_acc", "em"];

pub(super) fn read_results(value: &Value) -> Result<Vec<ForeignRow>, Mistake> {
    let results = value.get("results").and_then(Value::as_object);
    let results =
        results.ok_or_else(|| Mistake::new(1, "`results` is no object", "is this really a results file?"))?;
    let model = lenient::text(value, &["model_name"])
        .or_else(|| lenient::text(value, &["config", "model_args", "pretrained"]))
        .or_else(|| lenient::text(value, &["config", "model_args"]))
        .ok_or_else(|| {
            Mistake::new(1, "no model is named", "`model_name` or `config.model_args` must say which")
        })?;
    let mut rows = Vec::new();
    for (task, figures) in results {
        let Some(figures) = figures.as_object() else { continue };
        let Some((name, share)) = share(figures) else { continue };
        if !(0.0..=1.0).contains(&share) {
            return Err(Mistake::new(
                1,
                format!("`{name}` of {task} is {share}, not a share"),
                "shares lie between 0 and 1",
            ));
        }
        let mut row = quality_row(1, task, &model);
        row.measured_at = lenient::number(value, &["date"]).map_or_else(
            || Known::unknown("the file does not say"),
            |seconds| Known::Is(format!("unix time {seconds:.0}")),
        );
        row.values.insert("accuracy".to_owned(), share);
        if let Some(items) = lenient::number(value, &["n-samples", task, "effective"]) {
            row.flags.push(format!("{items:.0} items"));
        }
        row.flags.push(format!("accuracy is its `{name}`"));
        if value.get("chat_template").is_none_or(Value::is_null) {
            row.flags.push("untemplated prompt".to_owned());
        }
        row.flags.push(format!(
            "{} examples in the prompt",
            lenient::number(value, &["n-shot", task]).unwrap_or(0.0)
        ));
        gaps::flag(&mut row);
        rows.push(row);
    }
    if rows.is_empty() {
        let hint = format!("one of {} must be there", RIGHT.join(", "));
        return Err(Mistake::new(1, "no task has a share of right answers", hint));
    }
    Ok(rows)
}

/// `exact_match,strict-match` is a figure and the filter it was taken after.
fn share(figures: &serde_json::Map<String, Value>) -> Option<(&str, f64)> {
    RIGHT.iter().find_map(|right| {
        figures.iter().find_map(|(name, value)| {
            let figure = name.split(',').next()?;
            (figure == *right).then_some((name.as_str(), value.as_f64()?))
        })
    })
}

fn quality_row(line: usize, task: &str, model: &str) -> ForeignRow {
    let mut row = blank::row(line, TOOL);
    task.clone_into(&mut row.task);
    model.clone_into(&mut row.model);
    row
}

/// One row for the file, with every item's score as the series: one for right, zero for wrong.
pub(super) fn read_samples(name: &str, text: &str) -> Result<Vec<ForeignRow>, Mistake> {
    let mut scores: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut first_line = 1;
    for (number, value) in lenient::json_lines(text)? {
        if !is_sample(&value) {
            let hint = "every line needs `doc_id`, `target` and `resps`";
            return Err(Mistake::new(number, "this line is not a sample of lm-evaluation-harness", hint));
        }
        first_line = first_line.min(number);
        let filter = lenient::text(&value, &["filter"]).unwrap_or_else(|| "none".to_owned());
        let score = RIGHT.iter().find_map(|right| lenient::number(&value, &[right]));
        let score = score.filter(|score| (0.0..=1.0).contains(score)).ok_or_else(|| {
            Mistake::new(
                number,
                "the sample has no score between 0 and 1",
                format!("one of {} must be there", RIGHT.join(", ")),
            )
        })?;
        scores.entry(filter).or_default().push(score);
    }
    let task = name.rsplit(['/', '\\']).next().unwrap_or(name).trim_end_matches(".jsonl");
    Ok(scores
        .into_iter()
        .map(|(filter, scores)| {
            let mut row = quality_row(first_line, task, "the samples do not name the model");
            row.values.insert("accuracy".to_owned(), scores.iter().sum::<f64>() / scores.len() as f64);
            row.flags.push(format!("{} items, filter {filter}", scores.len()));
            row.series.insert("accuracy".to_owned(), scores);
            gaps::flag(&mut row);
            row
        })
        .collect())
}
