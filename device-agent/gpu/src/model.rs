//! The model on a device: loading, reading a prompt, and the step that makes the next token. Ids stay on the
//! device, so a step is handed over before anyone knows which token it reads.

use dyno_qwen35::config::{Config, FeedForward};
use dyno_qwen35::{Position, TextRotary};
use dyno_weights::Checkpoint;

use crate::error::{GpuError, Result};
use crate::gpu::{Arg, Buffer, Gpu};
use crate::kernel::{Kernel, Param, Scalar};
use crate::layer::{Layer, Place};
use crate::product::{End, Product};
use crate::program::{Program, Step, Tally};
use crate::state::{LayerState, State};
use crate::weights::{Weights, floats};
use crate::work::{CHUNK, LOGITS_SHARE, Work};

const TABLE: &str = "language_model.embed_tokens.weight";
const HEAD: &str = "lm_head.weight";

/// A dense Qwen3.5 model on a GPU.
#[derive(Debug)]
pub struct Model<G> {
    gpu: G,
    config: Config,
    kind: Scalar,
    rotary: TextRotary,
    program: Program,
    table: Weights,
    layers: Vec<Layer>,
    norm: Buffer,
    head: Product,
    work: Work,
    embed: Step,
    argmax_parts: Step,
    argmax: Step,
    /// Rows of logits that belong to tokens.
    tokens: usize,
}

impl<G: Gpu> Model<G> {
    /// Puts a checkpoint on the device. Activations and caches are of type `kind`; sums are single precision.
    pub fn load(mut gpu: G, weights: &Checkpoint, kind: Scalar) -> Result<Self> {
        let config = Config::parse(weights.config())?;
        let text = &config.text;
        let FeedForward::Dense(inner) = text.feed_forward else {
            let what = "it is a mixture of experts";
            return Err(GpuError::model(what, "run it on the processor; the GPU path knows dense models"));
        };
        let mut program = Program::default();
        let cpu = candle_core::Device::Cpu;
        let (vocab, h) = (text.vocab_size, text.hidden_size);
        let stored = weights.embedding(TABLE, vocab, h, &cpu)?.as_linear();
        let table = Weights::upload(&mut gpu, &[&stored])?;
        let of = |index: usize| (index, text.mixers[index]);
        let layers = (0..text.mixers.len())
            .map(|index| Layer::load(&mut gpu, &mut program, weights, of(index), text, kind))
            .collect::<Result<_>>()?;
        let tied = config.tied.unwrap_or_else(|| !weights.has(HEAD));
        let head = if tied {
            table.clone()
        } else {
            Weights::upload(&mut gpu, &[&weights.linear(HEAD, vocab, h, &cpu)?])?
        };
        let head = Product::of(&mut program, vec![head], End::Store, (kind, Scalar::F32));
        let norm: Vec<f32> = weights.tensor("language_model.norm.weight", &[h], &cpu)?.to_vec1()?;
        let norm = floats(&mut gpu, &norm.iter().map(|w| 1.0 + w).collect::<Vec<_>>())?;
        let embed = program.step(Kernel::new("embed", [table.param(), Param::Type(kind)]));
        let argmax_parts = program.step(Kernel::new("argmax_parts", []));
        let argmax = program.step(Kernel::new("argmax", []));
        let work = Work::new(&mut gpu, text, inner, kind)?;
        program.ready(&mut gpu)?;
        let rotary = TextRotary::new(&text.rope);
        let tokens = vocab;
        Ok(Self {
            gpu,
            config,
            kind,
            rotary,
            program,
            table,
            layers,
            norm,
            head,
            work,
            embed,
            argmax_parts,
            argmax,
            tokens,
        })
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    pub fn gpu(&mut self) -> &mut G {
        &mut self.gpu
    }

    /// The device alone, its kernels still ready. What the model took on it stays taken.
    pub fn into_gpu(self) -> G {
        self.gpu
    }

    /// What was dispatched since the model was loaded.
    pub fn tally(&self) -> &Tally {
        &self.program.tally
    }

    /// Every kernel that the model runs.
    pub fn kernels(&self) -> &[Kernel] {
        self.program.kernels()
    }

    /// Rows of logits from here on belong to no token and are never chosen.
    pub fn count_tokens(&mut self, tokens: usize) {
        self.tokens = tokens.min(self.config.text.vocab_size);
    }

    /// Bytes of all weights that one step reads, each once.
    pub fn weight_bytes(&self) -> u64 {
        self.layers.iter().map(Layer::weight_bytes).sum::<u64>() + self.head.bytes()
    }

    /// Operations of one step's products: two for each weight.
    pub fn product_flops(&self) -> u64 {
        2 * (self.layers.iter().map(Layer::elements).sum::<u64>() + self.head.elements())
    }

    /// An empty state for so many tokens.
    pub fn state(&mut self, context: usize) -> Result<State> {
        State::new(&mut self.gpu, &self.config, &self.rotary, self.kind, context)
    }

    /// A copy that later reading does not touch.
    pub fn snapshot(&mut self, state: &State) -> Result<State> {
        let mut copy = self.state(state.context)?;
        for (from, to) in state.buffers().into_iter().zip(copy.buffers()) {
            self.gpu.copy((from, 0), (to, 0), from.bytes)?;
        }
        copy.tokens = state.tokens;
        copy.next_position = state.next_position;
        Ok(copy)
    }

    /// Gives a state's memory back.
    pub fn release(&mut self, state: &State) {
        for buffer in state.buffers() {
            self.gpu.free(buffer);
        }
    }

    /// Reads a piece of text. With `choose`, the model's next token is then known on the device.
    pub fn read(&mut self, state: &mut State, ids: &[u32], choose: bool) -> Result<u64> {
        self.read_placed(state, ids, None, choose)
    }

    /// Reads a piece of a prompt whose tokens have positions of their own.
    pub fn read_placed(
        &mut self,
        state: &mut State,
        ids: &[u32],
        positions: Option<(&[Position], u32)>,
        choose: bool,
    ) -> Result<u64> {
        state.admit(ids.len())?;
        let vocab = self.config.text.vocab_size;
        if ids.is_empty() || ids.iter().any(|id| *id as usize >= vocab) {
            let what = format!("a prompt of {} ids for a vocabulary of {vocab}", ids.len());
            return Err(GpuError::device("a prompt", what));
        }
        if let Some((positions, next)) = positions {
            state.next_position = next;
            state.place(&mut self.gpu, &self.rotary, positions)?;
        } else {
            state.next_position += ids.len() as u32;
        }
        let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        self.gpu.write(state.ids, state.tokens * 4, &bytes)?;
        let mut last = 0;
        for piece in ids.chunks(CHUNK) {
            let place = Place {
                before: state.tokens,
                tokens: piece.len(),
                capacity: state.capacity,
                turns: state.turns,
            };
            self.gather(state, piece.len())?;
            for index in 0..self.layers.len() {
                let (layer, memory) = (&self.layers[index], state.layers[index]);
                if piece.len() == 1 {
                    layer.step(&mut self.gpu, &mut self.program, &self.work, memory, place)?;
                } else {
                    layer.read(&mut self.gpu, &mut self.program, &self.work, memory, place)?;
                }
            }
            state.tokens += piece.len();
            last = piece.len() - 1;
        }
        if choose {
            self.score(last)?;
            self.choose(state)?;
        }
        self.program.submit(&mut self.gpu)
    }

    /// Reads the token that was chosen last and chooses the next; the submission that will know it.
    pub fn step(&mut self, state: &mut State) -> Result<u64> {
        state.admit(1)?;
        let place = Place { before: state.tokens, tokens: 1, capacity: state.capacity, turns: state.turns };
        self.gather(state, 1)?;
        for index in 0..self.layers.len() {
            let (layer, memory): (&Layer, LayerState) = (&self.layers[index], state.layers[index]);
            layer.step(&mut self.gpu, &mut self.program, &self.work, memory, place)?;
        }
        state.tokens += 1;
        state.next_position += 1;
        self.score(0)?;
        self.choose(state)?;
        self.program.submit(&mut self.gpu)
    }

    /// The id of the token with this number, once a submission is done.
    pub fn id(&mut self, state: &State, token: usize, submission: u64) -> Result<u32> {
        let mut bytes = [0u8; 4];
        self.gpu.read_after(submission, state.ids, token * 4, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// Says which token comes next instead of the one that was chosen.
    pub fn force(&mut self, state: &State, id: u32) -> Result<()> {
        self.gpu.write(state.ids, state.tokens * 4, &id.to_le_bytes())
    }

    /// The logits that the last choice was made from.
    pub fn logits(&mut self, into: &mut Vec<f32>) -> Result<()> {
        let mut bytes = vec![0u8; self.config.text.vocab_size * 4];
        self.gpu.read(self.work.logits, 0, &mut bytes)?;
        into.clear();
        into.extend(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])));
        Ok(())
    }

    fn gather(&mut self, state: &State, tokens: usize) -> Result<()> {
        let cols = self.config.text.hidden_size as u32;
        let args = [
            Arg::In(self.table.codes, 0),
            Arg::In(self.table.scales, 0),
            Arg::In(self.table.biases, 0),
            Arg::In(state.ids, state.tokens * 4),
            Arg::Out(self.work.x, 0),
            Arg::U32(self.config.text.vocab_size as u32),
            Arg::U32(cols),
        ];
        let groups = [(cols / 16).div_ceil(64), tokens as u32, 1];
        self.program.run(&mut self.gpu, self.embed, &args, groups, 64)
    }

    /// Logits of one row of the residual stream.
    fn score(&mut self, row: usize) -> Result<()> {
        let at = row * self.config.text.hidden_size * self.kind.bytes();
        let norm = Some((self.norm, self.config.text.rms_eps));
        self.head.one(&mut self.gpu, &mut self.program, (self.work.x, at), norm, self.work.logits)
    }

    fn choose(&mut self, state: &State) -> Result<()> {
        let parts = self.tokens.div_ceil(LOGITS_SHARE) as u32;
        let args = [
            Arg::In(self.work.logits, 0),
            Arg::Out(self.work.best, 0),
            Arg::Out(self.work.best_ids, 0),
            Arg::U32(self.tokens as u32),
            Arg::U32(LOGITS_SHARE as u32),
        ];
        self.program.run(&mut self.gpu, self.argmax_parts, &args, [parts, 1, 1], 256)?;
        let args = [
            Arg::In(self.work.best, 0),
            Arg::In(self.work.best_ids, 0),
            Arg::Out(state.ids, state.tokens * 4),
            Arg::U32(parts),
        ];
        self.program.run(&mut self.gpu, self.argmax, &args, [1, 1, 1], 32)
    }
}
