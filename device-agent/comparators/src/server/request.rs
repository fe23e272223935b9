//! What is asked of a server.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dyno_text::Settings;
use serde_json::{Value, json};

/// An encoded picture file: PNG or JPEG bytes, told by their first ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture(pub Vec<u8>);

impl Picture {
    fn data_url(&self) -> String {
        let kind = if self.0.starts_with(&[0xff, 0xd8]) { "jpeg" } else { "png" };
        format!("data:image/{kind};base64,{}", STANDARD.encode(&self.0))
    }
}

/// One message: pictures come before its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    pub role: String,
    pub text: String,
    pub pictures: Vec<Picture>,
}

impl ChatMessage {
    fn to_json(&self) -> Value {
        if self.pictures.is_empty() {
            return json!({"role": self.role, "content": self.text});
        }
        let pictures = self.pictures.iter();
        let mut parts: Vec<_> = pictures
            .map(|picture| json!({"type": "image_url", "image_url": {"url": picture.data_url()}}))
            .collect();
        parts.push(json!({"type": "text", "text": self.text}));
        json!({"role": self.role, "content": parts})
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    pub messages: Vec<ChatMessage>,
    /// Definitions in the form the server takes.
    pub tools: Vec<Value>,
    /// `None` leaves it to the server's template.
    pub thinking: Option<bool>,
    pub max_tokens: u32,
    pub sampling: Settings,
    pub stop: Vec<String>,
    /// Ask for the log-probability of every token, which also proves how many a chunk holds.
    pub log_probs: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompletionPrompt {
    Text(String),
    /// Taken by llama-server and vLLM: no second opinion on the template or the tokenizer.
    Ids(Vec<u32>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct CompletionRequest {
    pub prompt: CompletionPrompt,
    pub max_tokens: u32,
    pub sampling: Settings,
    pub stop: Vec<String>,
    pub log_probs: bool,
    /// Go on past end tokens, where the server can (llama-server, vLLM).
    pub ignore_end: bool,
}

impl ChatRequest {
    pub(super) fn to_json(&self, model: &str) -> Value {
        let mut body = common(model, self.max_tokens, &self.sampling, &self.stop);
        body["messages"] = self.messages.iter().map(ChatMessage::to_json).collect();
        if !self.tools.is_empty() {
            body["tools"] = json!(self.tools);
        }
        if let Some(thinking) = self.thinking {
            body["chat_template_kwargs"] = json!({"enable_thinking": thinking});
        }
        if self.log_probs {
            body["logprobs"] = json!(true);
            body["top_logprobs"] = json!(1);
        }
        body
    }
}

impl CompletionRequest {
    pub(super) fn to_json(&self, model: &str) -> Value {
        let mut body = common(model, self.max_tokens, &self.sampling, &self.stop);
        body["prompt"] = match &self.prompt {
            CompletionPrompt::Text(text) => json!(text),
            CompletionPrompt::Ids(ids) => json!(ids),
        };
        if self.log_probs {
            body["logprobs"] = json!(1);
        }
        if self.ignore_end {
            body["ignore_eos"] = json!(true);
        }
        body
    }
}

fn common(model: &str, max_tokens: u32, sampling: &Settings, stop: &[String]) -> Value {
    let mut body = json!({
        "model": model,
        "max_tokens": max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "presence_penalty": sampling.presence_penalty,
        "seed": sampling.seed,
        "stream": true,
        "stream_options": {"include_usage": true},
        // llama-server keeps the last prompt and would read only what is new of this one.
        "cache_prompt": false,
        // Ids of the output where the server can give them (vLLM).
        "return_token_ids": true,
    });
    // Not part of OpenAI's interface: sent only when they say something.
    if sampling.top_k > 0 {
        body["top_k"] = json!(sampling.top_k);
    }
    if sampling.min_p > 0.0 {
        body["min_p"] = json!(sampling.min_p);
    }
    if (sampling.repetition_penalty - 1.0).abs() > f32::EPSILON {
        body["repetition_penalty"] = json!(sampling.repetition_penalty);
        body["repeat_penalty"] = json!(sampling.repetition_penalty);
    }
    if !stop.is_empty() {
        body["stop"] = json!(stop);
    }
    body
}
