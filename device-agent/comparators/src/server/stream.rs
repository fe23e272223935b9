//! Server-sent events, line by line.

use std::io::{BufRead, BufReader, Read};

use serde_json::Value;

use super::Watch;
use super::count::Counted;
use super::error::{ServerError, message_of};
use super::reply::{Chunk, Event, FinishReason, Reply, TokenLogProb, Usage};

/// A chunk of words takes some hundred bytes; log-probabilities some thousand.
const LINE_LIMIT_BYTES: u64 = 1 << 22;

pub(super) fn read(reader: impl Read, watch: &mut dyn FnMut(&Chunk) -> Watch) -> Result<Reply, ServerError> {
    let mut lines = BufReader::new(reader);
    let mut gathered = Gathered::default();
    while let Some(line) = next_line(&mut lines, gathered.chunks)? {
        // Comments keep the connection alive; event names say nothing that the data does not.
        let Some((field, data)) = line.split_once(':') else { continue };
        let data = data.trim();
        if field == "error" || (field == "data" && data != "[DONE]") {
            let json: Value = serde_json::from_str(data).map_err(|_| ServerError::unreadable(data))?;
            if field == "error" || json.get("error").is_some_and(|error| !error.is_null()) {
                let message = message_of(&json).unwrap_or_else(|| data.to_owned());
                return Err(ServerError::Failed { chunks: gathered.chunks, message });
            }
            if gathered.take(Event::read(&json), watch) == Watch::Stop {
                return Ok(gathered.into_reply(FinishReason::HungUp));
            }
        } else if field == "data" {
            break;
        }
    }
    // Some servers close after the last chunk without the end mark; a finish reason is as good, and nothing else is.
    match gathered.finish.take() {
        Some(finish) => Ok(gathered.into_reply(finish)),
        None => Err(ServerError::Cut { chunks: gathered.chunks }),
    }
}

fn next_line(lines: &mut impl BufRead, chunks: u32) -> Result<Option<String>, ServerError> {
    let mut bytes = Vec::new();
    let read = lines.by_ref().take(LINE_LIMIT_BYTES).read_until(b'\n', &mut bytes);
    match read {
        Ok(0) => Ok(None),
        Ok(_) if bytes.ends_with(b"\n") => Ok(Some(String::from_utf8_lossy(&bytes).trim_end().to_owned())),
        Ok(_) if bytes.len() as u64 == LINE_LIMIT_BYTES => {
            Err(ServerError::Unreadable { begin: "a line of megabytes".into() })
        }
        // Half a line is the end of the connection.
        Ok(_) => Err(ServerError::Cut { chunks }),
        Err(error) => Err(ServerError::broken(&error, chunks)),
    }
}

#[derive(Default)]
struct Gathered {
    text: String,
    reasoning: String,
    ids: Vec<u32>,
    log_probs: Vec<TokenLogProb>,
    tool_calls: Vec<(String, String)>,
    usage: Option<Usage>,
    finish: Option<FinishReason>,
    /// Proven tokens of each chunk.
    known: Vec<Option<u32>>,
    chunks: u32,
}

impl Gathered {
    fn take(&mut self, event: Event, watch: &mut dyn FnMut(&Chunk) -> Watch) -> Watch {
        let has_words = event.has_words();
        self.usage = event.usage.or(self.usage);
        self.finish = event.finish.or(self.finish.take());
        for (at, name, arguments) in event.tool_calls {
            // A model calls a handful of tools; a server that counts further is mistaken.
            if at < 64 {
                let calls = self.tool_calls.len().max(at + 1);
                self.tool_calls.resize_with(calls, Default::default);
                self.tool_calls[at].0.push_str(&name.unwrap_or_default());
                self.tool_calls[at].1.push_str(&arguments);
            }
        }
        if !has_words {
            return Watch::GoOn;
        }
        let proof = event.ids.len().max(event.log_probs.len()) as u32;
        let chunk = Chunk {
            index: self.chunks,
            text: event.text,
            reasoning: event.reasoning,
            tokens: Some(proof).filter(|tokens| *tokens > 0),
            log_probs: event.log_probs,
            ids: event.ids,
        };
        let wish = watch(&chunk);
        self.known.push(chunk.tokens);
        self.chunks += 1;
        self.text.push_str(&chunk.text);
        self.reasoning.push_str(&chunk.reasoning);
        self.ids.extend(chunk.ids);
        self.log_probs.extend(chunk.log_probs);
        wish
    }

    fn into_reply(self, finish: FinishReason) -> Reply {
        Reply {
            counted: Counted::of(&self.known, self.usage, &finish),
            text: self.text,
            reasoning: self.reasoning,
            chunks: self.chunks,
            ids: self.ids,
            log_probs: self.log_probs,
            finish,
            usage: self.usage,
            tool_calls: self.tool_calls,
        }
    }
}
