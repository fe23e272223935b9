//! The family's norms. The zero-centred one stores `w` and scales by `1 + w`; the gated one stores the
//! plain scale. Mixing them up still produces fluent text, so each has its own type.

use candle_core::{D, Tensor};
use candle_nn::ops;
use dyno_weights::Checkpoint;

use crate::error::Result;

/// Root-mean-square norm with scale `1 + w`.
#[derive(Debug, Clone)]
pub(crate) struct ZeroCentredNorm {
    scale: Tensor,
    eps: f32,
}

impl ZeroCentredNorm {
    pub(crate) fn load(
        weights: &Checkpoint,
        name: &str,
        size: usize,
        eps: f32,
        device: &candle_core::Device,
    ) -> Result<Self> {
        let scale = (weights.tensor(name, &[size], device)? + 1.0)?;
        Ok(Self { scale, eps })
    }

    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(ops::rms_norm(&x.contiguous()?, &self.scale, self.eps)?)
    }
}

/// Root-mean-square norm per value head with a plain scale, then multiplied by `silu(gate)`.
#[derive(Debug, Clone)]
pub(crate) struct GatedNorm {
    scale: Tensor,
    eps: f32,
}

impl GatedNorm {
    pub(crate) fn load(
        weights: &Checkpoint,
        name: &str,
        size: usize,
        eps: f32,
        device: &candle_core::Device,
    ) -> Result<Self> {
        Ok(Self { scale: weights.tensor(name, &[size], device)?, eps })
    }

    pub(crate) fn forward(&self, x: &Tensor, gate: &Tensor) -> Result<Tensor> {
        let normed = ops::rms_norm(&x.contiguous()?, &self.scale, self.eps)?;
        Ok((normed * gate.silu()?)?)
    }
}

/// Layer norm with scale and bias, as the vision tower uses it.
#[derive(Debug, Clone)]
pub(crate) struct LayerNorm {
    scale: Tensor,
    bias: Tensor,
}

impl LayerNorm {
    const EPS: f32 = 1e-6;

    pub(crate) fn load(
        weights: &Checkpoint,
        name: &str,
        size: usize,
        device: &candle_core::Device,
    ) -> Result<Self> {
        Ok(Self {
            scale: weights.tensor(&format!("{name}.weight"), &[size], device)?,
            bias: weights.tensor(&format!("{name}.bias"), &[size], device)?,
        })
    }

    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(ops::layer_norm(&x.contiguous()?, &self.scale, &self.bias, Self::EPS)?)
    }
}

/// `x / sqrt(sum(x²) + 1e-6)` over the last dimension: a sum, where the RMS norms take a mean.
pub(crate) fn l2_norm(x: &Tensor) -> Result<Tensor> {
    let length = (x.sqr()?.sum_keepdim(D::Minus1)? + 1e-6)?.sqrt()?;
    Ok(x.broadcast_div(&length)?)
}
