//! What a sequence has left on the device: convolution inputs, recurrent states, keys and values, the turns of
//! every position, and the ids of its tokens. Taken once for a stated context; a step allocates nothing.

use dyno_qwen35::config::{Config, Mixer};
use dyno_qwen35::{Position, TextRotary};

use crate::error::{GpuError, Result};
use crate::gpu::{Buffer, Gpu};
use crate::kernel::Scalar;

/// Keys are read in blocks of this many; the cache holds whole ones.
const KEY_BLOCK: usize = 32;

/// One layer's memory.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LayerState {
    /// The ring of four convolution inputs, and the recurrent state.
    Linear {
        ring: Buffer,
        cells: Buffer,
    },
    Full {
        keys: Buffer,
        values: Buffer,
    },
}

/// The memory of one sequence. The model that made it gives it back.
#[derive(Debug)]
pub struct State {
    pub(crate) layers: Vec<LayerState>,
    /// Cosines and sines by the number of the token.
    pub(crate) turns: Buffer,
    /// Ids by the number of the token; the one after the last is the model's choice.
    pub(crate) ids: Buffer,
    pub(crate) tokens: usize,
    pub(crate) next_position: u32,
    /// Tokens that fit.
    pub(crate) context: usize,
    /// Keys that fit, whole blocks.
    pub(crate) capacity: usize,
}

impl State {
    pub(crate) fn new(
        gpu: &mut impl Gpu,
        config: &Config,
        rotary: &TextRotary,
        kind: Scalar,
        context: usize,
    ) -> Result<Self> {
        let text = &config.text;
        let capacity = context.next_multiple_of(KEY_BLOCK);
        let layer = |gpu: &mut _, mixer: &Mixer| match mixer {
            Mixer::Linear => linear(gpu, text.linear.conv_channels(), cells(config)),
            Mixer::Full => {
                let bytes = text.attention.kv_heads * capacity * text.attention.head_dim * kind.bytes();
                full(gpu, bytes)
            }
        };
        let layers = text.mixers.iter().map(|mixer| layer(gpu, mixer)).collect::<Result<_>>()?;
        // One more than fits: the choice after the last token.
        let ids = gpu.buffer((context + 1) * 4)?;
        let turns = gpu.buffer(context * text.rope.dim * 4)?;
        let mut state = Self { layers, turns, ids, tokens: 0, next_position: 0, context, capacity };
        state.place(gpu, rotary, &[])?;
        Ok(state)
    }

    /// Bytes that a state of `context` tokens takes.
    pub fn bytes_for(config: &Config, kind: Scalar, context: usize) -> u64 {
        let text = &config.text;
        let capacity = context.next_multiple_of(KEY_BLOCK);
        let linear = (4 * text.linear.conv_channels() + cells(config)) * 4;
        let full = 2 * text.attention.kv_heads * capacity * text.attention.head_dim * kind.bytes();
        let layers = text.layers_with(Mixer::Linear) * linear + text.layers_with(Mixer::Full) * full;
        (layers + context * text.rope.dim * 4 + (context + 1) * 4) as u64
    }

    /// Tokens read so far.
    pub fn len(&self) -> usize {
        self.tokens
    }

    /// Whether nothing has been read yet.
    pub fn is_empty(&self) -> bool {
        self.tokens == 0
    }

    /// Tokens that fit.
    pub fn context(&self) -> usize {
        self.context
    }

    pub(crate) fn admit(&self, more: usize) -> Result<()> {
        if self.tokens + more > self.context {
            return Err(GpuError::ContextFull { held: self.tokens, more, context: self.context });
        }
        Ok(())
    }

    /// Settles the positions of the tokens to come: these, and then text for as long as the context lasts.
    pub(crate) fn place(
        &mut self,
        gpu: &mut impl Gpu,
        rotary: &TextRotary,
        positions: &[Position],
    ) -> Result<()> {
        let from = self.tokens + positions.len();
        let text = (0..(self.context - from) as u32).map(|i| [self.next_position + i; 3]);
        let all: Vec<Position> = positions.iter().copied().chain(text).collect();
        let table = rotary.table(&all);
        let bytes: Vec<u8> = table.iter().flat_map(|value| value.to_le_bytes()).collect();
        let width = table.len() / all.len().max(1) * 4;
        gpu.write(self.turns, self.tokens * width, &bytes)
    }

    pub(crate) fn buffers(&self) -> Vec<Buffer> {
        let of = |layer: &LayerState| match layer {
            LayerState::Linear { ring, cells } => [*ring, *cells],
            LayerState::Full { keys, values } => [*keys, *values],
        };
        self.layers.iter().flat_map(of).chain([self.turns, self.ids]).collect()
    }
}

fn cells(config: &Config) -> usize {
    let linear = &config.text.linear;
    linear.value_heads * linear.key_dim * linear.value_dim
}

fn linear(gpu: &mut impl Gpu, channels: usize, cells: usize) -> Result<LayerState> {
    Ok(LayerState::Linear { ring: gpu.buffer(4 * channels * 4)?, cells: gpu.buffer(cells * 4)? })
}

fn full(gpu: &mut impl Gpu, bytes: usize) -> Result<LayerState> {
    Ok(LayerState::Full { keys: gpu.buffer(bytes)?, values: gpu.buffer(bytes)? })
}
