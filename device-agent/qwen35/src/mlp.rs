//! The gated MLP: `down(silu(gate x) ⊙ up x)`.

use candle_core::{Device, Tensor};
use dyno_weights::{Checkpoint, Linear};

use crate::error::Result;

#[derive(Debug)]
pub struct Mlp {
    gate: Linear,
    up: Linear,
    down: Linear,
}

impl Mlp {
    pub fn load(
        weights: &Checkpoint,
        prefix: &str,
        hidden: usize,
        inner: usize,
        device: &Device,
    ) -> Result<Self> {
        let linear =
            |name: &str, out, inp| weights.linear(&format!("{prefix}.{name}.weight"), out, inp, device);
        Ok(Self {
            gate: linear("gate_proj", inner, hidden)?,
            up: linear("up_proj", inner, hidden)?,
            down: linear("down_proj", hidden, inner)?,
        })
    }

    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        gated(x, &self.gate, &self.up, &self.down)
    }
}

/// One gated MLP given by its three matrices; also what a single expert is.
pub(crate) fn gated(x: &Tensor, gate: &Linear, up: &Linear, down: &Linear) -> Result<Tensor> {
    Ok(down.forward(&(gate.forward(x)?.silu()? * up.forward(x)?)?)?)
}
