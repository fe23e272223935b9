//! What a sequence has left behind in the model: key-value caches, convolution tails, recurrent states.
//! A clone is a snapshot and costs pointers only; restoring is assigning it back.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use dyno_kernels::Processor;

use crate::cache::KvCache;
use crate::config::{Config, Mixer, TextConfig};
use crate::error::{ModelError, Result};
use crate::fast::{Kept, Program};
use crate::gdn::DeltaState;
use crate::layer::LayerState;

/// Bounds on a state, settled before anything is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StateLimits {
    /// The longest sequence the state must hold. Its memory is then taken once; without it, caches grow.
    pub context: Option<usize>,
    /// The most bytes the state may take.
    pub bytes: Option<u64>,
}

/// The memory of one sequence.
#[derive(Debug, Clone)]
pub struct State {
    pub(crate) layers: Vec<LayerState>,
    pub(crate) tokens: usize,
    /// The next token's rotary position; differs from `tokens` once a picture has been read.
    pub(crate) next_position: u32,
    limits: StateLimits,
    /// Where the recorded window began.
    window_start: Option<Mark>,
    needs: Needs,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    tokens: usize,
    next_position: u32,
}

/// Bytes that a state of `context` tokens takes in f32, draft head not included.
pub fn memory_bytes(config: &Config, context: usize) -> u64 {
    Needs::of(config, None).bytes(context)
}

/// What a state takes, by its length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Needs {
    /// Of all layers' keys and values of one token.
    pub(crate) token_bytes: u64,
    /// Keys and values are taken for multiples of so many tokens.
    granule: usize,
    recurrent_bytes: u64,
}

impl Needs {
    /// On tensors, or on the kernels of `processor`.
    pub(crate) fn of(config: &Config, processor: Option<&Arc<Processor>>) -> Self {
        let text = &config.text;
        let (token_bytes, granule) = match processor {
            None => (KvCache::bytes_for(&text.attention, 1), 1),
            Some(processor) => (Kept::token_bytes(text.attention, processor), Kept::GRANULE),
        };
        let layers = text.layers_with(Mixer::Full) as u64;
        Self { token_bytes: layers * token_bytes, granule, recurrent_bytes: recurrent_bytes(text) }
    }

    pub(crate) fn bytes(self, context: usize) -> u64 {
        self.token_bytes * context.next_multiple_of(self.granule) as u64 + self.recurrent_bytes
    }

    fn check(self, limits: StateLimits, tokens: usize) -> Result<()> {
        let context = limits.context.unwrap_or(tokens);
        let needed_bytes = self.bytes(context);
        match limits.bytes {
            Some(limit_bytes) if needed_bytes > limit_bytes => {
                Err(ModelError::Memory { context, needed_bytes, limit_bytes })
            }
            _ => Ok(()),
        }
    }
}

/// Bytes of the part of the state that does not grow with the context.
pub(crate) fn recurrent_bytes(text: &TextConfig) -> u64 {
    let sizes = &text.linear;
    let conv = (sizes.conv_kernel - 1) * sizes.conv_channels();
    let recurrent = sizes.value_heads * sizes.key_dim * sizes.value_dim;
    ((conv + recurrent) * text.layers_with(Mixer::Linear) * size_of::<f32>()) as u64
}

impl State {
    pub(crate) fn new(config: &Config, limits: StateLimits, device: &Device) -> Result<Self> {
        let text = &config.text;
        let needs = Needs::of(config, None);
        needs.check(limits, limits.context.unwrap_or(0))?;
        let layer = |mixer: &Mixer| {
            Ok(match mixer {
                Mixer::Linear => {
                    LayerState::Linear { now: DeltaState::empty(&text.linear, device)?, window: None }
                }
                Mixer::Full => LayerState::Full(KvCache::empty(text.attention, limits.context, device)),
            })
        };
        let layers = text.mixers.iter().map(layer).collect::<Result<_>>()?;
        Ok(Self { layers, tokens: 0, next_position: 0, limits, window_start: None, needs })
    }

    /// An empty state for the kernels.
    pub(crate) fn on_kernels(config: &Config, limits: StateLimits, program: &Program) -> Result<Self> {
        let needs = Needs::of(config, Some(program.processor()));
        needs.check(limits, limits.context.unwrap_or(0))?;
        let layers = program.state(&config.text, limits.context);
        Ok(Self { layers, tokens: 0, next_position: 0, limits, window_start: None, needs })
    }

    /// Tokens read so far.
    pub fn len(&self) -> usize {
        self.tokens
    }

    /// Whether nothing has been read yet.
    pub fn is_empty(&self) -> bool {
        self.tokens == 0
    }

    /// How many more tokens fit; `None` where no context was stated.
    pub fn room(&self) -> Option<usize> {
        self.limits.context.map(|context| context - self.tokens.min(context))
    }

    /// Bytes taken now.
    pub fn bytes(&self) -> u64 {
        let tensor = |tensor: &Tensor| (tensor.elem_count() * size_of::<f32>()) as u64;
        let delta = |state: &DeltaState| tensor(&state.conv) + tensor(&state.recurrent);
        let layer = |layer: &LayerState| match layer {
            LayerState::Linear { now, window } => {
                delta(now) + window.as_ref().map_or(0, |window| window.iter().map(delta).sum())
            }
            LayerState::Full(cache) => cache.bytes(),
            LayerState::Delta { now, window } => {
                // Of a window, those that are not the one now are copies of their own.
                let others = window.as_ref().map_or(0, |window| window.len().saturating_sub(1));
                (1 + others as u64) * ((now.conv.len() + now.state.len()) * size_of::<f32>()) as u64
            }
            LayerState::Kept(kept) => kept.bytes(),
        };
        self.layers.iter().map(layer).sum()
    }

    /// Refuses `more` tokens that the limits do not allow, before any work is done.
    pub(crate) fn admit(&self, more: usize) -> Result<()> {
        if let (Some(context), Some(room)) = (self.limits.context, self.room())
            && more > room
        {
            return Err(ModelError::ContextFull { held: self.tokens, context, more });
        }
        self.needs.check(self.limits, self.tokens + more)
    }

    /// Notes that caches are held by this state alone, where they are.
    pub(crate) fn claim(&mut self) {
        for layer in &mut self.layers {
            if let LayerState::Full(cache) = layer {
                cache.claim();
            }
        }
    }

    /// From now on the state after every token is kept, so that [`State::rewind`] can go back to any of them.
    pub fn record(&mut self) {
        self.window_start = Some(Mark { tokens: self.tokens, next_position: self.next_position });
        for layer in &mut self.layers {
            match layer {
                LayerState::Linear { now, window } => *window = Some(vec![now.clone()]),
                LayerState::Delta { now, window } => *window = Some(vec![now.clone()]),
                LayerState::Full(_) | LayerState::Kept(_) => {}
            }
        }
    }

    /// Goes back to `tokens` tokens and ends the recording. Only text may have been read since `record`.
    pub fn rewind(&mut self, tokens: usize) -> Result<()> {
        let start = self.window_start.filter(|start| (start.tokens..=self.tokens).contains(&tokens));
        let Some(start) = start else {
            return Err(ModelError::refused(
                format!("going back to {tokens} tokens, which were not recorded"),
                "call `record` first, or restore a snapshot",
            ));
        };
        let back = tokens - start.tokens;
        for layer in &mut self.layers {
            match layer {
                LayerState::Linear { now, window } => {
                    let recorded = window.take().and_then(|window| window.into_iter().nth(back));
                    *now = recorded.ok_or_else(crate::layer::foreign_state)?;
                }
                LayerState::Full(cache) => cache.truncate(tokens),
                LayerState::Delta { now, window } => {
                    let recorded = window.take().and_then(|window| window.into_iter().nth(back));
                    *now = recorded.ok_or_else(crate::layer::foreign_state)?;
                }
                LayerState::Kept(kept) => kept.truncate(tokens),
            }
        }
        self.tokens = tokens;
        self.next_position = start.next_position + back as u32;
        self.window_start = None;
        self.claim();
        Ok(())
    }
}
