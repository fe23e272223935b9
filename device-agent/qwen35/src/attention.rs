//! The gated full attention layer: projections, per-head norms, rotary positions, key-value cache, output gate.

use candle_core::{Device, Tensor};
use dyno_weights::{Checkpoint, Linear};

use crate::attend::attend;
use crate::cache::KvCache;
use crate::config::{Attention, TextConfig};
use crate::error::Result;
use crate::norm::ZeroCentredNorm;
use crate::rope::Turns;

#[derive(Debug)]
pub(crate) struct GatedAttention {
    q: Linear,
    k: Linear,
    v: Linear,
    out: Linear,
    q_norm: ZeroCentredNorm,
    k_norm: ZeroCentredNorm,
    sizes: Attention,
}

impl GatedAttention {
    pub(crate) fn load(
        weights: &Checkpoint,
        prefix: &str,
        config: &TextConfig,
        device: &Device,
    ) -> Result<Self> {
        let Attention { heads, kv_heads, head_dim } = config.attention;
        let h = config.hidden_size;
        let linear = |name: &str, out: usize, input: usize| {
            weights.linear(&format!("{prefix}.{name}.weight"), out, input, device)
        };
        let norm = |name: &str| {
            ZeroCentredNorm::load(
                weights,
                &format!("{prefix}.{name}.weight"),
                head_dim,
                config.rms_eps,
                device,
            )
        };
        Ok(Self {
            q: linear("q_proj", heads * 2 * head_dim, h)?,
            k: linear("k_proj", kv_heads * head_dim, h)?,
            v: linear("v_proj", kv_heads * head_dim, h)?,
            out: linear("o_proj", h, heads * head_dim)?,
            q_norm: norm("q_norm")?,
            k_norm: norm("k_norm")?,
            sizes: config.attention,
        })
    }

    /// `x` is `[T, hidden]`.
    pub(crate) fn forward(&self, x: &Tensor, turns: &Turns, cache: &mut KvCache) -> Result<Tensor> {
        let Attention { heads, kv_heads, head_dim } = self.sizes;
        let tokens = x.dim(0)?;
        // Query and gate lie beside each other in every head, not in two halves of the projection.
        let both = self.q.forward(x)?.reshape((tokens, heads, 2 * head_dim))?;
        let q = self.q_norm.forward(&both.narrow(2, 0, head_dim)?)?;
        let gate = both.narrow(2, head_dim, head_dim)?.contiguous()?.reshape((tokens, heads * head_dim))?;
        let k = self.k_norm.forward(&self.k.forward(x)?.reshape((tokens, kv_heads, head_dim))?)?;
        let v = self.v.forward(x)?.reshape((tokens, kv_heads, head_dim))?;
        let by_head = |x: &Tensor| x.transpose(0, 1)?.contiguous();
        let q = by_head(&turns.apply(&q)?)?;
        let (keys, values) = cache.append(&by_head(&turns.apply(&k)?)?, &by_head(&v)?)?;
        let mixed = attend(&q, &keys, &values, true)?;
        let mixed = mixed.transpose(0, 1)?.contiguous()?.reshape((tokens, heads * head_dim))?;
        Ok(self.out.forward(&(mixed * candle_nn::ops::sigmoid(&gate)?)?)?)
    }
}
