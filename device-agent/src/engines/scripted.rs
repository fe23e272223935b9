//! An engine without a model: tokens and delays from a script, and faults on request. Everything around an
//! engine is tested with it; what it measures is about nothing real, and says so.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use dyno_protocol::{
    ComputeUnit, Cost, Failure, FailureKind, Finish, Known, Loaded, MessagePart, Prompt, RenderRequest,
    Rendered, Role, ScoredContinuation, Script, ScriptFault,
};

use super::Opened;
use crate::engine::{Engine, Generate, Watch};

pub(crate) const NAME: &str = "scripted";
/// Ids are bytes.
pub(super) const VOCABULARY: u32 = 256;
/// The agent's exit code when a script told it to die.
const SCRIPTED_DEATH: i32 = 86;
/// The last part of a delay is spun: sleeping is not exact enough for a token.
const SPIN: Duration = Duration::from_micros(200);

#[derive(Debug)]
pub(crate) struct Scripted {
    script: Script,
    loaded: Loaded,
    /// Tokens given out over the whole life of the process.
    given: u64,
}

pub(crate) fn open(script: &Script, mut opened: Opened) -> Result<Box<dyn Engine>, Failure> {
    if script.tokens.is_empty() || script.tokens.iter().any(|id| *id >= VOCABULARY) {
        return Err(Failure::new(FailureKind::Model, "a script needs tokens, each below 256"));
    }
    opened.phase("script");
    wait_until(Instant::now() + Duration::from_nanos(script.load_ns));
    let text = serde_json::to_vec(script).unwrap_or_default();
    let loaded = opened.loaded(NAME, ComputeUnit::Cpu, "script", super::sha256(&text), "scripted");
    let loaded = Loaded { vocabulary: VOCABULARY, context_limit: 1 << 20, ..loaded };
    Ok(Box::new(Scripted { script: script.clone(), loaded, given: 0 }))
}

/// Sleeps, then spins, until the moment.
fn wait_until(moment: Instant) {
    loop {
        let left = moment.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        match left.checked_sub(SPIN) {
            Some(asleep) => std::thread::sleep(asleep),
            None => std::hint::spin_loop(),
        }
    }
}

/// Roles and words on lines of their own: a template for engines whose ids are bytes. A picture becomes so many
/// ids, where the engine takes any.
pub(super) fn render(
    request: &RenderRequest,
    template: &str,
    picture_ids: Option<usize>,
) -> Result<Rendered, Failure> {
    let mut text = request.raw_text.clone().unwrap_or_default();
    for message in request.messages.iter().flatten() {
        let role = match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        };
        text.push_str(role);
        text.push('\n');
        for part in &message.parts {
            match part {
                MessagePart::Text { text: words } => text.push_str(words),
                MessagePart::Image | MessagePart::Video { .. } => {
                    let ids = picture_ids.ok_or_else(|| {
                        let what = format!("the engine `{template}` sees no pictures");
                        Failure::new(FailureKind::Refused, what)
                    })?;
                    text.extend(std::iter::repeat_n('#', ids));
                }
            }
        }
        text.push('\n');
    }
    text.push_str(request.append_text.as_deref().unwrap_or_default());
    let ids = ids(&text);
    Ok(Rendered {
        prompt: Prompt::new(Some(text), ids, request.images.clone()),
        template: template.to_owned(),
    })
}

pub(super) fn ids(text: &str) -> Vec<u32> {
    text.bytes().map(u32::from).collect()
}

pub(super) fn text(ids: &[u32]) -> String {
    let bytes: Vec<u8> = ids.iter().map(|id| u8::try_from(*id).unwrap_or(b'?')).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Scripted {
    fn next(&mut self, place: usize) -> Result<u32, Failure> {
        let mut id = self.script.tokens[place % self.script.tokens.len()];
        self.given += 1;
        match self.script.fault {
            Some(ScriptFault::DieAtToken { token }) if self.given >= token => {
                std::process::exit(SCRIPTED_DEATH)
            }
            Some(ScriptFault::HangAtToken { token }) if self.given >= token => loop {
                std::thread::sleep(Duration::from_hours(1));
            },
            Some(ScriptFault::FailAtToken { token }) if self.given >= token => {
                let what = format!("the script fails at token {token}");
                return Err(Failure::new(FailureKind::Engine, what));
            }
            Some(ScriptFault::WrongIdsFromToken { token }) if self.given >= token => {
                id = (id + 1) % VOCABULARY;
            }
            _ => {}
        }
        Ok(id)
    }
}

impl Engine for Scripted {
    fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    fn cost(&self, _depth: u32) -> Known<Cost> {
        Known::unknown("a script computes nothing")
    }

    fn render(&self, request: &RenderRequest) -> Result<Rendered, Failure> {
        render(request, NAME, None)
    }

    fn tokenize(&self, text: &str) -> Option<Result<Vec<u32>, Failure>> {
        Some(Ok(ids(text)))
    }

    fn detokenize(&self, ids: &[u32]) -> Option<String> {
        Some(text(ids))
    }

    fn generate(&mut self, task: &Generate<'_>, watch: &mut dyn Watch) -> Result<Finish, Failure> {
        let prompt_tokens = task.prompt.ids.len() as u32;
        let reused = task.reuse_prefix.min(prompt_tokens);
        if reused > 0 {
            watch.reused(reused);
        }
        let mut moment = Instant::now();
        let read = prompt_tokens - reused;
        if read > 0 {
            moment += Duration::from_nanos(self.script.prefill_token_ns.saturating_mul(u64::from(read)));
            wait_until(moment);
            if watch.read(read) == ControlFlow::Break(()) {
                return Ok(Finish::Cancelled);
            }
        }
        for place in 0..task.stop.max_tokens as usize {
            moment += Duration::from_nanos(self.script.decode_token_ns);
            wait_until(moment);
            let id = self.next(place)?;
            if watch.token(id) == ControlFlow::Break(()) {
                return Ok(Finish::Cancelled);
            }
        }
        Ok(Finish::Length)
    }

    fn score(
        &mut self,
        _prefix: &Prompt,
        continuations: &[Vec<u32>],
        _watch: &mut dyn Watch,
    ) -> Result<Vec<ScoredContinuation>, Failure> {
        // Likely where it is what the script would say, unlikely elsewhere.
        let score = |ids: &Vec<u32>| {
            let greedy: Vec<bool> =
                ids.iter().zip(self.script.tokens.iter().cycle()).map(|(id, said)| id == said).collect();
            let token_log_probs = greedy.iter().map(|said| if *said { -0.1 } else { -5.0 }).collect();
            ScoredContinuation { token_log_probs, greedy }
        };
        Ok(continuations.iter().map(score).collect())
    }

    fn reset(&mut self) {}
}
