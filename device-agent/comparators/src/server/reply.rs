//! What a server said, chunk by chunk and as a whole.

use serde_json::Value;

use super::count::Counted;

/// One event that brought words.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    /// Counted from zero over chunks with words.
    pub index: u32,
    pub text: String,
    /// Words of a reasoning block that the server separates from the answer.
    pub reasoning: String,
    /// How many tokens this chunk holds, where log-probabilities or ids prove it.
    pub tokens: Option<u32>,
    pub log_probs: Vec<TokenLogProb>,
    /// Ids of the tokens, where the server gives them.
    pub ids: Vec<u32>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TokenLogProb {
    pub token: String,
    /// Natural logarithm.
    pub log_prob: f32,
    pub id: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FinishReason {
    /// An end token or a stop string.
    Stop,
    Length,
    ToolCalls,
    Other(String),
    /// The caller hung up.
    HungUp,
}

/// The server's own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub prompt_tokens: u32,
    pub completion_tokens: u32,
    /// Prompt tokens that were not read again, where the server says so.
    pub cached_tokens: Option<u32>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub text: String,
    pub reasoning: String,
    pub chunks: u32,
    pub ids: Vec<u32>,
    pub log_probs: Vec<TokenLogProb>,
    pub finish: FinishReason,
    pub usage: Option<Usage>,
    /// How many tokens came, and how that is known.
    pub counted: Counted,
    /// Tool calls as the server put them together: name and arguments.
    pub tool_calls: Vec<(String, String)>,
}

/// What one event holds.
#[derive(Debug, Default)]
pub(super) struct Event {
    pub(super) text: String,
    pub(super) reasoning: String,
    pub(super) log_probs: Vec<TokenLogProb>,
    pub(super) ids: Vec<u32>,
    pub(super) finish: Option<FinishReason>,
    pub(super) usage: Option<Usage>,
    /// Position, name and a piece of the arguments.
    pub(super) tool_calls: Vec<(usize, Option<String>, String)>,
}

impl Event {
    pub(super) fn read(json: &Value) -> Self {
        let choice = &json["choices"][0];
        let delta = &choice["delta"];
        let words = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let reasoning = ["reasoning_content", "reasoning"].map(|key| words(&delta[key]));
        let calls = delta["tool_calls"].as_array().into_iter().flatten().map(|call| {
            let name = call["function"]["name"].as_str().map(str::to_owned);
            (call["index"].as_u64().unwrap_or(0) as usize, name, words(&call["function"]["arguments"]))
        });
        let log_probs = log_probs(&choice["logprobs"]);
        let mut ids: Vec<u32> = choice["token_ids"].as_array().into_iter().flatten().filter_map(id).collect();
        if ids.is_empty() {
            // llama-server gives ids with the log-probabilities.
            ids = log_probs.iter().map(|token| token.id).collect::<Option<_>>().unwrap_or_default();
        }
        Self {
            text: words(&delta["content"]) + &words(&choice["text"]),
            reasoning: reasoning.into_iter().find(|text| !text.is_empty()).unwrap_or_default(),
            log_probs,
            ids,
            finish: choice["finish_reason"].as_str().map(|reason| match reason {
                "stop" => FinishReason::Stop,
                "length" => FinishReason::Length,
                "tool_calls" => FinishReason::ToolCalls,
                other => FinishReason::Other(other.to_owned()),
            }),
            usage: usage(&json["usage"]),
            tool_calls: calls.collect(),
        }
    }

    pub(super) fn has_words(&self) -> bool {
        !self.text.is_empty()
            || !self.reasoning.is_empty()
            || !self.ids.is_empty()
            || !self.log_probs.is_empty()
            || !self.tool_calls.is_empty()
    }
}

/// Chat puts a list under `content`; completions put parallel lists under `tokens` and `token_logprobs`.
fn log_probs(value: &Value) -> Vec<TokenLogProb> {
    let number = |value: &Value| value.as_f64().map(|number| number as f32);
    if let Some(list) = value["content"].as_array() {
        let read = |entry: &Value| {
            let token = entry["token"].as_str()?.to_owned();
            Some(TokenLogProb { token, log_prob: number(&entry["logprob"])?, id: id(&entry["id"]) })
        };
        return list.iter().filter_map(read).collect();
    }
    let tokens = value["tokens"].as_array().into_iter().flatten();
    let numbers = value["token_logprobs"].as_array().into_iter().flatten();
    let pairs = tokens.zip(numbers);
    pairs
        .filter_map(|(token, log_prob)| {
            let token = token.as_str()?.to_owned();
            Some(TokenLogProb { token, log_prob: number(log_prob)?, id: None })
        })
        .collect()
}

fn id(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|id| u32::try_from(id).ok())
}

fn usage(value: &Value) -> Option<Usage> {
    Some(Usage {
        prompt_tokens: id(&value["prompt_tokens"])?,
        completion_tokens: id(&value["completion_tokens"])?,
        cached_tokens: id(&value["prompt_tokens_details"]["cached_tokens"]),
    })
}
