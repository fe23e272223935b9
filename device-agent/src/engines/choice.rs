//! Choosing the next token and knowing when to stop: the same for every engine that hands out rows of logits.

use std::ops::ControlFlow;

use dyno_protocol::{Failure, FailureKind, Finish, Sampling};
use dyno_text::{LoopDetector, Sampler, Settings, TextError, ThinkingBudget};

use crate::engine::Generate;

/// What the choice has to know of a model's tokens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tokens<'a> {
    /// Rows of logits beyond this many belong to no token.
    pub(super) count: u32,
    /// Each of these ends an answer.
    pub(super) end_ids: &'a [u32],
    /// Whether a token is nothing but blanks, by id.
    pub(super) blank: &'a [bool],
}

pub(super) struct Choice<'a> {
    tokens: Tokens<'a>,
    sampler: Sampler,
    plain_greedy: bool,
    ignore_end: bool,
    loops: Option<LoopDetector>,
    budget: Option<ThinkingBudget>,
}

impl<'a> Choice<'a> {
    pub(super) fn new(
        task: &Generate<'_>,
        tokens: Tokens<'a>,
        budget: Option<ThinkingBudget>,
    ) -> Result<Self, Failure> {
        let settings = settings(task.sampling);
        Ok(Self {
            tokens,
            sampler: Sampler::new(settings, tokens.count, &task.prompt.ids).map_err(failure)?,
            plain_greedy: settings == Settings { seed: settings.seed, ..Settings::GREEDY }
                && budget.is_none(),
            ignore_end: task.stop.ignore_end,
            loops: task.stop.stop_on_loop.then(LoopDetector::new),
            budget,
        })
    }

    /// Whether the next token is always the most likely one.
    pub(super) fn is_plain_greedy(&self) -> bool {
        self.plain_greedy
    }

    pub(super) fn next(&mut self, row: &[f32]) -> Result<u32, Failure> {
        if let Some(forced) = self.budget.as_mut().and_then(ThinkingBudget::force) {
            self.sampler.accept(forced);
            return Ok(forced);
        }
        self.sampler.next(row).map_err(failure)
    }

    /// Whether the generation goes on after this token.
    pub(super) fn after(&mut self, id: u32) -> ControlFlow<Finish> {
        if let Some(budget) = &mut self.budget {
            budget.accept(id);
        }
        if !self.ignore_end && self.tokens.end_ids.contains(&id) {
            return ControlFlow::Break(Finish::End);
        }
        if let Some(loops) = &mut self.loops {
            let blank = self.tokens.blank.get(id as usize).copied().unwrap_or(false);
            if let Some(found) = loops.push(id, blank) {
                let (from_token, what) = (found.from_token, found.to_string());
                return ControlFlow::Break(Finish::Loop { from_token, what });
            }
        }
        ControlFlow::Continue(())
    }
}

pub(super) fn settings(sampling: &Sampling) -> Settings {
    Settings {
        temperature: sampling.temperature,
        top_k: sampling.top_k,
        top_p: sampling.top_p,
        min_p: sampling.min_p,
        presence_penalty: sampling.presence_penalty,
        repetition_penalty: sampling.repetition_penalty,
        seed: sampling.seed,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "shaped for map_err")]
fn failure(error: TextError) -> Failure {
    Failure::new(FailureKind::Engine, error.to_string())
}
