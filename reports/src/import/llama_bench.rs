//! llama-bench in its JSON and JSONL shapes, also inside a log of the command that ran it. Its CSV, Markdown
//! and SQL shapes are turned into the same values by `llama_bench_text`.

use dyno_protocol::{ComputeUnit, Known};
use serde_json::Value;

use crate::foreign::ForeignRow;

use super::error::Mistake;
use super::{blank, gaps, lenient};

const TOOL: &str = "llama-bench";

pub(super) fn is(value: &Value) -> bool {
    ["n_prompt", "n_gen", "avg_ts", "model_type"].iter().all(|key| value.get(key).is_some())
}

/// An array of results, alone or with a log around it. The array starts and ends on lines of their own.
pub(super) fn read_json(text: &str) -> Result<Vec<ForeignRow>, Mistake> {
    let (before, array) = find_array(text)
        .ok_or_else(|| Mistake::new(1, "there is no array of results", "run llama-bench with `-o json`"))?;
    let first_line = text[..before].lines().count() + 1;
    let values: Vec<Value> = serde_json::from_str(array).map_err(|error| {
        Mistake::new(
            first_line + error.line().saturating_sub(1),
            format!("the results are not JSON: {error}"),
            "was the file cut?",
        )
    })?;
    // The order of lines within the array is not kept by the parser: each result begins with one brace line.
    let mut starts =
        array.lines().enumerate().filter(|(_, line)| line.trim() == "{").map(|(index, _)| first_line + index);
    values.iter().map(|value| read_row(starts.next().unwrap_or(first_line), value)).collect()
}

/// Where the array begins, and its text.
pub(super) fn find_array(text: &str) -> Option<(usize, &str)> {
    let mut offset = 0;
    let mut begin = None;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim_end();
        if begin.is_none() && trimmed.trim_start().starts_with('[') && !trimmed.ends_with("==") {
            begin = Some(offset);
        }
        offset += line.len();
        if let Some(begin) = begin
            && trimmed.ends_with(']')
            && (trimmed.trim_start() == "]" || begin + line.len() >= offset)
        {
            return Some((begin, text[begin..offset].trim_end()));
        }
    }
    None
}

pub(super) fn read_lines(text: &str) -> Result<Vec<ForeignRow>, Mistake> {
    lenient::json_lines(text)?.iter().map(|(line, value)| read_row(*line, value)).collect()
}

pub(super) fn read_row(line: usize, value: &Value) -> Result<ForeignRow, Mistake> {
    if !is(value) {
        let hint = "every result needs `model_type`, `n_prompt`, `n_gen` and `avg_ts`";
        return Err(Mistake::new(line, "this is not a result of llama-bench", hint));
    }
    let rate = lenient::needed_rate(value, &["avg_ts"], line, TOOL)?;
    let (prompt, generated) = (lenient::whole(value, &["n_prompt"]), lenient::whole(value, &["n_gen"]));
    let (prompt, generated) = prompt.zip(generated).ok_or_else(|| {
        Mistake::new(
            line,
            "`n_prompt` or `n_gen` is no whole number",
            "is this really a result of llama-bench?",
        )
    })?;
    let depth = lenient::whole(value, &["n_depth"]).unwrap_or(0);
    let mut row = blank::row(line, TOOL);
    row.engine = match lenient::text(value, &["build_commit"]) {
        Some(commit) => format!("llama.cpp {commit}"),
        None => "llama.cpp".to_owned(),
    };
    row.model = lenient::text(value, &["model_type"]).unwrap_or_default();
    row.quant = Known::from_option(quant(&row.model), "the model's name does not say");
    row.unit = unit(value);
    row.measured_at = Known::from_option(lenient::text(value, &["test_time"]), "the result does not say");
    row.prompt_tokens = Known::Is(prompt + depth);
    row.generated_tokens = Known::Is(generated);
    // One test measures one thing, or both pooled into one rate.
    let metric = match (prompt, generated) {
        (0, _) => Some("decode_rate"),
        (_, 0) => Some("prefill_rate"),
        _ => None,
    };
    row.task = task(prompt, generated, depth);
    match metric {
        Some(metric) => {
            row.values.insert(metric.to_owned(), rate);
            let samples = lenient::numbers(value, &["samples_ts"]);
            if !samples.is_empty() {
                row.series.insert(metric.to_owned(), samples);
            }
        }
        None => row
            .flags
            .push(format!("prompt and generation are pooled into one rate ({rate:.1}), which is neither")),
    }
    row.flags.push("random tokens without a chat template".to_owned());
    if metric == Some("decode_rate") {
        row.flags.push("its decode rate counts every generated token and leaves out sampling".to_owned());
    }
    if value.get("samples_ts").is_none() {
        row.flags.push("no samples, only their mean".to_owned());
    }
    gaps::flag(&mut row);
    Ok(row)
}

/// The tool's own name of a test.
fn task(prompt: u32, generated: u32, depth: u32) -> String {
    let test = match (prompt, generated) {
        (0, generated) => format!("tg{generated}"),
        (prompt, 0) => format!("pp{prompt}"),
        (prompt, generated) => format!("pp{prompt}+tg{generated}"),
    };
    if depth > 0 { format!("{test} @ d{depth}") } else { test }
}

/// What stands after the size in `qwen3 4B Q4_K - Medium`.
fn quant(model_type: &str) -> Option<String> {
    let words: Vec<&str> = model_type.split_whitespace().collect();
    let sized = |word: &&str| {
        let digits = word.trim_end_matches(['B', 'M', 'K']);
        digits.len() < word.len()
            && digits.replace(['.', 'x'], "").chars().all(|c| c.is_ascii_digit())
            && !digits.is_empty()
    };
    let size = words.iter().rposition(sized)?;
    let rest = words.get(size + 1..)?.join(" ");
    (!rest.is_empty()).then_some(rest)
}

fn unit(value: &Value) -> Known<ComputeUnit> {
    let backends = lenient::text(value, &["backends"]).or_else(|| lenient::text(value, &["backend"]));
    let layers = lenient::number(value, &["n_gpu_layers"]);
    match backends.as_deref() {
        Some("CPU" | "BLAS") => Known::Is(ComputeUnit::Cpu),
        Some(_) if layers == Some(0.0) => Known::Is(ComputeUnit::Cpu),
        Some(backend) => {
            Known::unknown(format!("built with {backend}; which layers ran there is not stated"))
        }
        None => Known::unknown("no back end is stated"),
    }
}
