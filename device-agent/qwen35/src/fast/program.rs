//! The trunk on kernels: token vectors, layers, final norm, head.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{Device, Tensor};
use dyno_kernels::{DeltaMemory, Input, Processor, Product, Tiles, products, rms_norm};
use dyno_weights::Checkpoint;

use super::Kept;
use super::layer::{Layer, delta_sizes};
use super::packing::{norm, pack};
use super::scratch::Scratch;
use crate::config::{Config, Mixer, TextConfig};
use crate::error::{ModelError, Result};
use crate::layer::LayerState;
use crate::model::{LoadPhase, Watch};
use crate::rope::{Position, TextRotary};
use crate::trunk::{HEAD, is_tied};

/// Rows of logits that are computed at a time.
const HEAD_ROWS: usize = 64;

#[derive(Debug)]
pub(crate) struct Program {
    processor: Arc<Processor>,
    embedding: Arc<Tiles>,
    layers: Vec<Layer>,
    norm: Vec<f32>,
    head: Arc<Tiles>,
    eps: f32,
    room: Mutex<Room>,
}

/// What is kept between calls so that a token takes no memory.
#[derive(Debug)]
struct Room {
    layers: Scratch,
    head: Input,
    /// The vector of a single token.
    token: Vec<f32>,
}

impl Program {
    pub(crate) fn load(
        processor: Arc<Processor>,
        weights: &Checkpoint,
        config: &Config,
        phase: &mut dyn FnMut(LoadPhase),
    ) -> Result<Self> {
        let text = &config.text;
        let (vocab, h) = (text.vocab_size, text.hidden_size);
        phase(LoadPhase::Embedding);
        let table = weights.linear("language_model.embed_tokens.weight", vocab, h, &Device::Cpu)?;
        let embedding = Arc::new(pack(&processor, &table)?);
        drop(table);
        let of = text.mixers.len();
        let mut layers = Vec::with_capacity(of);
        for (index, mixer) in text.mixers.iter().enumerate() {
            phase(LoadPhase::Layer { index, of });
            let prefix = format!("language_model.layers.{index}");
            layers.push(Layer::load(&processor, weights, &prefix, *mixer, text)?);
        }
        phase(LoadPhase::Head);
        let head = if is_tied(config, weights) {
            embedding.clone()
        } else {
            Arc::new(pack(&processor, &weights.linear(HEAD, vocab, h, &Device::Cpu)?)?)
        };
        Ok(Self {
            norm: norm(weights, "language_model.norm.weight", h)?,
            room: Mutex::new(Room {
                layers: Scratch::new(text),
                head: Input::new(HEAD_ROWS, h),
                token: vec![0.0; h],
            }),
            eps: text.rms_eps,
            processor,
            embedding,
            layers,
            head,
        })
    }

    pub(crate) fn processor(&self) -> &Arc<Processor> {
        &self.processor
    }

    pub(crate) fn state(&self, text: &TextConfig, context: Option<usize>) -> Vec<LayerState> {
        let layer = |mixer: &Mixer| match mixer {
            Mixer::Linear => LayerState::Delta {
                now: Arc::new(DeltaMemory::empty(&delta_sizes(&text.linear))),
                window: None,
            },
            Mixer::Full => LayerState::Kept(Kept::empty(text.attention, context, &self.processor)),
        };
        text.mixers.iter().map(layer).collect()
    }

    pub(crate) fn layers(&self) -> usize {
        self.layers.len()
    }

    /// Token vectors, `[ids, hidden]`. The ids are within the vocabulary.
    pub(crate) fn embed(&self, ids: &[u32]) -> Result<Tensor> {
        let h = self.embedding.cols();
        let mut out = vec![0f32; ids.len() * h];
        for (id, row) in ids.iter().zip(out.chunks_exact_mut(h)) {
            self.embedding.read_row(*id as usize, row);
        }
        Ok(Tensor::from_vec(out, (ids.len(), h), &Device::Cpu)?)
    }

    /// Takes `x` `[tokens, hidden]` through layers and final norm, in place.
    pub(crate) fn forward(
        &self,
        x: &mut [f32],
        positions: &[Position],
        rotary: &TextRotary,
        state: &mut [LayerState],
        watch: &mut Option<Watch<'_>>,
    ) -> Result<()> {
        let (tokens, h) = (positions.len(), self.norm.len());
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        let scratch = &mut room.layers;
        scratch.make_room(tokens);
        rotary.write(positions, &mut scratch.cos, &mut scratch.sin);
        let mut see = |index: usize, x: &[f32]| -> Result<()> {
            if let Some(watch) = watch.as_mut() {
                watch(index, &Tensor::from_slice(x, (tokens, h), &Device::Cpu)?);
            }
            Ok(())
        };
        for (index, (layer, state)) in self.layers.iter().zip(state).enumerate() {
            see(index, x)?;
            layer.forward(&self.processor, x, scratch, state)?;
        }
        rms_norm(&self.processor, x, &self.norm, self.eps, scratch.normed.fill(tokens));
        x.copy_from_slice(scratch.normed.values());
        see(self.layers.len(), x)
    }

    /// Logits `[rows, vocab]` of normed hidden rows.
    pub(crate) fn logits(&self, hidden: &Tensor) -> Result<Tensor> {
        let (rows, _) = hidden.dims2()?;
        let mut out = vec![0f32; rows * self.head.rows()];
        self.write_logits(&hidden.flatten_all()?.to_vec1::<f32>()?, &mut out);
        Ok(Tensor::from_vec(out, (rows, self.head.rows()), &Device::Cpu)?)
    }

    fn write_logits(&self, hidden: &[f32], out: &mut [f32]) {
        let (h, vocab) = (self.head.cols(), self.head.rows());
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        for (hidden, out) in hidden.chunks(HEAD_ROWS * h).zip(out.chunks_mut(HEAD_ROWS * vocab)) {
            room.head.fill(hidden.len() / h).copy_from_slice(hidden);
            products(&self.processor, &mut room.head, &mut [Product { weights: &self.head, out }]);
        }
    }

    /// One token, of an id within the vocabulary.
    pub(crate) fn step(
        &self,
        id: u32,
        position: &[Position; 1],
        rotary: &TextRotary,
        state: &mut [LayerState],
        logits: &mut [f32],
    ) -> Result<()> {
        let mut x = std::mem::take(&mut self.room.lock().unwrap_or_else(PoisonError::into_inner).token);
        self.embedding.read_row(id as usize, &mut x);
        self.forward(&mut x, position, rotary, state, &mut None)?;
        self.write_logits(&x, logits);
        self.room.lock().unwrap_or_else(PoisonError::into_inner).token = x;
        Ok(())
    }
}

/// Refuses ids past the table.
pub(crate) fn within(ids: &[u32], vocab: usize) -> Result<()> {
    match ids.iter().find(|id| **id as usize >= vocab) {
        None => Ok(()),
        Some(id) => Err(ModelError::refused(
            format!("token id {id} in a vocabulary of {vocab}"),
            "encode the text with this model's tokenizer",
        )),
    }
}
