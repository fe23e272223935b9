//! What a file is, from its content: names lie. Then the reader for it.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::foreign::{ForeignRow, ForeignSource};

use super::error::{ImportError, Mistake};
use super::{
    MAX_FILE_BYTES, MAX_ROWS, llama_bench, llama_bench_text, lm_eval, mlperf, mlx_lm, own, powermetrics,
    yardstick,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    YardstickLines,
    LlamaBenchJson,
    LlamaBenchLines,
    LlamaBenchCsv,
    LlamaBenchMarkdown,
    LlamaBenchSql,
    MlxLmText,
    LmEvalResults,
    LmEvalSamples,
    MlperfMobile,
    Powermetrics,
    DynoEvents,
}

impl Format {
    /// The tool's name in sources.
    pub fn tool(self) -> &'static str {
        match self {
            Self::YardstickLines => "yardstick",
            Self::LlamaBenchJson
            | Self::LlamaBenchLines
            | Self::LlamaBenchCsv
            | Self::LlamaBenchMarkdown
            | Self::LlamaBenchSql => "llama-bench",
            Self::MlxLmText => "mlx-lm",
            Self::LmEvalResults | Self::LmEvalSamples => "lm-evaluation-harness",
            Self::MlperfMobile => "mlperf-mobile",
            Self::Powermetrics => "powermetrics",
            Self::DynoEvents => "dyno",
        }
    }
}

const KNOWN: &str = "Dyno reads Yardstick JSONL, llama-bench (JSON, JSONL, CSV, Markdown, SQL), the text of \
                     mlx_lm.benchmark, lm-evaluation-harness results and samples, MLPerf Mobile results, powermetrics \
                     logs, and its own events";

/// What the content is, if it is anything that is known.
pub fn detect(text: &str) -> Option<Format> {
    let first = text.trim_start();
    if first.starts_with('{') {
        if let Ok(whole) = serde_json::from_str::<Value>(text)
            && let Some(format) = of_whole(&whole)
        {
            return Some(format);
        }
        let line: Value = serde_json::from_str(first.lines().next()?).ok()?;
        return of_line(&line);
    }
    if powermetrics::is(text) {
        return Some(Format::Powermetrics);
    }
    if mlx_lm::is(text) {
        return Some(Format::MlxLmText);
    }
    if llama_bench_text::is_csv(text) {
        return Some(Format::LlamaBenchCsv);
    }
    if llama_bench_text::is_sql(text) {
        return Some(Format::LlamaBenchSql);
    }
    if llama_bench_text::is_markdown(text) {
        return Some(Format::LlamaBenchMarkdown);
    }
    let (_, array) = llama_bench::find_array(text)?;
    (array.contains("\"n_prompt\"") && array.contains("\"avg_ts\"")).then_some(Format::LlamaBenchJson)
}

fn of_whole(value: &Value) -> Option<Format> {
    if mlperf::is(value) {
        Some(Format::MlperfMobile)
    } else if lm_eval::is_results(value) {
        Some(Format::LmEvalResults)
    } else {
        None
    }
}

fn of_line(value: &Value) -> Option<Format> {
    if yardstick::is(value) {
        Some(Format::YardstickLines)
    } else if llama_bench::is(value) {
        Some(Format::LlamaBenchLines)
    } else if lm_eval::is_sample(value) {
        Some(Format::LmEvalSamples)
    } else if own::is(value) {
        Some(Format::DynoEvents)
    } else {
        None
    }
}

/// Reads a file of another tool: its sources, each with its rows. All of the file, or none of it.
pub fn detect_and_read(
    name: &str,
    bytes: &[u8],
) -> Result<Vec<(ForeignSource, Vec<ForeignRow>)>, ImportError> {
    read(name, bytes).map_err(|mistake| mistake.in_file(name))
}

fn read(name: &str, bytes: &[u8]) -> Result<Vec<(ForeignSource, Vec<ForeignRow>)>, Mistake> {
    if bytes.len() > MAX_FILE_BYTES {
        let what = format!("the file has {} bytes, over the limit of {MAX_FILE_BYTES}", bytes.len());
        return Err(Mistake::new(0, what, "split it into several files"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        Mistake::new(
            line,
            "the file is not text in UTF-8",
            "results of other tools are text; is it compressed?",
        )
    })?;
    let text = text.trim_start_matches('\u{feff}');
    let format =
        detect(text).ok_or_else(|| Mistake::new(1, "the file is of no kind that is known", KNOWN))?;
    let rows = match format {
        Format::YardstickLines => yardstick::read(text)?,
        Format::LlamaBenchJson => llama_bench::read_json(text)?,
        Format::LlamaBenchLines => llama_bench::read_lines(text)?,
        Format::LlamaBenchCsv => llama_bench_text::read_csv(text)?,
        Format::LlamaBenchMarkdown => llama_bench_text::read_markdown(text)?,
        Format::LlamaBenchSql => llama_bench_text::read_sql(text)?,
        Format::MlxLmText => mlx_lm::read(text)?,
        Format::LmEvalResults => lm_eval::read_results(&whole(text)?)?,
        Format::LmEvalSamples => lm_eval::read_samples(name, text)?,
        Format::MlperfMobile => mlperf::read(&whole(text)?)?,
        Format::Powermetrics => powermetrics::read(text)?,
        Format::DynoEvents => return own::read(text),
    };
    if rows.is_empty() {
        return Err(Mistake::new(0, "the file holds no result", "was it written before the tool was done?"));
    }
    if rows.len() > MAX_ROWS {
        let what = format!("the file holds {} results, over the limit of {MAX_ROWS}", rows.len());
        return Err(Mistake::new(0, what, "split it into several files"));
    }
    let source = ForeignSource {
        tool: format.tool().to_owned(),
        file: name.to_owned(),
        sha256: dyno_protocol::codec::hex(&Sha256::digest(bytes)),
        licence: None,
        verbatim: text.to_owned(),
    };
    Ok(vec![(source, rows)])
}

fn whole(text: &str) -> Result<Value, Mistake> {
    serde_json::from_str(text).map_err(|error| {
        Mistake::new(error.line(), format!("the file is not JSON: {error}"), "was the file cut?")
    })
}
