//! Another engine behind its OpenAI-compatible server: llama-server, `mlx_lm.server`, LM Studio, vLLM.
//!
//! Owns the request, the stream and what may be said about it. Stamps are the caller's: it is called back for every
//! chunk as it arrives. A chunk is not a token until the server proves it.

mod count;
mod error;
mod reply;
mod request;
mod stream;
mod url;

use std::io::Read;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

pub use count::Counted;
pub use error::ServerError;
pub use reply::{Chunk, FinishReason, Reply, TokenLogProb, Usage};
pub use request::{ChatMessage, ChatRequest, CompletionPrompt, CompletionRequest, Picture};
pub use url::ServerUrl;

/// What the caller wants after a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    GoOn,
    /// Hang up. The reply is what came so far.
    Stop,
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    pub connect: Duration,
    /// For the first byte of the answer: the prompt is read meanwhile.
    pub answer: Duration,
    /// Between any two reads.
    pub read: Duration,
    pub whole: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_mins(10),
            read: Duration::from_mins(2),
            whole: Duration::from_hours(1),
        }
    }
}

/// Answers that are not streams are small; streams are bounded line by line and as a whole.
const WHOLE_LIMIT_BYTES: u64 = 1 << 28;

#[derive(Debug, Clone)]
pub struct Server {
    agent: Agent,
    url: ServerUrl,
    model: String,
    key: Option<String>,
}

impl Server {
    /// `model` as the server names it; servers with one model take any name. The key goes into the header only.
    pub fn new(url: ServerUrl, model: impl Into<String>, key: Option<String>, waits: Waits) -> Self {
        let config = Agent::config_builder()
            .timeout_connect(Some(waits.connect))
            .timeout_recv_response(Some(waits.answer))
            .timeout_per_read(Some(waits.read))
            .timeout_per_write(Some(waits.read))
            .timeout_global(Some(waits.whole))
            .http_status_as_error(false)
            .max_redirects(0)
            // A proxy from the environment would be measured along.
            .proxy(None)
            .no_delay(true)
            .build();
        Self { agent: config.new_agent(), url, model: model.into(), key }
    }

    /// The models the server says it has.
    pub fn models(&self) -> Result<Vec<String>, ServerError> {
        let mut request = self.agent.get(self.url.join("models"));
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let mut response = request.call().map_err(|error| ServerError::transport(&error))?;
        let status = response.status().as_u16();
        let text = read_text(&mut response.body_mut().as_reader())?;
        if status != 200 {
            return Err(ServerError::refused(status, &text));
        }
        let list: Value = serde_json::from_str(&text).map_err(|_| ServerError::unreadable(&text))?;
        let models = list["data"].as_array().into_iter().flatten();
        Ok(models.filter_map(|model| model["id"].as_str().map(str::to_owned)).collect())
    }

    /// A conversation, answered chunk by chunk.
    pub fn chat(
        &self,
        request: &ChatRequest,
        watch: &mut dyn FnMut(&Chunk) -> Watch,
    ) -> Result<Reply, ServerError> {
        self.stream("chat/completions", &request.to_json(&self.model), watch)
    }

    /// Raw text or ids, continued chunk by chunk.
    pub fn complete(
        &self,
        request: &CompletionRequest,
        watch: &mut dyn FnMut(&Chunk) -> Watch,
    ) -> Result<Reply, ServerError> {
        self.stream("completions", &request.to_json(&self.model), watch)
    }

    fn stream(
        &self,
        path: &str,
        body: &Value,
        watch: &mut dyn FnMut(&Chunk) -> Watch,
    ) -> Result<Reply, ServerError> {
        let mut request = self
            .agent
            .post(self.url.join(path))
            .header("content-type", "application/json")
            .header("accept", "text/event-stream");
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let mut response =
            request.send(body.to_string().as_bytes()).map_err(|error| ServerError::transport(&error))?;
        let status = response.status().as_u16();
        let is_stream = response.body().mime_type().is_some_and(|kind| kind == "text/event-stream");
        let body = response.body_mut();
        let mut reader = body.with_config().limit(WHOLE_LIMIT_BYTES).reader();
        if status != 200 {
            return Err(ServerError::refused(status, &read_text(&mut reader)?));
        }
        if !is_stream {
            return Err(ServerError::unreadable(&read_text(&mut reader)?));
        }
        stream::read(reader, watch)
    }
}

/// The beginning of a text answer: enough for a message.
fn read_text(reader: &mut dyn Read) -> Result<String, ServerError> {
    let mut bytes = Vec::new();
    reader.take(1 << 20).read_to_end(&mut bytes).map_err(|error| ServerError::broken(&error, 0))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
