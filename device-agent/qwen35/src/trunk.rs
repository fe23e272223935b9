//! What stands between token vectors and logits: the reference, tensor by tensor on any device, or the kernels.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use dyno_kernels::Processor;
use dyno_weights::{Checkpoint, Embedding, Linear};

use crate::config::Config;
use crate::error::Result;
use crate::fast::Program;
use crate::layer::{DecoderLayer, LayerState, foreign_state};
use crate::model::{LoadOptions, LoadPhase, Watch};
use crate::norm::ZeroCentredNorm;
use crate::rope::{Position, TextRotary};

/// Tokens that pass through the layers together in a prefill; bounds the memory for activations.
const PREFILL_TOKENS: usize = 1024;

#[derive(Debug)]
pub(crate) enum Trunk {
    Reference(Reference),
    Kernels(Box<Program>),
}

/// Embedding, decoder layers, final norm, head, as tensors.
#[derive(Debug)]
pub(crate) struct Reference {
    embedding: Embedding,
    pub(crate) layers: Vec<DecoderLayer>,
    norm: ZeroCentredNorm,
    head: Linear,
    device: Device,
}

/// The name of an untied head.
pub(crate) const HEAD: &str = "lm_head.weight";

/// Whether head and embedding are one matrix; the checkpoint's tensors decide where the file is silent.
pub(crate) fn is_tied(config: &Config, weights: &Checkpoint) -> bool {
    config.tied.unwrap_or_else(|| !weights.has(HEAD))
}

impl Trunk {
    pub(crate) fn load(
        weights: &Checkpoint,
        config: &Config,
        options: &LoadOptions,
        phase: &mut dyn FnMut(LoadPhase),
    ) -> Result<Self> {
        Ok(match options.cpu.processor(config, &options.device) {
            None => Self::Reference(Reference::load(weights, config, &options.device, phase)?),
            Some(processor) => {
                Self::Kernels(Box::new(Program::load(Arc::new(processor), weights, config, phase)?))
            }
        })
    }

    /// What the kernels compute with, where they do.
    pub(crate) fn processor(&self) -> Option<&Arc<Processor>> {
        match self {
            Self::Reference(_) => None,
            Self::Kernels(program) => Some(program.processor()),
        }
    }

    /// Refuses the state of another model, or of another way of computing.
    pub(crate) fn check_state(&self, state: &[LayerState]) -> Result<()> {
        let (layers, ours) = match self {
            Self::Reference(trunk) => (trunk.layers.len(), state.iter().all(|layer| !layer.is_on_kernels())),
            Self::Kernels(program) => (program.layers(), state.iter().all(LayerState::is_on_kernels)),
        };
        if ours && state.len() == layers { Ok(()) } else { Err(foreign_state()) }
    }

    /// Token vectors `[ids, hidden]` of ids within the vocabulary.
    pub(crate) fn embed(&self, ids: &[u32]) -> Result<Tensor> {
        match self {
            Self::Reference(trunk) => Ok(trunk.embedding.forward(&Tensor::new(ids, &Device::Cpu)?)?),
            Self::Kernels(program) => program.embed(ids),
        }
    }

    /// Logits `[rows, vocab]` of normed hidden rows.
    pub(crate) fn logits(&self, hidden: &Tensor) -> Result<Tensor> {
        match self {
            Self::Reference(trunk) => Ok(trunk.head.forward(hidden)?),
            Self::Kernels(program) => program.logits(hidden),
        }
    }
}

impl Reference {
    fn load(
        weights: &Checkpoint,
        config: &Config,
        device: &Device,
        phase: &mut dyn FnMut(LoadPhase),
    ) -> Result<Self> {
        let text = &config.text;
        let (vocab, h) = (text.vocab_size, text.hidden_size);
        phase(LoadPhase::Embedding);
        let embedding = weights.embedding("language_model.embed_tokens.weight", vocab, h, device)?;
        let of = text.mixers.len();
        let mut layers = Vec::with_capacity(of);
        for (index, mixer) in text.mixers.iter().enumerate() {
            phase(LoadPhase::Layer { index, of });
            let prefix = format!("language_model.layers.{index}");
            layers.push(DecoderLayer::load(weights, &prefix, *mixer, text, device)?);
        }
        phase(LoadPhase::Head);
        let norm = ZeroCentredNorm::load(weights, "language_model.norm.weight", h, text.rms_eps, device)?;
        let head = if is_tied(config, weights) {
            embedding.as_linear()
        } else {
            weights.linear(HEAD, vocab, h, device)?
        };
        Ok(Self { embedding, layers, norm, head, device: device.clone() })
    }

    /// From token vectors to the residual stream after the final norm.
    pub(crate) fn forward(
        &self,
        embedded: &Tensor,
        positions: &[Position],
        rotary: &TextRotary,
        state: &mut [LayerState],
        watch: &mut Option<Watch<'_>>,
    ) -> Result<Tensor> {
        let mut hidden = Vec::new();
        for start in (0..positions.len()).step_by(PREFILL_TOKENS) {
            let tokens = PREFILL_TOKENS.min(positions.len() - start);
            let mut x = embedded.narrow(0, start, tokens)?;
            let turns = rotary.turns(&positions[start..start + tokens], &self.device)?;
            for (index, (layer, slot)) in self.layers.iter().zip(&mut *state).enumerate() {
                if let Some(watch) = watch.as_mut() {
                    watch(index, &x);
                }
                x = layer.forward(&x, &turns, slot)?;
            }
            let x = self.norm.forward(&x)?;
            if let Some(watch) = watch.as_mut() {
                watch(self.layers.len(), &x);
            }
            hidden.push(x);
        }
        Ok(if hidden.len() == 1 { hidden.swap_remove(0) } else { Tensor::cat(&hidden, 0)? })
    }
}
