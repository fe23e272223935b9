//! The model: embedding, decoder layers, head. Owns loading and the forward pass over a state; generation
//! loops, sampling and words belong to others.

use std::sync::Arc;

use candle_core::{Device, IndexOp, Tensor};
use dyno_kernels::{Arithmetic, Processor};
use dyno_weights::Checkpoint;

use crate::config::Config;
use crate::cost::DecodeCost;
use crate::error::{ModelError, Result};
use crate::fast::{CpuPath, Place, within};
use crate::layer::DecoderLayer;
use crate::mtp::DraftHead;
use crate::positions::{Layout, Run, TokenGrid, lay_out};
use crate::rope::{Position, TextRotary};
use crate::state::{Needs, State, StateLimits};
use crate::trunk::Trunk;
use crate::vision::VisionTower;

/// Tokens that pass through the kernels together in a prefill; bounds the memory for activations.
const PREFILL_TOKENS: usize = 512;

/// What to load.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Where the model runs.
    pub device: Device,
    /// Load the vision tower.
    pub vision: bool,
    /// Load the draft head.
    pub mtp: bool,
    /// How a processor computes; accelerators have one way.
    pub cpu: CpuPath,
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
    trunk: Trunk,
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
        let trunk = Trunk::load(weights, &config, options, phase)?;
        let place = Place { device, processor: trunk.processor() };
        let vision = match (options.vision, &config.vision) {
            (false, _) => None,
            (true, None) => {
                return Err(ModelError::config("vision_config", "is missing, but vision was asked for"));
            }
            (true, Some(vision)) => {
                phase(LoadPhase::Vision);
                Some(VisionTower::load(weights, vision, place)?)
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
                Some(DraftHead::load(weights, text, device, place.processor)?)
            }
        };
        let rotary = TextRotary::new(&text.rope);
        Ok(Self { device: device.clone(), trunk, rotary, vision, draft, config })
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
        match &self.trunk {
            Trunk::Reference(_) => State::new(&self.config, limits, &self.device),
            Trunk::Kernels(program) => State::on_kernels(&self.config, limits, program),
        }
    }

    /// Bytes that a state of `context` tokens takes.
    pub fn memory_bytes(&self, context: usize) -> u64 {
        Needs::of(&self.config, self.trunk.processor()).bytes(context)
    }

    /// What decoding a token after `depth` others costs, with keys and values as this model keeps them.
    pub fn cost(&self, weights: &Checkpoint, depth: usize) -> DecodeCost {
        let kv_bytes = Needs::of(&self.config, self.trunk.processor()).token_bytes * (depth as u64 + 1);
        DecodeCost { kv_bytes, ..DecodeCost::new(weights, &self.config, depth) }
    }

    /// Whether kernels with threads of their own compute.
    pub fn has_kernels(&self) -> bool {
        self.trunk.processor().is_some()
    }

    /// How far results may be from those of f32, where the arithmetic is shorter.
    pub fn stated_error(&self) -> Option<&'static str> {
        let fast = |processor: &&Arc<Processor>| processor.arithmetic() == Arithmetic::Fast;
        self.trunk.processor().filter(fast).map(|_| {
            "decoding takes activations as bytes, off by at most a 254th of their group's largest; prompts are \
             multiplied in bf16 where the processor does; keys and values are kept in f16"
        })
    }

    /// The code path that computes, in words.
    pub fn path(&self) -> String {
        match self.trunk.processor() {
            None => "candle".to_owned(),
            Some(processor) => CpuPath::Kernels(processor.machine(), processor.arithmetic()).to_string(),
        }
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
        self.trunk.check_state(&state.layers)?;
        state.admit(input.ids.len())?;
        let grids = input.features.map_or(&[][..], |features| &features.grids);
        let layout = lay_out(input.ids, self.config.media, grids, state.next_position)?;
        let embedded = self.embed_prompt(input, &layout)?;
        let hidden = match &self.trunk {
            Trunk::Reference(trunk) => {
                state.claim();
                let mut next = state.layers.clone();
                let positions = &layout.positions;
                let hidden = trunk.forward(&embedded, positions, &self.rotary, &mut next, &mut watch)?;
                state.layers = next;
                hidden
            }
            Trunk::Kernels(program) => {
                let mut x = embedded.flatten_all()?.to_vec1::<f32>()?;
                let h = self.config.text.hidden_size;
                let parts = x.chunks_mut(PREFILL_TOKENS * h).zip(layout.positions.chunks(PREFILL_TOKENS));
                for (x, positions) in parts {
                    program.forward(x, positions, &self.rotary, &mut state.layers, &mut watch)?;
                }
                Tensor::from_vec(x, (input.ids.len(), h), &self.device)?
            }
        };
        let rows = match want {
            Logits::All => hidden.clone(),
            Logits::Last => hidden.narrow(0, input.ids.len() - 1, 1)?,
        };
        let logits = self.logits(&rows)?;
        state.tokens += input.ids.len();
        state.next_position = layout.next;
        Ok(Output { logits, hidden, positions: layout.positions })
    }

    /// Reads one token and writes the logits of what follows, `[vocab]`: what decoding needs, and no tensors made
    /// for it. On an error the state is as before.
    pub fn step(&self, state: &mut State, id: u32, logits: &mut Vec<f32>) -> Result<()> {
        let Trunk::Kernels(program) = &self.trunk else {
            let output = self.forward(state, Input::text(&[id]), Logits::Last)?;
            *logits = output.logits.flatten_all()?.to_vec1()?;
            return Ok(());
        };
        self.trunk.check_state(&state.layers)?;
        state.admit(1)?;
        within(&[id], self.config.text.vocab_size)?;
        let position = [[state.next_position; 3]];
        logits.resize(self.config.text.vocab_size, 0.0);
        program.step(id, &position, &self.rotary, &mut state.layers, logits)?;
        state.tokens += 1;
        state.next_position += 1;
        Ok(())
    }

    /// Token vectors `[ids, hidden]`.
    pub(crate) fn embed(&self, ids: &[u32]) -> Result<Tensor> {
        within(ids, self.config.text.vocab_size)?;
        self.trunk.embed(ids)
    }

    /// Logits `[rows, vocab]` of normed hidden rows.
    pub(crate) fn logits(&self, hidden: &Tensor) -> Result<Tensor> {
        self.trunk.logits(hidden)
    }

    pub(crate) fn rotary(&self) -> &TextRotary {
        &self.rotary
    }

    /// A layer of the reference.
    pub(crate) fn layer(&self, index: usize) -> Option<&DecoderLayer> {
        match &self.trunk {
            Trunk::Reference(trunk) => trunk.layers.get(index),
            Trunk::Kernels(_) => None,
        }
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
