//! Another engine behind its server: prompts go over as ids or text, and what comes back are chunks. What the
//! server does not prove stays unknown: which weights answered, where they ran, and often which ids they gave.

mod talk;

use dyno_comparators::{
    Chunk, CompletionPrompt, CompletionRequest, FinishReason, Reply, Server, ServerError, ServerUrl, Waits,
    Watch as Go,
};
use dyno_protocol::{
    ComputeUnit, Cost, Failure, FailureKind, Finish, Known, Loaded, Prompt, RenderRequest, Rendered,
    ScoredContinuation,
};
use dyno_text::{ChatTemplate, MediaTokens};
use serde_json::{Value, json};

use super::choice::settings;
use super::messages::{conversation, origin};
use super::{Opened, sha256};
use crate::engine::{Engine, Generate, Watch};

pub(crate) const NAME: &str = "openai";
/// What stands for the id of a token that the server did not name. No vocabulary reaches it.
const UNNAMED: u32 = u32::MAX;
/// Where the key of a server that wants one is found: it is never an argument and never recorded.
const KEY_VARIABLE: &str = "DYNO_SERVER_KEY";

#[derive(Debug)]
struct Remote {
    server: Server,
    model: String,
    loaded: Loaded,
    /// The last answer's words: without ids they cannot be made again.
    said: Option<String>,
}

pub(super) fn open(url: &str, model: &str, mut opened: Opened) -> Result<Box<dyn Engine>, Failure> {
    opened.phase("greeting");
    let address = ServerUrl::explicit(url).map_err(failure)?;
    let near = address.is_loopback();
    let key = std::env::var(KEY_VARIABLE).ok().filter(|key| !key.is_empty());
    let server = Server::new(address, model, key, Waits::default());
    let models = server.models().map_err(failure)?;
    // No file to hash: the name is the address and what the server calls its model.
    let name = sha256(format!("{url} {model} {}", models.join(" ")).as_bytes());
    let mut loaded = opened.loaded(NAME, ComputeUnit::Remote, "unknown", name, "a server");
    loaded.cost = Known::unknown("a server does not state what it reads");
    loaded.evidence.operations = Known::unknown("a server does not say where it runs");
    loaded.evidence.dispatches_per_token = Known::unknown("a server does not say how it runs");
    loaded.evidence.notes.push(format!("the server says it has: {}", models.join(", ")));
    if !near {
        loaded.evidence.notes.push("the server is not on this machine: times hold the way there".to_owned());
    }
    Ok(Box::new(Remote { server, model: model.to_owned(), loaded, said: None }))
}

impl Engine for Remote {
    fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    fn cost(&self, _depth: u32) -> Known<Cost> {
        self.loaded.cost.clone()
    }

    /// Rendered here and not by the server where the template is known, so that every engine reads the same words.
    /// Other conversations, and those with pictures, go over as they are, and the server's own template is used.
    fn render(&self, request: &RenderRequest) -> Result<Rendered, Failure> {
        let append = request.append_text.as_deref().unwrap_or_default();
        let (words, template) = match (&request.messages, &request.raw_text) {
            (Some(_), None) if is_of_the_family(&self.model) && request.images.is_empty() => {
                let template = ChatTemplate::qwen35(false).map_err(|error| refused(&error.to_string()))?;
                let media = MediaTokens { images: Vec::new(), videos: Vec::new() };
                let rendered = template
                    .render(&conversation(request)?)
                    .and_then(|words| dyno_text::expand_media(&words, &media))
                    .map_err(|error| refused(&error.to_string()))?;
                (format!("{rendered}{append}"), origin(template.origin()))
            }
            (Some(_), None) => (talk::words(request)?, talk::TEMPLATE),
            (None, Some(raw)) if !request.images.is_empty() => {
                return Err(refused(&format!("raw text has no pictures: {}", shortened(raw))));
            }
            (None, Some(raw)) => (format!("{raw}{append}"), "none"),
            _ => return Err(refused("a prompt is either messages or raw text")),
        };
        Ok(Rendered {
            prompt: Prompt::new(Some(words), Vec::new(), request.images.clone()),
            template: template.to_owned(),
        })
    }

    fn tokenize(&self, _text: &str) -> Option<Result<Vec<u32>, Failure>> {
        None
    }

    fn detokenize(&self, _ids: &[u32]) -> Option<String> {
        self.said.clone()
    }

    fn generate(&mut self, task: &Generate<'_>, watch: &mut dyn Watch) -> Result<Finish, Failure> {
        if task.speculate || task.reuse_prefix > 0 {
            return Err(refused("a server takes no drafts and no snapshots from here"));
        }
        let words = task.prompt.text.as_deref().unwrap_or_default();
        let conversation =
            talk::request(words, &task.prompt.images, task.stop.max_tokens, task.sampling).transpose()?;
        if conversation.is_none() && !task.prompt.images.is_empty() {
            return Err(refused("pictures go to a server in a conversation only"));
        }
        let ids = &task.prompt.ids;
        let prompt = match (&task.prompt.text, ids.is_empty()) {
            (_, false) => CompletionPrompt::Ids(ids.clone()),
            (Some(words), true) => CompletionPrompt::Text(words.clone()),
            (None, true) => return Err(refused("the prompt has neither words nor tokens")),
        };
        let completion = CompletionRequest {
            prompt,
            max_tokens: task.stop.max_tokens,
            sampling: settings(task.sampling),
            stop: Vec::new(),
            log_probs: true,
            ignore_end: task.stop.ignore_end,
        };
        self.said = None;
        let (mut first, mut stopped) = (true, false);
        let mut on_chunk = |chunk: &Chunk| {
            // The first word closes the reading of the prompt: a server does not tell the two apart.
            if std::mem::take(&mut first) && watch.read(ids.len() as u32).is_break() {
                stopped = true;
                return Go::Stop;
            }
            let unnamed = [UNNAMED];
            let named = if chunk.ids.is_empty() { unnamed.as_slice() } else { &chunk.ids };
            stopped = named.iter().any(|id| watch.token(*id).is_break());
            if stopped { Go::Stop } else { Go::GoOn }
        };
        let reply = match &conversation {
            Some(request) => self.server.chat(request, &mut on_chunk),
            None => self.server.complete(&completion, &mut on_chunk),
        }
        .map_err(failure)?;
        if !reply.counted.stamps_are_tokens() {
            watch.stamps_are_chunks();
        }
        self.said = Some(said(&reply));
        match reply.finish {
            _ if stopped => Ok(Finish::Cancelled),
            FinishReason::Stop | FinishReason::ToolCalls => Ok(Finish::End),
            FinishReason::Length => Ok(Finish::Length),
            FinishReason::HungUp => Ok(Finish::Cancelled),
            FinishReason::Other(reason) => {
                let what = format!("the server ended its answer for a reason of its own: {reason}");
                Err(Failure::new(FailureKind::Engine, what))
            }
        }
    }

    fn score(
        &mut self,
        _prefix: &Prompt,
        _continuations: &[Vec<u32>],
        _watch: &mut dyn Watch,
    ) -> Result<Vec<ScoredContinuation>, Failure> {
        Err(refused("a server does not score given continuations"))
    }

    fn reset(&mut self) {}
}

/// The reply in the family's own notation, so that reasoning and calls are read as every engine's are.
fn said(reply: &Reply) -> String {
    let mut said = reply.text.clone();
    if !reply.reasoning.is_empty() {
        let close = if reply.text.is_empty() { "" } else { "\n</think>\n\n" };
        said = format!("<think>\n{}{close}{said}", reply.reasoning);
    }
    for (name, arguments) in &reply.tool_calls {
        let arguments = serde_json::from_str(arguments).unwrap_or_else(|_| Value::from(arguments.as_str()));
        let call = json!({"name": name, "arguments": arguments});
        said.push_str(&format!("<tool_call>\n{call}\n</tool_call>"));
    }
    said
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Whether the built-in template is the model's own, as far as its name tells.
fn is_of_the_family(model: &str) -> bool {
    let plain: String = model.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    plain.contains("qwen35")
}

fn refused(what: &str) -> Failure {
    Failure::new(FailureKind::Refused, what)
}

#[expect(clippy::needless_pass_by_value, reason = "shaped for map_err")]
fn failure(error: ServerError) -> Failure {
    let kind = match error {
        ServerError::TimedOut { .. } => FailureKind::TimedOut,
        ServerError::Url { .. } | ServerError::Unreachable { .. } => FailureKind::Refused,
        _ => FailureKind::Engine,
    };
    Failure::new(kind, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::is_of_the_family;

    #[test]
    fn the_family_is_told_by_its_name() {
        for name in ["Qwen3.5-0.8B", "qwen/qwen3_5-2b-instruct", "Qwen3.5-4B-Q4_K_M.gguf"] {
            assert!(is_of_the_family(name), "{name}");
        }
        for name in ["qwen3-4b", "llama-3.5-8b", ""] {
            assert!(!is_of_the_family(name), "{name}");
        }
    }
}
