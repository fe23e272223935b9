//! Rows that others measured and that come with Dyno: shown beside what was measured here.

use dyno_protocol::Known;
use dyno_suites::Definitions;

use crate::foreign::{ForeignRow, ForeignSource};

use super::{ImportError, detect_and_read, recognise};

macro_rules! yardstick {
    ($($name:literal),+ $(,)?) => {
        [$((concat!("yardstick/", $name, ".jsonl"), include_str!(concat!("../../evidence/yardstick/", $name, ".jsonl")))),+]
    };
}

const FILES: [(&str, &str); 21] = yardstick![
    "iphone17pro-coreml-llm-gemma-4-e2b-energy-tg128",
    "iphone17pro-coreml-llm-qwen3-0.6b-energy-tg128",
    "iphone17pro-coreml-llm-qwen3.5-2b-short-chat-run1",
    "iphone17pro-coreml-llm-qwen3.5-2b-short-chat-run2",
    "iphone17pro-coreml-llm-qwen3.5-2b-short-chat-run3",
    "iphone17pro-litert-lm-gemma-4-e2b-energy-tg128",
    "iphone17pro-llama-cpp-qwen3.5-2b-short-chat-run1",
    "iphone17pro-llama-cpp-qwen3.5-2b-short-chat-run2",
    "iphone17pro-llama-cpp-qwen3.5-2b-short-chat-run3",
    "iphone17pro-mlx-qwen3.5-2b-short-chat-run1",
    "iphone17pro-mlx-qwen3.5-2b-short-chat-run2",
    "iphone17pro-mlx-qwen3.5-2b-short-chat-run3",
    "m4max-coreml-llm-qwen3.5-0.8b-short-chat-run1",
    "m4max-coreml-llm-qwen3.5-0.8b-short-chat-run2",
    "m4max-coreml-llm-qwen3.5-0.8b-short-chat-run3",
    "m4max-llama-cpp-qwen3.5-0.8b-short-chat-run1",
    "m4max-llama-cpp-qwen3.5-0.8b-short-chat-run2",
    "m4max-llama-cpp-qwen3.5-0.8b-short-chat-run3",
    "m4max-mlx-qwen3.5-0.8b-4bit-short-chat-run1",
    "m4max-mlx-qwen3.5-0.8b-4bit-short-chat-run2",
    "m4max-mlx-qwen3.5-0.8b-4bit-short-chat-run3",
];

const LICENCE: &str = "MIT, (c) 2026 john-rocky and ios-llm-benchmark contributors";

/// Every row that comes with Dyno, with the models that the embedded definitions know.
pub fn embedded_evidence(
    definitions: &Definitions,
) -> Result<Vec<(ForeignSource, Vec<ForeignRow>)>, ImportError> {
    let mut evidence = Vec::new();
    for (index, (name, text)) in FILES.iter().enumerate() {
        for (mut source, mut rows) in detect_and_read(name, text.as_bytes())? {
            source.licence = Some(LICENCE.to_owned());
            recognise(&mut rows, definitions);
            for row in &mut rows {
                row.source = index as u32;
                name_device(row, name);
            }
            evidence.push((source, rows));
        }
    }
    Ok(evidence)
}

/// The rows of the Mac name only its processor family; the archive they come from names the machine.
fn name_device(row: &mut ForeignRow, file: &str) {
    if row.device_name.value().is_none() && file.starts_with("yardstick/m4max-") {
        row.device_name = Known::Is("Mac with M4 Max".to_owned());
        row.flags.retain(|flag| flag != "the device is not named");
        row.flags.push("the device's name is the archive's, not the row's".to_owned());
    }
}
