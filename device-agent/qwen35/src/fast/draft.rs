//! The draft head on kernels: one full attention layer behind a join of token vector and hidden row.

use std::sync::{Arc, Mutex, PoisonError};

use dyno_kernels::{Input, Processor, Product, Tiles, products, rms_norm};
use dyno_weights::Checkpoint;

use super::layer::Layer;
use super::packing::{norm, tiles};
use super::scratch::Scratch;
use crate::config::{Mixer, TextConfig};
use crate::error::Result;
use crate::layer::LayerState;

#[derive(Debug)]
pub(crate) struct Draft {
    processor: Arc<Processor>,
    join: Tiles,
    embedding_norm: Vec<f32>,
    hidden_norm: Vec<f32>,
    layer: Layer,
    norm: Vec<f32>,
    eps: f32,
    scratch: Mutex<Scratch>,
}

impl Draft {
    pub(crate) fn load(
        processor: &Arc<Processor>,
        weights: &Checkpoint,
        config: &TextConfig,
    ) -> Result<Self> {
        let h = config.hidden_size;
        let scale = |name: &str| norm(weights, &format!("mtp.{name}.weight"), h);
        Ok(Self {
            join: tiles(processor, weights, "mtp.fc.weight", h, 2 * h)?,
            embedding_norm: scale("pre_fc_norm_embedding")?,
            hidden_norm: scale("pre_fc_norm_hidden")?,
            layer: Layer::load(processor, weights, "mtp.layers.0", Mixer::Full, config)?,
            norm: scale("norm")?,
            eps: config.rms_eps,
            scratch: Mutex::new(Scratch::new(config)),
            processor: processor.clone(),
        })
    }

    pub(crate) fn processor(&self) -> &Arc<Processor> {
        &self.processor
    }

    /// `fc [norm(embedding), norm(hidden)]`, the embedding half first.
    pub(crate) fn join(&self, embedded: &[f32], hidden: &[f32]) -> Vec<f32> {
        let h = self.norm.len();
        let rows = embedded.len() / h;
        let normed = |x: &[f32], scale: &[f32]| {
            let mut out = vec![0f32; x.len()];
            rms_norm(&self.processor, x, scale, self.eps, &mut out);
            out
        };
        let (embedded, hidden) = (normed(embedded, &self.embedding_norm), normed(hidden, &self.hidden_norm));
        let mut input = Input::new(rows, 2 * h);
        let halves = embedded.chunks_exact(h).zip(hidden.chunks_exact(h));
        for (to, (embedded, hidden)) in input.fill(rows).chunks_exact_mut(2 * h).zip(halves) {
            to[..h].copy_from_slice(embedded);
            to[h..].copy_from_slice(hidden);
        }
        let mut out = vec![0f32; rows * h];
        products(&self.processor, &mut input, &mut [Product { weights: &self.join, out: &mut out }]);
        out
    }

    /// See [`crate::DraftHead`]; `cos` and `sin` are `[row, frequency]`.
    pub(crate) fn forward(
        &self,
        embedded: &[f32],
        hidden: &[f32],
        (cos, sin): (Vec<f32>, Vec<f32>),
        state: &mut LayerState,
    ) -> Result<Vec<f32>> {
        let mut x = self.join(embedded, hidden);
        let rows = x.len() / self.norm.len();
        let mut scratch = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        scratch.make_room(rows);
        (scratch.cos, scratch.sin) = (cos, sin);
        self.layer.forward(&self.processor, &mut x, &mut scratch, state)?;
        let mut out = vec![0f32; x.len()];
        rms_norm(&self.processor, &x, &self.norm, self.eps, &mut out);
        Ok(out)
    }
}
