//! The gated `DeltaNet` layer: projections, causal convolution, gates, the delta rule, gated norm.
//! Owns the order of value heads; the rule in `rule.rs` sees one key head per value head.

pub mod rule;

use candle_core::{DType, Device, Tensor};
use dyno_weights::{Checkpoint, Linear, VHeadOrder};

use crate::config::{LinearAttention, TextConfig};
use crate::error::Result;
use crate::norm::{GatedNorm, l2_norm};
use rule::RuleInput;

/// Tokens per block of the prefill form.
pub const BLOCK: usize = 64;

/// What a layer remembers: the convolution's last inputs `[kernel - 1, channels]`, newest last, and the
/// recurrent state `[value heads, key dim, value dim]`. Tensors are never changed in place, so a clone is a
/// snapshot.
#[derive(Debug, Clone)]
pub(crate) struct DeltaState {
    pub(crate) conv: Tensor,
    pub(crate) recurrent: Tensor,
}

impl DeltaState {
    pub(crate) fn empty(sizes: &LinearAttention, device: &Device) -> Result<Self> {
        let conv = (sizes.conv_kernel - 1, sizes.conv_channels());
        let recurrent = (sizes.value_heads, sizes.key_dim, sizes.value_dim);
        Ok(Self {
            conv: Tensor::zeros(conv, DType::F32, device)?,
            recurrent: Tensor::zeros(recurrent, DType::F32, device)?,
        })
    }
}

#[derive(Debug)]
pub(crate) struct GatedDelta {
    qkv: Linear,
    z: Linear,
    b: Linear,
    a: Linear,
    out: Linear,
    /// `[kernel, channels]`; the last tap multiplies the current token.
    taps: Tensor,
    /// `-exp(A_log)` per value head.
    rate: Tensor,
    dt_bias: Tensor,
    norm: GatedNorm,
    sizes: LinearAttention,
    order: VHeadOrder,
}

impl GatedDelta {
    pub(crate) fn load(
        weights: &Checkpoint,
        prefix: &str,
        config: &TextConfig,
        device: &Device,
    ) -> Result<Self> {
        let sizes = config.linear;
        let (h, heads, channels) = (config.hidden_size, sizes.value_heads, sizes.conv_channels());
        let linear = |name: &str, out: usize, input: usize| {
            weights.linear(&format!("{prefix}.{name}.weight"), out, input, device)
        };
        let conv =
            weights.tensor(&format!("{prefix}.conv1d.weight"), &[channels, 1, sizes.conv_kernel], device)?;
        Ok(Self {
            qkv: linear("in_proj_qkv", channels, h)?,
            z: linear("in_proj_z", sizes.value_width(), h)?,
            b: linear("in_proj_b", heads, h)?,
            a: linear("in_proj_a", heads, h)?,
            out: linear("out_proj", h, sizes.value_width())?,
            taps: conv.squeeze(1)?.t()?.contiguous()?,
            rate: weights.neg_exp_a(&format!("{prefix}.A_log"), heads, device)?,
            dt_bias: weights.tensor(&format!("{prefix}.dt_bias"), &[heads], device)?,
            norm: GatedNorm::load(
                weights,
                &format!("{prefix}.norm.weight"),
                sizes.value_dim,
                config.rms_eps,
                device,
            )?,
            sizes,
            order: weights.v_head_order(),
        })
    }

    /// `x` is `[T, hidden]`. With a `window`, the state after every token is kept in it and the rule runs
    /// token by token, as it does in decoding.
    pub(crate) fn forward(
        &self,
        x: &Tensor,
        state: &mut DeltaState,
        window: Option<&mut Vec<DeltaState>>,
    ) -> Result<Tensor> {
        let tokens = x.dim(0)?;
        let history = Tensor::cat(&[&state.conv, &self.qkv.forward(x)?], 0)?;
        let input = self.rule_input(x, &self.convolve(&history, tokens)?)?;
        let tail = |end: usize| history.narrow(0, end, self.sizes.conv_kernel - 1)?.force_contiguous();
        let (mixed, recurrent) = match window {
            Some(window) => {
                let mut states = Vec::with_capacity(tokens);
                let result = rule::recurrent(&input, &state.recurrent, |after| states.push(after.clone()))?;
                for (t, recurrent) in states.into_iter().enumerate() {
                    window.push(DeltaState { conv: tail(t + 1)?, recurrent });
                }
                result
            }
            None if tokens == 1 => rule::recurrent(&input, &state.recurrent, |_| ())?,
            None => rule::chunked(&input, &state.recurrent, BLOCK)?,
        };
        // A copy, so that the tail does not keep the whole prompt's history alive.
        *state = DeltaState { conv: tail(tokens)?, recurrent };
        let gate = self.z.forward(x)?.reshape(mixed.shape())?;
        let mixed = self.norm.forward(&mixed, &gate)?.reshape((tokens, self.sizes.value_width()))?;
        Ok(self.out.forward(&mixed)?)
    }

    fn convolve(&self, history: &Tensor, tokens: usize) -> Result<Tensor> {
        let mut sum = history.narrow(0, 0, tokens)?.broadcast_mul(&self.taps.narrow(0, 0, 1)?)?;
        for tap in 1..self.sizes.conv_kernel {
            let term = history.narrow(0, tap, tokens)?.broadcast_mul(&self.taps.narrow(0, tap, 1)?)?;
            sum = (sum + term)?;
        }
        Ok(sum.silu()?)
    }

    fn rule_input(&self, x: &Tensor, mixed: &Tensor) -> Result<RuleInput> {
        let LinearAttention { key_heads, value_heads, key_dim, value_dim, .. } = self.sizes;
        let (tokens, key_width) = (x.dim(0)?, key_heads * key_dim);
        let keys = |start: usize| -> Result<Tensor> {
            l2_norm(&mixed.narrow(1, start, key_width)?.reshape((tokens, key_heads, key_dim))?)
        };
        let q = (keys(0)? * (key_dim as f64).powf(-0.5))?;
        let v = mixed.narrow(1, 2 * key_width, self.sizes.value_width())?;
        let dt = softplus(&self.a.forward(x)?.broadcast_add(&self.dt_bias)?)?;
        Ok(RuleInput {
            q: self.per_value_head(&q)?,
            k: self.per_value_head(&keys(key_width)?)?,
            v: v.reshape((tokens, value_heads, value_dim))?.contiguous()?,
            g: dt.broadcast_mul(&self.rate)?,
            beta: candle_nn::ops::sigmoid(&self.b.forward(x)?)?,
        })
    }

    /// Repeats `[T, key heads, D]` to one row per value head, in the order the checkpoint stores them.
    fn per_value_head(&self, x: &Tensor) -> Result<Tensor> {
        let (tokens, key_heads, dim) = x.dims3()?;
        let each = self.sizes.value_heads / key_heads;
        if each == 1 {
            return Ok(x.clone());
        }
        let repeated = match self.order {
            VHeadOrder::Grouped => x.unsqueeze(2)?.expand((tokens, key_heads, each, dim))?,
            VHeadOrder::Tiled => x.unsqueeze(1)?.expand((tokens, each, key_heads, dim))?,
        };
        Ok(repeated.reshape((tokens, self.sizes.value_heads, dim))?)
    }
}

/// `ln(1 + e^x)` without overflow: `max(x, 0) + ln(1 + e^-|x|)`.
fn softplus(x: &Tensor) -> Result<Tensor> {
    let small = (x.abs()?.neg()?.exp()? + 1.0)?.log()?;
    Ok((x.relu()? + small)?)
}
