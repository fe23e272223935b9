//! The text that `mlx_lm.benchmark` prints: one line for each trial, and their averages.

use dyno_protocol::{ComputeUnit, Known};

use crate::foreign::ForeignRow;

use super::error::Mistake;
use super::{blank, gaps, lenient};

const TOOL: &str = "mlx-lm";

pub(super) fn is(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("Timing with prompt_tokens="))
        && text.contains("generation_tps=")
}

/// `name=value` pairs of one line.
fn pairs(line: &str) -> impl Iterator<Item = (&str, f64)> {
    line.split([',', ' ']).filter_map(|part| {
        let (name, value) = part.trim().trim_end_matches('.').split_once('=')?;
        let value: f64 = value.parse().ok()?;
        value.is_finite().then_some((name, value))
    })
}

pub(super) fn read(text: &str) -> Result<Vec<ForeignRow>, Mistake> {
    let mut row: Option<ForeignRow> = None;
    let mut rows = Vec::new();
    for (number, line) in lenient::lines(text) {
        if line.starts_with("Timing with ") {
            rows.extend(row.take().map(finish));
            row = Some(begin(number, line));
        } else if line.starts_with("Trial ") {
            let Some(row) = &mut row else {
                return Err(Mistake::new(
                    number,
                    "a trial before the line `Timing with ..`",
                    "was the beginning cut off?",
                ));
            };
            for (name, value) in pairs(line) {
                if let Some(metric) = metric(name) {
                    row.series.entry(metric.to_owned()).or_default().push(value * scale(name));
                }
            }
        } else if line.starts_with("Averages:") {
            let Some(row) = &mut row else {
                return Err(Mistake::new(
                    number,
                    "averages before the line `Timing with ..`",
                    "was the beginning cut off?",
                ));
            };
            for (name, value) in pairs(line) {
                if let Some(metric) = metric(name) {
                    row.values.insert(metric.to_owned(), value * scale(name));
                }
            }
        }
    }
    rows.extend(row.map(finish));
    match rows.iter().find(|row| !row.values.contains_key("decode_rate")) {
        Some(row) => Err(Mistake::new(
            row.line as usize,
            "this benchmark has no line `Averages: ..`",
            "was it stopped before its end?",
        )),
        None => Ok(rows),
    }
}

fn metric(name: &str) -> Option<&'static str> {
    match name {
        "prompt_tps" => Some("prefill_rate"),
        "generation_tps" => Some("decode_rate"),
        "peak_memory" => Some("peak_footprint"),
        _ => None,
    }
}

/// Its gigabytes are a thousand million bytes.
fn scale(name: &str) -> f64 {
    if name == "peak_memory" { 1e9 } else { 1.0 }
}

fn begin(number: usize, line: &str) -> ForeignRow {
    let mut row = blank::row(number, TOOL);
    let named = |wanted: &str| pairs(line).find(|(name, _)| *name == wanted).map(|(_, value)| value as u32);
    row.prompt_tokens = Known::from_option(named("prompt_tokens"), "the line does not say");
    row.generated_tokens = Known::from_option(named("generation_tokens"), "the line does not say");
    let batch = named("batch_size").unwrap_or(1);
    row.task = match (named("prompt_tokens"), named("generation_tokens")) {
        (Some(prompt), Some(generated)) => format!("pp{prompt} tg{generated}"),
        _ => "benchmark".to_owned(),
    };
    if batch > 1 {
        row.flags.push(format!("{batch} prompts at once: the rates are of the whole batch"));
    }
    row.unit = Known::Is(ComputeUnit::Gpu);
    "the output does not name the model".clone_into(&mut row.model);
    row
}

fn finish(mut row: ForeignRow) -> ForeignRow {
    row.flags.push("random tokens without a chat template".to_owned());
    row.flags.push("its decode rate divides all tokens by the time after the first".to_owned());
    row.flags.push("its peak memory is of MLX's own allocator".to_owned());
    gaps::flag(&mut row);
    row
}
