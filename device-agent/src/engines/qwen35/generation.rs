//! The loop from prompt to last token. Between two calls of the watcher it computes and nothing else.

use std::ops::ControlFlow;

use candle_core::Tensor;
use dyno_protocol::{Failure, FailureKind, Finish};
use dyno_qwen35::{Input, Logits, Output, Speculation, State, StateLimits};

use super::words::Words;
use super::{Own, Snapshot, model};
use crate::engine::{Generate, Watch};
use crate::engines::choice::{Choice, Tokens};

/// Prompt tokens between two stamps.
const CHUNK: usize = 512;
/// Tokens that the draft head proposes at a time.
const DRAFTS: usize = 2;

pub(super) fn run(own: &mut Own, task: &Generate<'_>, watch: &mut dyn Watch) -> Result<Finish, Failure> {
    let features = own.features(task.prompt)?;
    if let Some(features) = &features {
        watch.seen(features.grids.iter().map(|grid| grid.tokens() as u32).sum());
    }
    let ids = &task.prompt.ids;
    if ids.is_empty() {
        return Err(Failure::new(FailureKind::Refused, "the prompt has no tokens"));
    }
    let reuse = (task.reuse_prefix as usize).min(ids.len() - 1);
    let reuse = if features.is_some() { 0 } else { reuse };
    let mut state = begin(own, task, reuse, watch)?;
    // Boundaries: what is reused must be read by itself once, so that a snapshot can be taken behind it.
    let mut at = state.len();
    let mut last = None;
    let chunk = if features.is_some() { ids.len() } else { CHUNK };
    while at < ids.len() {
        let stop = if at < reuse { reuse } else { ids.len() };
        let end = stop.min(at + chunk);
        let input = Input { ids: &ids[at..end], features: features.as_ref() };
        let output = own.compute(|| own.model.forward(&mut state, input, Logits::Last)).map_err(model)?;
        if watch.read((end - at) as u32).is_break() {
            return Ok(Finish::Cancelled);
        }
        at = end;
        if at == reuse {
            own.snapshot = Some(Snapshot { ids: ids[..reuse].to_vec(), state: state.clone() });
        }
        last = Some(output);
    }
    let last = last.ok_or_else(|| Failure::new(FailureKind::Engine, "no token of the prompt was read"))?;
    let mut choice = choice(own, task)?;
    if task.speculate {
        speculate(own, task, state, &last, &mut choice, watch)
    } else {
        one_by_one(own, task, state, &last.logits, &mut choice, watch)
    }
}

/// A state that holds as much of the prompt as may come from a snapshot.
fn begin(own: &mut Own, task: &Generate<'_>, reuse: usize, watch: &mut dyn Watch) -> Result<State, Failure> {
    let ids = &task.prompt.ids;
    if reuse > 0
        && let Some(snapshot) = own.snapshot.as_ref().filter(|snapshot| snapshot.ids == ids[..reuse])
    {
        let state = snapshot.state.clone();
        watch.reused(reuse as u32);
        return Ok(state);
    }
    own.snapshot = None;
    let needed = ids.len() + task.stop.max_tokens as usize;
    let context = task.allocate_context.map_or(needed, |context| (context as usize).max(needed));
    let limits = StateLimits { context: Some(context), bytes: own.state_limit_bytes };
    own.model.state_within(limits).map_err(model)
}

fn one_by_one(
    own: &Own,
    task: &Generate<'_>,
    mut state: State,
    first: &Tensor,
    choice: &mut Choice<'_>,
    watch: &mut dyn Watch,
) -> Result<Finish, Failure> {
    let mut logits = row(first)?;
    for left in (0..task.stop.max_tokens).rev() {
        let id = choice.next(&logits)?;
        if watch.token(id).is_break() {
            return Ok(Finish::Cancelled);
        }
        if let ControlFlow::Break(finish) = choice.after(id) {
            return Ok(finish);
        }
        if left > 0 {
            own.compute(|| own.model.step(&mut state, id, &mut logits)).map_err(model)?;
        }
    }
    Ok(Finish::Length)
}

fn speculate(
    own: &Own,
    task: &Generate<'_>,
    mut state: State,
    last: &Output,
    choice: &mut Choice<'_>,
    watch: &mut dyn Watch,
) -> Result<Finish, Failure> {
    if !choice.is_plain_greedy() {
        return Err(Failure::new(
            FailureKind::Refused,
            "drafts are verified for greedy output without penalties",
        ));
    }
    let mut drafting = Speculation::new(&own.model, DRAFTS).map_err(model)?;
    let read = &task.prompt.ids[task.prompt.ids.len() - last.positions.len()..];
    drafting.saw(read, last).map_err(model)?;
    let mut id = choice.next(&row(&last.logits)?)?;
    let mut left = task.stop.max_tokens;
    let mut before = drafting.figures();
    loop {
        if left == 0 {
            return Ok(Finish::Length);
        }
        left -= 1;
        if watch.token(id).is_break() {
            return Ok(Finish::Cancelled);
        }
        if let ControlFlow::Break(finish) = choice.after(id) {
            return Ok(finish);
        }
        if left == 0 {
            continue;
        }
        let follows = own.compute(|| drafting.round(&mut state, id)).map_err(model)?;
        let now = drafting.figures();
        watch.speculated((now.drafts - before.drafts) as u32, (now.accepted - before.accepted) as u32);
        before = now;
        let Some((next, known)) = follows.split_last() else {
            return Err(Failure::new(FailureKind::Engine, "a round of drafts gave no token"));
        };
        for known in known {
            if left == 0 {
                return Ok(Finish::Length);
            }
            left -= 1;
            if watch.token(*known).is_break() {
                return Ok(Finish::Cancelled);
            }
            if let ControlFlow::Break(finish) = choice.after(*known) {
                return Ok(finish);
            }
        }
        id = *next;
    }
}

/// The choice for this model's tokens, and for its reasoning block where it has one.
fn choice<'a>(own: &'a Own, task: &Generate<'_>) -> Result<Choice<'a>, Failure> {
    let rows = own.loaded.vocabulary;
    let tokens = Tokens {
        count: own.words.as_ref().map_or(rows, |words| words.id_count().min(rows)),
        end_ids: &own.end_ids,
        blank: own.words.as_ref().map_or(&[], Words::blank),
    };
    let budget = match (task.stop.thinking_budget, &own.words) {
        (Some(budget), Some(words)) => words.thinking_budget(budget, task.prompt.text.as_deref())?,
        _ => None,
    };
    Choice::new(task, tokens, budget)
}

fn row(logits: &Tensor) -> Result<Vec<f32>, Failure> {
    logits
        .flatten_all()
        .and_then(|row| row.to_vec1())
        .map_err(|error| Failure::new(FailureKind::Engine, error.to_string()))
}
