//! One decoder layer on kernels: norm, mixer, residual, norm, feed-forward, residual.

use std::sync::Arc;

use dyno_kernels::{
    DeltaInput, DeltaMemory, DeltaSizes, DeltaWeights, Input, Processor, Product, Projections, Tiles, add,
    attend, gated_delta, prepare, products, rms_norm, silu_times,
};
use dyno_weights::{Checkpoint, VHeadOrder};

use super::experts::Experts;
use super::packing::{norm, tiles, vector};
use super::scratch::Scratch;
use crate::config::{FeedForward, LinearAttention, Mixer, TextConfig};
use crate::error::Result;
use crate::layer::{LayerState, foreign_state};

#[derive(Debug)]
pub(crate) struct Layer {
    before_mixer: Vec<f32>,
    mixer: TokenMixer,
    before_mlp: Vec<f32>,
    feed_forward: Mlps,
    eps: f32,
}

#[derive(Debug)]
enum TokenMixer {
    Linear(Box<Delta>),
    Full(Box<Full>),
}

#[derive(Debug)]
struct Delta {
    qkv: Tiles,
    z: Tiles,
    b: Tiles,
    a: Tiles,
    out: Tiles,
    weights: DeltaWeights,
}

#[derive(Debug)]
struct Full {
    q: Tiles,
    k: Tiles,
    v: Tiles,
    out: Tiles,
    q_norm: Vec<f32>,
    k_norm: Vec<f32>,
}

#[derive(Debug)]
enum Mlps {
    Dense(Box<Mlp>),
    Experts(Box<Experts>),
}

/// `down(silu(gate x) ⊙ up x)`; also what a single expert is.
#[derive(Debug)]
pub(super) struct Mlp {
    pub(super) gate: Tiles,
    pub(super) up: Tiles,
    pub(super) down: Tiles,
}

pub(crate) fn delta_sizes(linear: &LinearAttention) -> DeltaSizes {
    let LinearAttention { key_heads, value_heads, key_dim, value_dim, conv_kernel } = *linear;
    DeltaSizes { key_heads, value_heads, key_dim, value_dim, kernel: conv_kernel }
}

impl Layer {
    pub(super) fn load(
        processor: &Processor,
        weights: &Checkpoint,
        prefix: &str,
        mixer: Mixer,
        config: &TextConfig,
    ) -> Result<Self> {
        let h = config.hidden_size;
        let mlp = format!("{prefix}.mlp");
        Ok(Self {
            before_mixer: norm(weights, &format!("{prefix}.input_layernorm.weight"), h)?,
            mixer: match mixer {
                Mixer::Linear => {
                    let prefix = format!("{prefix}.linear_attn");
                    TokenMixer::Linear(Box::new(Delta::load(processor, weights, &prefix, config)?))
                }
                Mixer::Full => {
                    let prefix = format!("{prefix}.self_attn");
                    TokenMixer::Full(Box::new(Full::load(processor, weights, &prefix, config)?))
                }
            },
            before_mlp: norm(weights, &format!("{prefix}.post_attention_layernorm.weight"), h)?,
            feed_forward: match config.feed_forward {
                FeedForward::Dense(inner) => {
                    Mlps::Dense(Box::new(Mlp::load(processor, weights, &mlp, h, inner)?))
                }
                FeedForward::Experts(sizes) => {
                    Mlps::Experts(Box::new(Experts::load(processor, weights, &mlp, h, sizes)?))
                }
            },
            eps: config.rms_eps,
        })
    }

    /// `x` is `[tokens, hidden]` and changed in place; the scratch has room for the tokens and holds their turns.
    pub(super) fn forward(
        &self,
        processor: &Processor,
        x: &mut [f32],
        scratch: &mut Scratch,
        state: &mut LayerState,
    ) -> Result<()> {
        let tokens = x.len() / self.before_mixer.len();
        rms_norm(processor, x, &self.before_mixer, self.eps, scratch.normed.fill(tokens));
        match (&self.mixer, state) {
            (TokenMixer::Linear(delta), LayerState::Delta { now, window }) => {
                delta.forward(processor, tokens, scratch, now, window.as_mut());
            }
            (TokenMixer::Full(full), LayerState::Kept(kept)) => {
                full.forward(processor, tokens, scratch, kept, self.eps)?;
            }
            _ => return Err(foreign_state()),
        }
        add(processor, x, &scratch.added[..x.len()]);
        rms_norm(processor, x, &self.before_mlp, self.eps, scratch.normed.fill(tokens));
        match &self.feed_forward {
            Mlps::Dense(mlp) => {
                let Scratch { normed, inner, wide, added, .. } = scratch;
                mlp.forward(processor, normed, inner, wide, &mut added[..x.len()]);
            }
            Mlps::Experts(experts) => experts.forward(processor, scratch),
        }
        add(processor, x, &scratch.added[..x.len()]);
        Ok(())
    }
}

impl Mlp {
    pub(super) fn load(
        processor: &Processor,
        weights: &Checkpoint,
        prefix: &str,
        h: usize,
        inner: usize,
    ) -> Result<Self> {
        let matrix =
            |name: &str, out, inp| tiles(processor, weights, &format!("{prefix}.{name}.weight"), out, inp);
        Ok(Self {
            gate: matrix("gate_proj", inner, h)?,
            up: matrix("up_proj", inner, h)?,
            down: matrix("down_proj", h, inner)?,
        })
    }

    /// `inner` and `up` have room for the inner rows, `out` takes the result.
    pub(super) fn forward(
        &self,
        processor: &Processor,
        x: &mut Input,
        inner: &mut Input,
        up: &mut [f32],
        out: &mut [f32],
    ) {
        let rows = x.rows();
        let up = &mut up[..rows * self.up.rows()];
        let jobs = &mut [
            Product { weights: &self.gate, out: inner.fill(rows) },
            Product { weights: &self.up, out: up },
        ];
        products(processor, x, jobs);
        silu_times(processor, inner.fill(rows), up);
        products(processor, inner, &mut [Product { weights: &self.down, out }]);
    }
}

impl Delta {
    fn load(processor: &Processor, weights: &Checkpoint, prefix: &str, config: &TextConfig) -> Result<Self> {
        let sizes = config.linear;
        let (h, heads, channels) = (config.hidden_size, sizes.value_heads, sizes.conv_channels());
        let matrix =
            |name: &str, out, inp| tiles(processor, weights, &format!("{prefix}.{name}.weight"), out, inp);
        let kernel = sizes.conv_kernel;
        let by_channel = vector(weights, &format!("{prefix}.conv1d.weight"), &[channels, 1, kernel])?;
        let taps = (0..kernel).flat_map(|tap| by_channel.iter().skip(tap).step_by(kernel).copied()).collect();
        let rate = weights.neg_exp_a(&format!("{prefix}.A_log"), heads, &candle_core::Device::Cpu)?;
        Ok(Self {
            qkv: matrix("in_proj_qkv", channels, h)?,
            z: matrix("in_proj_z", sizes.value_width(), h)?,
            b: matrix("in_proj_b", heads, h)?,
            a: matrix("in_proj_a", heads, h)?,
            out: matrix("out_proj", h, sizes.value_width())?,
            weights: DeltaWeights {
                sizes: delta_sizes(&sizes),
                taps,
                rate: rate.to_vec1()?,
                dt_bias: vector(weights, &format!("{prefix}.dt_bias"), &[heads])?,
                norm: vector(weights, &format!("{prefix}.norm.weight"), &[sizes.value_dim])?,
                eps: config.rms_eps,
                tiled: weights.v_head_order() == VHeadOrder::Tiled,
            },
        })
    }

    /// With a `window`, the state after every token is kept in it and the rule runs token by token, as it does in
    /// decoding.
    fn forward(
        &self,
        processor: &Processor,
        tokens: usize,
        scratch: &mut Scratch,
        state: &mut Arc<DeltaMemory>,
        window: Option<&mut Vec<Arc<DeltaMemory>>>,
    ) {
        let Scratch { normed, delta, wide, gates, first, second, added, .. } = scratch;
        let (channels, width, heads) = (self.qkv.rows(), self.z.rows(), self.a.rows());
        let qkv = &mut wide[..tokens * channels];
        let z = &mut gates[..tokens * width];
        let (a, b) = (&mut first[..tokens * heads], &mut second[..tokens * heads]);
        products(
            processor,
            normed,
            &mut [
                Product { weights: &self.qkv, out: qkv },
                Product { weights: &self.z, out: z },
                Product { weights: &self.a, out: a },
                Product { weights: &self.b, out: b },
            ],
        );
        let out = delta.fill(tokens);
        match window {
            None => {
                let input = DeltaInput { qkv, z, a, b };
                gated_delta(processor, &self.weights, input, Arc::make_mut(state), out);
            }
            Some(window) => {
                for token in 0..tokens {
                    let part = |width: usize| token * width..(token + 1) * width;
                    let input = DeltaInput {
                        qkv: &qkv[part(channels)],
                        z: &z[part(width)],
                        a: &a[part(heads)],
                        b: &b[part(heads)],
                    };
                    let out = &mut out[part(width)];
                    gated_delta(processor, &self.weights, input, Arc::make_mut(state), out);
                    window.push(state.clone());
                }
            }
        }
        let out = &mut added[..tokens * self.out.rows()];
        products(processor, delta, &mut [Product { weights: &self.out, out }]);
    }
}

impl Full {
    fn load(processor: &Processor, weights: &Checkpoint, prefix: &str, config: &TextConfig) -> Result<Self> {
        let (h, attention) = (config.hidden_size, config.attention);
        let (width, kv_width) =
            (attention.heads * attention.head_dim, attention.kv_heads * attention.head_dim);
        let matrix =
            |name: &str, out, inp| tiles(processor, weights, &format!("{prefix}.{name}.weight"), out, inp);
        let scale = |name: &str| norm(weights, &format!("{prefix}.{name}.weight"), attention.head_dim);
        Ok(Self {
            q: matrix("q_proj", 2 * width, h)?,
            k: matrix("k_proj", kv_width, h)?,
            v: matrix("v_proj", kv_width, h)?,
            out: matrix("o_proj", h, width)?,
            q_norm: scale("q_norm")?,
            k_norm: scale("k_norm")?,
        })
    }

    fn forward(
        &self,
        processor: &Processor,
        tokens: usize,
        scratch: &mut Scratch,
        kept: &mut super::Kept,
        eps: f32,
    ) -> Result<()> {
        let Scratch { normed, full, wide, gates, first, second, added, cos, sin, partial, .. } = scratch;
        let both = &mut wide[..tokens * self.q.rows()];
        let queries = &mut gates[..tokens * self.out.cols()];
        let (k, v) = (&mut first[..tokens * self.k.rows()], &mut second[..tokens * self.v.rows()]);
        products(
            processor,
            normed,
            &mut [
                Product { weights: &self.q, out: both },
                Product { weights: &self.k, out: k },
                Product { weights: &self.v, out: v },
            ],
        );
        let before = kept.len();
        let projections = Projections {
            both,
            k,
            v,
            q_norm: &self.q_norm,
            k_norm: &self.k_norm,
            eps,
            cos,
            sin,
            frequencies: cos.len() / tokens,
        };
        prepare(processor, projections, before, kept.extend(tokens)?, queries);
        attend(processor, queries, both, kept.held()?, before + tokens, partial, full.fill(tokens));
        let out = &mut added[..tokens * self.out.rows()];
        products(processor, full, &mut [Product { weights: &self.out, out }]);
        Ok(())
    }
}
