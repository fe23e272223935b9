//! What one token costs, from shapes and stored bytes.

use dyno_weights::{Checkpoint, Container};

use crate::{Architecture, ComparatorError, config};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) vocab: usize,
    /// Bytes of every weight that a token reads: all but a table that is only looked up.
    weight_bytes: u64,
    weights: u64,
    layers: u64,
    heads: u64,
    kv_heads: u64,
    head_dim: u64,
}

const TABLE: &str = "language_model.embed_tokens.weight";
const HEAD: &str = "lm_head.weight";

impl Shape {
    pub(crate) fn of(checkpoint: &Checkpoint, architecture: Architecture) -> Result<Self, ComparatorError> {
        let config = config::complete(checkpoint.config(), architecture);
        let number = |key: &str| {
            config[key].as_u64().ok_or_else(|| ComparatorError::Config {
                path: checkpoint.path().to_owned(),
                why: format!("{key} is missing"),
            })
        };
        let read = |name: &&str| (*name != TABLE || !checkpoint.has(HEAD)) && !name.starts_with("visual.");
        let elements =
            |name: &str| checkpoint.shape(name).map_or(0, |dims| dims.iter().product::<usize>() as u64);
        let weights = checkpoint.names().filter(read).map(elements).sum();
        let weight_bytes =
            if checkpoint.container() == Container::Gguf || architecture == Architecture::Qwen3Vl {
                checkpoint.weight_bytes(checkpoint.names().filter(read))
            } else {
                // Held as f32, whatever the file holds.
                weights * 4
            };
        Ok(Self {
            vocab: number("vocab_size")? as usize,
            weight_bytes,
            weights,
            layers: number("num_hidden_layers")?,
            heads: number("num_attention_heads")?,
            kv_heads: number("num_key_value_heads")?,
            head_dim: number("head_dim")?,
        })
    }

    /// Weights once, and keys and values of every token before this one, in f32 as the borrowed code keeps them.
    pub(crate) fn cost(&self, depth: usize) -> (u64, u64) {
        let depth = depth as u64;
        let state_bytes = 2 * self.layers * self.kv_heads * self.head_dim * 4 * depth;
        let attention = 4 * self.layers * self.heads * self.head_dim * depth;
        (self.weight_bytes + state_bytes, 2 * self.weights + attention)
    }
}
