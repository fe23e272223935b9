//! Greedy decoding with drafts: the draft head proposes, the trunk verifies all proposals in one pass and
//! keeps those it would have chosen itself. What comes out is the trunk's own greedy choice at every step;
//! the drafts only decide how many steps one pass answers.

use candle_core::{D, Tensor};

use crate::error::{ModelError, Result};
use crate::model::{Input, Logits, Output, Qwen35};
use crate::mtp::{DraftHead, DraftState};
use crate::rope::Position;
use crate::state::State;

/// How well the drafts did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DraftFigures {
    /// Passes of the trunk.
    pub rounds: u64,
    /// Tokens proposed.
    pub drafts: u64,
    /// Proposed tokens that the trunk chose too.
    pub accepted: u64,
}

/// A token the trunk has read, as the draft head needs it.
#[derive(Debug, Clone)]
struct Read {
    hidden: Tensor,
    position: Position,
}

/// Drafting for one sequence.
#[derive(Debug)]
pub struct Speculation<'m> {
    model: &'m Qwen35,
    head: &'m DraftHead,
    state: DraftState,
    drafts_per_round: usize,
    /// Tokens read by the trunk whose successor is known but which the draft head has not seen yet.
    unseen: Vec<(Read, u32)>,
    /// The last token read; its successor is not chosen yet.
    last: Option<Read>,
    figures: DraftFigures,
}

/// The most probable token of each row of `logits`; the lowest id wins a tie.
pub fn greedy(logits: &Tensor) -> Result<Vec<u32>> {
    Ok(logits.argmax(D::Minus1)?.to_vec1()?)
}

impl<'m> Speculation<'m> {
    /// Fails where the draft head was not loaded.
    pub fn new(model: &'m Qwen35, drafts_per_round: usize) -> Result<Self> {
        let head = model.draft().ok_or_else(|| {
            ModelError::refused("drafting without a draft head", "load the model with `mtp`")
        })?;
        let state = head.state();
        Ok(Self {
            model,
            head,
            state,
            drafts_per_round,
            unseen: Vec::new(),
            last: None,
            figures: DraftFigures::default(),
        })
    }

    /// Tells the draft head what the trunk has read; once after the prompt's last forward pass, or after each.
    pub fn saw(&mut self, ids: &[u32], output: &Output) -> Result<()> {
        for (row, (id, position)) in ids.iter().zip(&output.positions).enumerate() {
            if let Some(before) = self.last.take() {
                self.unseen.push((before, *id));
            }
            self.last = Some(Read { hidden: output.hidden.narrow(0, row, 1)?, position: *position });
        }
        Ok(())
    }

    /// How well the drafts did so far.
    pub fn figures(&self) -> DraftFigures {
        self.figures
    }

    /// Reads `chosen`, the trunk's last choice, and as many drafts after it as hold. Returns the tokens that
    /// follow `chosen`; the last of them has not been read yet and is the next call's `chosen`.
    pub fn round(&mut self, state: &mut State, chosen: u32) -> Result<Vec<u32>> {
        let room = state.room().map_or(self.drafts_per_round, |room| room.saturating_sub(1));
        let drafts = self.propose(chosen, self.drafts_per_round.min(room))?;
        let mut ids = vec![chosen];
        ids.extend(&drafts);
        let before = state.len();
        state.record();
        let output = self.model.forward(state, Input::text(&ids), Logits::All)?;
        let choices = greedy(&output.logits)?;
        let accepted = drafts.iter().zip(&choices).take_while(|(draft, choice)| draft == choice).count();
        let kept = accepted + 1;
        state.rewind(before + kept)?;
        self.saw(&ids[..kept], &output)?;
        self.figures.rounds += 1;
        self.figures.drafts += drafts.len() as u64;
        self.figures.accepted += accepted as u64;
        Ok(choices[..kept].to_vec())
    }

    fn propose(&mut self, chosen: u32, count: usize) -> Result<Vec<u32>> {
        if let Some(before) = self.last.take() {
            self.unseen.push((before, chosen));
        }
        let mut drafts = Vec::with_capacity(count);
        let Some(mut position) = self.unseen.last().map(|(read, _)| read.position) else { return Ok(drafts) };
        if count == 0 {
            return Ok(drafts);
        }
        let (reads, ids): (Vec<Read>, Vec<u32>) = self.unseen.drain(..).unzip();
        let rows: Vec<&Tensor> = reads.iter().map(|read| &read.hidden).collect();
        let positions: Vec<Position> = reads.iter().map(|read| read.position).collect();
        let mut hidden = self.step(&ids, &Tensor::cat(&rows, 0)?, &positions)?;
        let certain = self.state.len();
        loop {
            let draft = greedy(&self.model.logits(&hidden)?)?[0];
            drafts.push(draft);
            if drafts.len() == count {
                break;
            }
            position = position.map(|axis| axis + 1);
            hidden = self.step(&[draft], &hidden, &[position])?;
        }
        // What rests on unverified drafts is read again with the trunk's own hidden rows.
        self.state.truncate(certain);
        Ok(drafts)
    }

    /// Returns the last row only.
    fn step(&mut self, ids: &[u32], hidden: &Tensor, positions: &[Position]) -> Result<Tensor> {
        let turns = self.model.rotary().turns(positions, self.model.device())?;
        let out = self.head.forward(&self.model.embed(ids)?, hidden, &turns, &mut self.state)?;
        Ok(out.narrow(0, ids.len() - 1, 1)?)
    }
}
