//! The model: embedding, decoder layers, head. Owns loading and the forward pass over a state; generation
//! loops, sampling and words belong to others.

use candle_core::{Device, IndexOp, Tensor};
use dyno_weights::{Checkpoint, Embedding, Linear};

use crate::config::Config;
use crate::error::{ModelError, Result};
use crate::layer::DecoderLayer;
use crate::mtp::DraftHead;
use crate::norm::ZeroCentredNorm;
use crate::positions::{Layout, Run, TokenGrid, lay_out};
use crate::rope::{Position, TextRotary};
use crate::state::{State, StateLimits};
use crate::vision::VisionTower;

/// Tokens that pass through the layers together in a prefill; bounds the memory for activations.
const PREFILL_TOKENS: usize = 1024;

/// What to load.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Where the model runs.
    pub device: Device,
    /// Load the vision tower.
    pub vision: bool,
    /// Load the draft head.
    pub mtp: bool,
}

/// What is being loaded; announced before each part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadPhase {
    /// Reading and checking the configuration.
    Config,
    /// The token table.
    Embedding,
    /// A decoder layer.
    Layer {
        /// From zero.
        index: usize,
        /// How many there are.
        of: usize,
    },
    /// The output head.
    Head,
    /// The vision tower.
    Vision,
    /// The draft head.
    DraftHead,
}

/// Vectors that stand for pictures in a prompt, with the grid of every picture, in order.
#[derive(Debug, Clone)]
pub struct VisionFeatures {
    /// `[tokens, hidden]`
    pub rows: Tensor,
    /// One per image, one per temporal patch of a video.
    pub grids: Vec<TokenGrid>,
}

/// A prompt or a part of one.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// Token ids, with one placeholder per picture token.
    pub ids: &'a [u32],
    /// What the placeholders stand for.
    pub features: Option<&'a VisionFeatures>,
}

impl<'a> Input<'a> {
    /// Text alone. Any id is then an ordinary token.
    pub fn text(ids: &'a [u32]) -> Self {
        Self { ids, features: None }
    }
}

/// For which tokens logits are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logits {
    /// The last only: what generation needs.
    Last,
    /// All: what scoring needs.
    All,
}

/// What a forward pass gives.
#[derive(Debug, Clone)]
pub struct Output {
    /// `[tokens, vocab]`, or `[1, vocab]` for [`Logits::Last`].
    pub logits: Tensor,
    /// The residual stream after the final norm, `[tokens, hidden]`; what the draft head reads.
    pub hidden: Tensor,
    /// Rotary positions of the tokens.
    pub positions: Vec<Position>,
}

/// A loaded Qwen3.5 model.
#[derive(Debug)]
pub struct Qwen35 {
    config: Config,
    device: Device,
    embedding: Embedding,
    layers: Vec<DecoderLayer>,
    norm: ZeroCentredNorm,
    head: Linear,
    rotary: TextRotary,
    vision: Option<VisionTower>,
    draft: Option<DraftHead>,
}

/// Sees the residual stream at every layer boundary: 0 after the embedding, `i` after layer `i`.
pub(crate) type Watch<'a> = &'a mut dyn FnMut(usize, &Tensor);

impl Qwen35 {
    /// Loads a checkpoint, announcing each part to `phase` first.
    pub fn load(
        weights: &Checkpoint,
        options: &LoadOptions,
        phase: &mut dyn FnMut(LoadPhase),
    ) -> Result<Self> {
        let device = &options.device;
        phase(LoadPhase::Config);
        let config = Config::parse(weights.config())?;
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
        let head = if is_tied(&config, weights) {
            embedding.as_linear()
        } else {
            weights.linear(HEAD, vocab, h, device)?
        };
        let vision = match (options.vision, &config.vision) {
            (false, _) => None,
            (true, None) => {
                return Err(ModelError::config("vision_config", "is missing, but vision was asked for"));
            }
            (true, Some(vision)) => {
                phase(LoadPhase::Vision);
                Some(VisionTower::load(weights, vision, device)?)
            }
        };
        let draft = match (options.mtp, text.mtp_layers) {
            (false, _) => None,
            (true, 0) => {
                return Err(ModelError::config(
                    "text_config.mtp_num_hidden_layers",
                    "is 0 or missing, but the draft head was asked for",
                ));
            }
            (true, _) => {
                phase(LoadPhase::DraftHead);
                Some(DraftHead::load(weights, text, device)?)
            }
        };
        let rotary = TextRotary::new(&text.rope);
        Ok(Self { device: device.clone(), embedding, layers, norm, head, rotary, vision, draft, config })
    }

    /// The model's configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where the model runs.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The vision tower, where it was loaded.
    pub fn vision(&self) -> Option<&VisionTower> {
        self.vision.as_ref()
    }

    /// The draft head, where it was loaded.
    pub fn draft(&self) -> Option<&DraftHead> {
        self.draft.as_ref()
    }

    /// An empty state without limits.
    pub fn state(&self) -> Result<State> {
        self.state_within(StateLimits::default())
    }

    /// An empty state, refused where it could not keep its limits.
    pub fn state_within(&self, limits: StateLimits) -> Result<State> {
        State::new(&self.config, limits, &self.device)
    }

    /// Bytes that a state of `context` tokens takes.
    pub fn memory_bytes(&self, context: usize) -> u64 {
        crate::state::memory_bytes(&self.config, context)
    }

    /// Reads `input` into `state`. On an error the state is as before.
    pub fn forward(&self, state: &mut State, input: Input<'_>, want: Logits) -> Result<Output> {
        self.forward_watched(state, input, want, None)
    }

    pub(crate) fn forward_watched(
        &self,
        state: &mut State,
        input: Input<'_>,
        want: Logits,
        mut watch: Option<Watch<'_>>,
    ) -> Result<Output> {
        if input.ids.is_empty() {
            return Err(ModelError::refused("a forward pass over no tokens", "give at least one"));
        }
        if state.layers.len() != self.layers.len() {
            return Err(crate::layer::foreign_state());
        }
        state.admit(&self.config, input.ids.len())?;
        let grids = input.features.map_or(&[][..], |features| &features.grids);
        let layout = lay_out(input.ids, self.config.media, grids, state.next_position)?;
        let embedded = self.embed_prompt(input, &layout)?;

        state.claim();
        let mut next = state.clone();
        let mut hidden = Vec::new();
        for start in (0..input.ids.len()).step_by(PREFILL_TOKENS) {
            let tokens = PREFILL_TOKENS.min(input.ids.len() - start);
            let mut x = embedded.narrow(0, start, tokens)?;
            let turns = self.rotary.turns(&layout.positions[start..start + tokens], &self.device)?;
            for (index, (layer, slot)) in self.layers.iter().zip(&mut next.layers).enumerate() {
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
        let hidden = if hidden.len() == 1 { hidden.swap_remove(0) } else { Tensor::cat(&hidden, 0)? };
        let rows = match want {
            Logits::All => hidden.clone(),
            Logits::Last => hidden.narrow(0, input.ids.len() - 1, 1)?,
        };
        let logits = self.logits(&rows)?;
        next.tokens += input.ids.len();
        next.next_position = layout.next;
        *state = next;
        Ok(Output { logits, hidden, positions: layout.positions })
    }

    /// Token vectors `[ids, hidden]`.
    pub(crate) fn embed(&self, ids: &[u32]) -> Result<Tensor> {
        if let Some(id) = ids.iter().find(|id| **id as usize >= self.config.text.vocab_size) {
            return Err(ModelError::refused(
                format!("token id {id} in a vocabulary of {}", self.config.text.vocab_size),
                "encode the text with this model's tokenizer",
            ));
        }
        Ok(self.embedding.forward(&Tensor::new(ids, &Device::Cpu)?)?)
    }

    /// Logits `[rows, vocab]` of normed hidden rows.
    pub(crate) fn logits(&self, hidden: &Tensor) -> Result<Tensor> {
        Ok(self.head.forward(hidden)?)
    }

    pub(crate) fn rotary(&self) -> &TextRotary {
        &self.rotary
    }

    pub(crate) fn layer(&self, index: usize) -> Option<&DecoderLayer> {
        self.layers.get(index)
    }

    fn embed_prompt(&self, input: Input<'_>, layout: &Layout) -> Result<Tensor> {
        let Some(features) = input.features else { return self.embed(input.ids) };
        let expected = (layout.pictured(), self.config.text.hidden_size);
        if features.rows.dims2()? != expected {
            return Err(ModelError::refused(
                format!("picture features of shape {:?} for {expected:?}", features.rows.dims()),
                "give the features that this model's vision tower made",
            ));
        }
        let mut parts = Vec::with_capacity(layout.runs.len());
        let mut used = 0;
        for run in &layout.runs {
            parts.push(match run {
                Run::Text(range) => self.embed(&input.ids[range.clone()])?,
                Run::Picture(range) => {
                    used += range.len();
                    features.rows.i(used - range.len()..used)?
                }
            });
        }
        Ok(Tensor::cat(&parts, 0)?)
    }
}

/// The name of an untied head.
pub(crate) const HEAD: &str = "lm_head.weight";

/// Whether head and embedding are one matrix; the checkpoint's tensors decide where the file is silent.
pub(crate) fn is_tied(config: &Config, weights: &Checkpoint) -> bool {
    config.tied.unwrap_or_else(|| !weights.has(HEAD))
}
