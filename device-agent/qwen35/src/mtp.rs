//! The draft head (multi-token prediction): from a token's final hidden vector and the token that follows it,
//! the token after that. One full attention layer with a cache of its own; the output head is the trunk's.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use dyno_kernels::Processor;
use dyno_weights::{Checkpoint, Linear};

use crate::cache::KvCache;
use crate::config::{Attention, Mixer, TextConfig};
use crate::error::Result;
use crate::fast::{Draft, Kept};
use crate::layer::{DecoderLayer, LayerState};
use crate::norm::ZeroCentredNorm;
use crate::rope::Turns;

/// A loaded draft head.
#[derive(Debug)]
pub struct DraftHead {
    parts: Parts,
    attention: Attention,
}

#[derive(Debug)]
enum Parts {
    Reference(Box<Reference>),
    Kernels(Box<Draft>),
}

#[derive(Debug)]
struct Reference {
    join: Linear,
    embedding_norm: ZeroCentredNorm,
    hidden_norm: ZeroCentredNorm,
    layer: DecoderLayer,
    norm: ZeroCentredNorm,
    device: Device,
}

impl DraftHead {
    /// On the kernels of `processor` where there is one.
    pub(crate) fn load(
        weights: &Checkpoint,
        config: &TextConfig,
        device: &Device,
        processor: Option<&Arc<Processor>>,
    ) -> Result<Self> {
        let attention = config.attention;
        if let Some(processor) = processor {
            let parts = Parts::Kernels(Box::new(Draft::load(processor, weights, config)?));
            return Ok(Self { parts, attention });
        }
        let h = config.hidden_size;
        let norm = |name: &str| {
            ZeroCentredNorm::load(weights, &format!("mtp.{name}.weight"), h, config.rms_eps, device)
        };
        let reference = Reference {
            join: weights.linear("mtp.fc.weight", h, 2 * h, device)?,
            embedding_norm: norm("pre_fc_norm_embedding")?,
            hidden_norm: norm("pre_fc_norm_hidden")?,
            layer: DecoderLayer::load(weights, "mtp.layers.0", Mixer::Full, config, device)?,
            norm: norm("norm")?,
            device: device.clone(),
        };
        Ok(Self { parts: Parts::Reference(Box::new(reference)), attention })
    }

    /// Bytes that drafting takes beside the model's own state once `context` tokens have been read, up to the
    /// room its cache grows by.
    pub fn memory_bytes(&self, context: usize) -> u64 {
        match &self.parts {
            Parts::Reference(_) => KvCache::bytes_for(&self.attention, context),
            Parts::Kernels(draft) => Kept::token_bytes(self.attention, draft.processor()) * context as u64,
        }
    }

    pub(crate) fn state(&self) -> DraftState {
        DraftState(match &self.parts {
            Parts::Reference(parts) => LayerState::Full(KvCache::empty(self.attention, None, &parts.device)),
            Parts::Kernels(draft) => LayerState::Kept(Kept::empty(self.attention, None, draft.processor())),
        })
    }

    /// The input of the decoder layer: `fc [norm(embedding), norm(hidden)]`, the embedding half first.
    pub(crate) fn join(&self, embedded: &Tensor, hidden: &Tensor) -> Result<Tensor> {
        match &self.parts {
            Parts::Reference(parts) => {
                let halves = [parts.embedding_norm.forward(embedded)?, parts.hidden_norm.forward(hidden)?];
                Ok(parts.join.forward(&Tensor::cat(&halves, 1)?)?)
            }
            Parts::Kernels(draft) => {
                let joined = draft.join(&values(embedded)?, &values(hidden)?);
                Ok(Tensor::from_vec(joined, embedded.shape(), &Device::Cpu)?)
            }
        }
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
        match &self.parts {
            Parts::Reference(parts) => {
                let joined = self.join(embedded, hidden)?;
                parts.norm.forward(&parts.layer.forward(&joined, turns, &mut state.0)?)
            }
            Parts::Kernels(draft) => {
                let out = draft.forward(&values(embedded)?, &values(hidden)?, turns.host()?, &mut state.0)?;
                Ok(Tensor::from_vec(out, embedded.shape(), &Device::Cpu)?)
            }
        }
    }
}

fn values(x: &Tensor) -> Result<Vec<f32>> {
    Ok(x.flatten_all()?.to_vec1()?)
}

/// The draft head's own cache.
#[derive(Debug, Clone)]
pub(crate) struct DraftState(LayerState);

impl DraftState {
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            LayerState::Full(cache) => cache.len(),
            LayerState::Kept(kept) => kept.len(),
            LayerState::Linear { .. } | LayerState::Delta { .. } => 0,
        }
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        match &mut self.0 {
            LayerState::Full(cache) => cache.truncate(len),
            LayerState::Kept(kept) => kept.truncate(len),
            LayerState::Linear { .. } | LayerState::Delta { .. } => {}
        }
    }
}
