//! One decoder layer: norm, mixer, residual, norm, feed-forward, residual.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use dyno_kernels::DeltaMemory;
use dyno_weights::Checkpoint;

use crate::attention::GatedAttention;
use crate::cache::KvCache;
use crate::config::{FeedForward, Mixer, TextConfig};
use crate::error::{ModelError, Result};
use crate::fast::Kept;
use crate::gdn::{DeltaState, GatedDelta};
use crate::mlp::Mlp;
use crate::moe::MixtureOfExperts;
use crate::norm::ZeroCentredNorm;
use crate::rope::Turns;

/// What one layer remembers between calls.
#[derive(Debug, Clone)]
pub(crate) enum LayerState {
    /// The state now and, while a window is recorded, after each of its tokens.
    Linear {
        now: DeltaState,
        window: Option<Vec<DeltaState>>,
    },
    Full(KvCache),
    /// As [`LayerState::Linear`], for the kernels.
    Delta {
        now: Arc<DeltaMemory>,
        window: Option<Vec<Arc<DeltaMemory>>>,
    },
    /// As [`LayerState::Full`], for the kernels.
    Kept(Kept),
}

#[derive(Debug)]
enum TokenMixer {
    Linear(GatedDelta),
    Full(GatedAttention),
}

#[derive(Debug)]
enum Mlps {
    Dense(Mlp),
    Experts(MixtureOfExperts),
}

#[derive(Debug)]
pub(crate) struct DecoderLayer {
    before_mixer: ZeroCentredNorm,
    mixer: TokenMixer,
    before_mlp: ZeroCentredNorm,
    mlp: Mlps,
}

impl DecoderLayer {
    pub(crate) fn load(
        weights: &Checkpoint,
        prefix: &str,
        mixer: Mixer,
        config: &TextConfig,
        device: &Device,
    ) -> Result<Self> {
        let h = config.hidden_size;
        let norm = |name: &str| {
            ZeroCentredNorm::load(weights, &format!("{prefix}.{name}.weight"), h, config.rms_eps, device)
        };
        let mlp = format!("{prefix}.mlp");
        Ok(Self {
            before_mixer: norm("input_layernorm")?,
            mixer: match mixer {
                Mixer::Linear => TokenMixer::Linear(GatedDelta::load(
                    weights,
                    &format!("{prefix}.linear_attn"),
                    config,
                    device,
                )?),
                Mixer::Full => TokenMixer::Full(GatedAttention::load(
                    weights,
                    &format!("{prefix}.self_attn"),
                    config,
                    device,
                )?),
            },
            before_mlp: norm("post_attention_layernorm")?,
            mlp: match config.feed_forward {
                FeedForward::Dense(inner) => Mlps::Dense(Mlp::load(weights, &mlp, h, inner, device)?),
                FeedForward::Experts(sizes) => {
                    Mlps::Experts(MixtureOfExperts::load(weights, &mlp, h, sizes, device)?)
                }
            },
        })
    }

    /// `x` is `[T, hidden]`.
    pub(crate) fn forward(&self, x: &Tensor, turns: &Turns, state: &mut LayerState) -> Result<Tensor> {
        let normed = self.before_mixer.forward(x)?;
        let mixed = match (&self.mixer, state) {
            (TokenMixer::Linear(gdn), LayerState::Linear { now, window }) => {
                gdn.forward(&normed, now, window.as_mut())?
            }
            (TokenMixer::Full(attention), LayerState::Full(cache)) => {
                attention.forward(&normed, turns, cache)?
            }
            _ => return Err(foreign_state()),
        };
        let x = (x + mixed)?;
        let normed = self.before_mlp.forward(&x)?;
        let y = match &self.mlp {
            Mlps::Dense(mlp) => mlp.forward(&normed)?,
            Mlps::Experts(experts) => experts.forward(&normed)?,
        };
        Ok((x + y)?)
    }

    /// The inner mixer of a gated `DeltaNet` layer, for checks of one layer alone.
    pub(crate) fn gated_delta(&self) -> Option<&GatedDelta> {
        match &self.mixer {
            TokenMixer::Linear(gdn) => Some(gdn),
            TokenMixer::Full(_) => None,
        }
    }
}

impl LayerState {
    /// Whether it is one that the kernels change.
    pub(crate) fn is_on_kernels(&self) -> bool {
        matches!(self, Self::Delta { .. } | Self::Kept(_))
    }
}

pub(crate) fn foreign_state() -> ModelError {
    ModelError::refused("the state belongs to another model", "start one with this model's `state`")
}
