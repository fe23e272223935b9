//! Log-likelihood of continuations over one shared prefix, which is read once.

use candle_core::{D, IndexOp, Tensor};

use crate::error::{ModelError, Result};
use crate::model::{Input, Logits, Qwen35};
use crate::speculate::greedy;
use crate::state::State;

/// Continuation tokens whose logits are held at a time.
const ROWS: usize = 128;

/// One continuation's score.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// The natural log of each token's probability given everything before it.
    pub log_probs: Vec<f32>,
    /// Whether each token was the most probable one.
    pub was_greedy: Vec<bool>,
}

impl Scored {
    /// The whole continuation's log-likelihood.
    pub fn total(&self) -> f64 {
        self.log_probs.iter().map(|log_prob| f64::from(*log_prob)).sum()
    }
}

impl Qwen35 {
    /// Scores every continuation after `prefix`, which must have at least one token.
    pub fn score(&self, prefix: Input<'_>, continuations: &[&[u32]]) -> Result<Vec<Scored>> {
        let mut state = self.state()?;
        let first = self.forward(&mut state, prefix, Logits::Last)?.logits;
        continuations.iter().map(|ids| self.score_after(&state, &first, ids)).collect()
    }

    /// Scores one continuation after a state and the logits `[1, vocab]` its last token gave. The state is
    /// left as it is.
    pub fn score_after(&self, state: &State, first: &Tensor, ids: &[u32]) -> Result<Scored> {
        let mut scored = Scored { log_probs: Vec::new(), was_greedy: Vec::new() };
        let Some((_, read)) = ids.split_last() else { return Ok(scored) };
        scored.add(first, &ids[..1])?;
        let mut state = state.clone();
        for (part, targets) in read.chunks(ROWS).zip(ids[1..].chunks(ROWS)) {
            let logits = self.forward(&mut state, Input::text(part), Logits::All)?.logits;
            scored.add(&logits, targets)?;
        }
        Ok(scored)
    }
}

impl Scored {
    /// Row `i` of `logits` predicts `targets[i]`.
    fn add(&mut self, logits: &Tensor, targets: &[u32]) -> Result<()> {
        let vocab = logits.dim(D::Minus1)?;
        if let Some(id) = targets.iter().find(|id| **id as usize >= vocab) {
            return Err(ModelError::refused(
                format!("scoring token id {id} in a vocabulary of {vocab}"),
                "encode the text with this model's tokenizer",
            ));
        }
        let rows = Tensor::new(targets, logits.device())?.unsqueeze(1)?;
        let chosen = logits.gather(&rows, 1)?.i((.., 0))?;
        let log_probs = (chosen - logits.log_sum_exp(D::Minus1)?)?.to_vec1::<f32>()?;
        self.log_probs.extend(log_probs);
        self.was_greedy.extend(greedy(logits)?.iter().zip(targets).map(|(best, id)| best == id));
        Ok(())
    }
}
