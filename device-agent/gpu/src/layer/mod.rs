//! One decoder layer on the device: its weights, and the dispatches that one token or many pass through.

mod attend;
mod loader;

use dyno_qwen35::config::{FeedForward, Mixer, TextConfig};
use dyno_weights::{Checkpoint, Linear};

pub(crate) use attend::SHARES;
use attend::{attend_many, attend_one};
use loader::Loader;

use crate::error::{GpuError, Result};
use crate::gpu::{Arg, Buffer, Gpu};
use crate::kernel::{Kernel, Param, Scalar};
use crate::product::{End, Product};
use crate::program::{Program, Step};
use crate::state::LayerState;
use crate::work::Work;

/// Threads of a threadgroup that steps one value head: sixteen simdgroups, each with rows of its own.
const DELTA_THREADS: u32 = 512;
const ROW_THREADS: u32 = 128;

/// Where a call stands in its sequence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Tokens before this call.
    pub(crate) before: usize,
    /// Tokens of this call.
    pub(crate) tokens: usize,
    /// Keys that the cache can hold.
    pub(crate) capacity: usize,
    pub(crate) turns: Buffer,
}

#[derive(Debug)]
enum Mix {
    Linear { taps: Buffer, rate: Buffer, dt_bias: Buffer, norm: Buffer, share: usize, steps: [Step; 4] },
    Full { q_norm: Buffer, k_norm: Buffer, steps: [Step; 4] },
}

#[derive(Debug)]
pub(crate) struct Layer {
    before_mixer: Buffer,
    project: Product,
    mix: Mix,
    out: Product,
    before_mlp: Buffer,
    gate_up: Product,
    down: Product,
    rms_norm: Step,
    eps: f32,
}

impl Layer {
    pub(crate) fn load(
        gpu: &mut impl Gpu,
        program: &mut Program,
        weights: &Checkpoint,
        (index, mixer): (usize, Mixer),
        text: &TextConfig,
        kind: Scalar,
    ) -> Result<Self> {
        let FeedForward::Dense(inner) = text.feed_forward else {
            let what = "it is a mixture of experts";
            return Err(GpuError::model(what, "run it on the processor; the GPU path knows dense models"));
        };
        let h = text.hidden_size;
        let prefix = format!("language_model.layers.{index}");
        let linear = |name: &str, rows, cols| -> Result<Linear> {
            let cpu = candle_core::Device::Cpu;
            Ok(weights.linear(&format!("{prefix}.{name}.weight"), rows, cols, &cpu)?)
        };
        let loader = Loader { weights, prefix: &prefix };
        let (joint, mix, out) = match mixer {
            Mixer::Linear => {
                let sizes = text.linear;
                let (channels, width, heads) =
                    (sizes.conv_channels(), sizes.value_width(), sizes.value_heads);
                let joint = [
                    linear("linear_attn.in_proj_qkv", channels, h)?,
                    linear("linear_attn.in_proj_z", width, h)?,
                    linear("linear_attn.in_proj_b", heads, h)?,
                    linear("linear_attn.in_proj_a", heads, h)?,
                ];
                let mix = loader.delta(gpu, program, text, kind)?;
                (joint.to_vec(), mix, linear("linear_attn.out_proj", h, width)?)
            }
            Mixer::Full => {
                let sizes = text.attention;
                let (width, kv) = (sizes.heads * sizes.head_dim, sizes.kv_heads * sizes.head_dim);
                let joint = [
                    linear("self_attn.q_proj", 2 * width, h)?,
                    linear("self_attn.k_proj", kv, h)?,
                    linear("self_attn.v_proj", kv, h)?,
                ];
                let mix = loader.attention(gpu, program, text, kind)?;
                (joint.to_vec(), mix, linear("self_attn.o_proj", h, width)?)
            }
        };
        let gate_up = [linear("mlp.gate_proj", inner, h)?, linear("mlp.up_proj", inner, h)?];
        let down = linear("mlp.down_proj", h, inner)?;
        let kinds = (kind, kind);
        Ok(Self {
            before_mixer: loader.zero_centred(gpu, "input_layernorm", h)?,
            project: Product::new(gpu, program, &joint, End::Store, kinds)?,
            mix,
            out: Product::new(gpu, program, &[out], End::Add, kinds)?,
            before_mlp: loader.zero_centred(gpu, "post_attention_layernorm", h)?,
            gate_up: Product::new(gpu, program, &gate_up, End::Swiglu, kinds)?,
            down: Product::new(gpu, program, &[down], End::Add, kinds)?,
            rms_norm: program.step(Kernel::new("rms_norm", [Param::Type(kind)])),
            eps: text.rms_eps,
        })
    }

    pub(crate) fn weight_bytes(&self) -> u64 {
        [&self.project, &self.out, &self.gate_up, &self.down].map(Product::bytes).iter().sum()
    }

    pub(crate) fn elements(&self) -> u64 {
        [&self.project, &self.out, &self.gate_up, &self.down].map(Product::elements).iter().sum()
    }

    /// The residual stream of one token, in place.
    pub(crate) fn step(
        &self,
        gpu: &mut impl Gpu,
        program: &mut Program,
        work: &Work,
        state: LayerState,
        place: Place,
    ) -> Result<()> {
        let norm = |scale| Some((scale, self.eps));
        self.project.one(gpu, program, (work.x, 0), norm(self.before_mixer), work.row)?;
        match (&self.mix, state) {
            (Mix::Linear { taps, rate, dt_bias, norm, share, steps }, LayerState::Linear { ring, cells }) => {
                let linear = &work.text.linear;
                let args = [
                    Arg::In(work.row, 0),
                    Arg::In(*taps, 0),
                    Arg::Out(ring, 0),
                    Arg::In(*rate, 0),
                    Arg::In(*dt_bias, 0),
                    Arg::In(*norm, 0),
                    Arg::Out(cells, 0),
                    Arg::Out(work.mixed_out, 0),
                    Arg::U32(linear.key_heads as u32),
                    Arg::U32(linear.value_heads as u32),
                    Arg::U32(*share as u32),
                    Arg::U32(place.before as u32),
                    Arg::F32(self.eps),
                ];
                let threads = DELTA_THREADS.min(32 * linear.value_dim as u32);
                program.run(gpu, steps[0], &args, [linear.value_heads as u32, 1, 1], threads)?;
            }
            (Mix::Full { q_norm, k_norm, steps }, LayerState::Full { keys, values }) => {
                self.append(gpu, program, work, (*q_norm, *k_norm, steps[0]), (keys, values), place)?;
                attend_one(gpu, program, work, *steps, (keys, values), place)?;
            }
            _ => return Err(GpuError::device("a state", "it belongs to another model")),
        }
        self.out.one(gpu, program, (work.mixed_out, 0), None, work.x)?;
        self.gate_up.one(gpu, program, (work.x, 0), norm(self.before_mlp), work.inner)?;
        self.down.one(gpu, program, (work.inner, 0), None, work.x)
    }

    /// The residual stream of many tokens, in place.
    pub(crate) fn read(
        &self,
        gpu: &mut impl Gpu,
        program: &mut Program,
        work: &Work,
        state: LayerState,
        place: Place,
    ) -> Result<()> {
        let tokens = place.tokens;
        self.norm(gpu, program, work, self.before_mixer, tokens)?;
        self.project.many(gpu, program, (work.normed, 0), tokens, work.row)?;
        match (&self.mix, state) {
            (Mix::Linear { .. }, LayerState::Linear { ring, cells }) => {
                self.delta_many(gpu, program, work, (ring, cells), place)?;
            }
            (Mix::Full { q_norm, k_norm, steps }, LayerState::Full { keys, values }) => {
                self.append(gpu, program, work, (*q_norm, *k_norm, steps[0]), (keys, values), place)?;
                attend_many(gpu, program, work, steps[3], (keys, values), place)?;
            }
            _ => return Err(GpuError::device("a state", "it belongs to another model")),
        }
        self.out.many(gpu, program, (work.mixed_out, 0), tokens, work.x)?;
        self.norm(gpu, program, work, self.before_mlp, tokens)?;
        self.gate_up.many(gpu, program, (work.normed, 0), tokens, work.inner)?;
        self.down.many(gpu, program, (work.inner, 0), tokens, work.x)
    }

    fn norm(
        &self,
        gpu: &mut impl Gpu,
        program: &mut Program,
        work: &Work,
        scale: Buffer,
        tokens: usize,
    ) -> Result<()> {
        let args = [
            Arg::In(work.x, 0),
            Arg::In(scale, 0),
            Arg::Out(work.normed, 0),
            Arg::U32(work.text.hidden_size as u32),
            Arg::F32(self.eps),
        ];
        program.run(gpu, self.rms_norm, &args, [tokens as u32, 1, 1], ROW_THREADS)
    }

    fn append(
        &self,
        gpu: &mut impl Gpu,
        program: &mut Program,
        work: &Work,
        (q_norm, k_norm, step): (Buffer, Buffer, Step),
        (keys, values): (Buffer, Buffer),
        place: Place,
    ) -> Result<()> {
        let sizes = &work.text.attention;
        let args = [
            Arg::In(work.row, 0),
            Arg::In(q_norm, 0),
            Arg::In(k_norm, 0),
            Arg::In(place.turns, 0),
            Arg::Out(work.queries, 0),
            Arg::Out(keys, 0),
            Arg::Out(values, 0),
            Arg::U32(sizes.heads as u32),
            Arg::U32(sizes.kv_heads as u32),
            Arg::U32(place.capacity as u32),
            Arg::U32(place.before as u32),
            Arg::U32((work.text.rope.dim / 2) as u32),
            Arg::F32(self.eps),
        ];
        let heads = (sizes.heads + 2 * sizes.kv_heads) as u32;
        program.run(gpu, step, &args, [heads, place.tokens as u32, 1], 32)
    }

    fn delta_many(
        &self,
        gpu: &mut impl Gpu,
        program: &mut Program,
        work: &Work,
        (ring, cells): (Buffer, Buffer),
        place: Place,
    ) -> Result<()> {
        let Mix::Linear { taps, rate, dt_bias, norm, share, steps } = &self.mix else { return Ok(()) };
        let linear = &work.text.linear;
        let (keys, heads) = (linear.key_heads as u32, linear.value_heads as u32);
        let (tokens, before) = (place.tokens as u32, place.before as u32);
        let args = [
            Arg::In(work.row, 0),
            Arg::In(*taps, 0),
            Arg::In(ring, 0),
            Arg::Out(work.mixed, 0),
            Arg::U32(keys),
            Arg::U32(heads),
            Arg::U32(before),
        ];
        program.run(gpu, steps[1], &args, [2 * keys + heads, tokens, 1], 32)?;
        let args = [
            Arg::In(work.row, 0),
            Arg::In(work.mixed, 0),
            Arg::Out(ring, 0),
            Arg::In(*rate, 0),
            Arg::In(*dt_bias, 0),
            Arg::Out(cells, 0),
            Arg::Out(work.delta_out, 0),
            Arg::U32(keys),
            Arg::U32(heads),
            Arg::U32(*share as u32),
            Arg::U32(before),
            Arg::U32(tokens),
        ];
        program.run(gpu, steps[2], &args, [heads, linear.value_dim as u32 / 32, 1], 128)?;
        let args = [
            Arg::In(work.row, 0),
            Arg::In(work.delta_out, 0),
            Arg::In(*norm, 0),
            Arg::Out(work.mixed_out, 0),
            Arg::U32(keys),
            Arg::U32(heads),
            Arg::F32(self.eps),
        ];
        program.run(gpu, steps[3], &args, [heads, tokens, 1], 32)
    }
}
