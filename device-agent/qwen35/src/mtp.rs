//! The draft head (multi-token prediction): from a token's final hidden vector and the token that follows it,
//! the token after that. One full attention layer with a cache of its own; the output head is the trunk's.

use candle_core::{Device, Tensor};
use dyno_weights::{Checkpoint, Linear};

use crate::cache::KvCache;
use crate::config::{Attention, Mixer, TextConfig};
use crate::error::Result;
use crate::layer::{DecoderLayer, LayerState};
use crate::norm::ZeroCentredNorm;
use crate::rope::Turns;

/// A loaded draft head.
#[derive(Debug)]
pub struct DraftHead {
    join: Linear,
    embedding_norm: ZeroCentredNorm,
    hidden_norm: ZeroCentredNorm,
    layer: DecoderLayer,
    norm: ZeroCentredNorm,
    attention: Attention,
    device: Device,
}

impl DraftHead {
    pub(crate) fn load(weights: &Checkpoint, config: &TextConfig, device: &Device) -> Result<Self> {
        let h = config.hidden_size;
        let norm = |name: &str| {
            ZeroCentredNorm::load(weights, &format!("mtp.{name}.weight"), h, config.rms_eps, device)
        };
        Ok(Self {
            join: weights.linear("mtp.fc.weight", h, 2 * h, device)?,
            embedding_norm: norm("pre_fc_norm_embedding")?,
            hidden_norm: norm("pre_fc_norm_hidden")?,
            layer: DecoderLayer::load(weights, "mtp.layers.0", Mixer::Full, config, device)?,
            norm: norm("norm")?,
            attention: config.attention,
            device: device.clone(),
        })
    }

    /// Bytes that drafting takes beside the model's own state once `context` tokens have been read, up to the
    /// room its cache grows by.
    pub fn memory_bytes(&self, context: usize) -> u64 {
        KvCache::bytes_for(&self.attention, context)
    }

    pub(crate) fn state(&self) -> DraftState {
        DraftState(LayerState::Full(KvCache::empty(self.attention, None, &self.device)))
    }

    /// The input of the decoder layer: `fc [norm(embedding), norm(hidden)]`, the embedding half first.
    pub(crate) fn join(&self, embedded: &Tensor, hidden: &Tensor) -> Result<Tensor> {
        let halves = [self.embedding_norm.forward(embedded)?, self.hidden_norm.forward(hidden)?];
        Ok(self.join.forward(&Tensor::cat(&halves, 1)?)?)
    }

    /// `embedded` are the vectors of the tokens that follow those whose final hidden rows are `hidden`, both
    /// `[n, hidden]`; `turns` are the positions of the latter. The result takes the place of `hidden` for a
    /// further draft, and gives logits through the trunk's head.
    pub(crate) fn forward(
        &self,
        embedded: &Tensor,
        hidden: &Tensor,
        turns: &Turns,
        state: &mut DraftState,
    ) -> Result<Tensor> {
        let joined = self.join(embedded, hidden)?;
        self.norm.forward(&self.layer.forward(&joined, turns, &mut state.0)?)
    }
}

/// The draft head's own cache.
#[derive(Debug, Clone)]
pub(crate) struct DraftState(LayerState);

impl DraftState {
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            LayerState::Full(cache) => cache.len(),
            LayerState::Linear { .. } => 0,
        }
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        if let LayerState::Full(cache) = &mut self.0 {
            cache.truncate(len);
        }
    }
}
