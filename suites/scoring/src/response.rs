//! What a model gave back, as it is kept: enough to be judged by any rule at any later time.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "response", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Response {
    /// It wrote. The text is as it came, reasoning and end markers included.
    Words {
        text: String,
        /// The prompt itself had opened the reasoning block.
        in_reasoning: bool,
        /// Where the first of these texts begins, the answer ends.
        stop: Vec<String>,
    },
    /// It gave every option a likelihood, in the item's order.
    Weighed { options: Vec<Weighed> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weighed {
    /// The natural logarithm of its probability.
    pub log_prob: f64,
    pub tokens: u32,
    /// Every token of it was the most likely one.
    pub greedy: bool,
}

/// What ends a turn in the templates that are known here; it is no part of an answer.
const END_MARKERS: &[&str] = &["<|im_end|>", "<|endoftext|>", "<|eot_id|>", "</s>", "<end_of_turn>"];

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// The answer without reasoning, end markers and what comes after a stop text; `None` where the reasoning never
/// ended, so that there is no answer.
pub(crate) fn answer_part(text: &str, in_reasoning: bool, stop: &[String]) -> Option<String> {
    let answer = match text.rfind(CLOSE) {
        Some(at) => &text[at + CLOSE.len()..],
        None if in_reasoning || text.trim_start().starts_with(OPEN) => return None,
        None => text,
    };
    let ends = END_MARKERS.iter().copied().chain(stop.iter().map(String::as_str));
    let end = ends.filter_map(|marker| answer.find(marker)).min().unwrap_or(answer.len());
    Some(answer[..end].to_owned())
}
