//! The small tensors of a layer, and what of a layer's sizes the kernels are made for.

use dyno_qwen35::config::TextConfig;
use dyno_weights::{Checkpoint, VHeadOrder};

use super::Mix;
use crate::error::{GpuError, Result};
use crate::gpu::{Buffer, Gpu};
use crate::kernel::{Kernel, Param, Scalar};
use crate::program::Program;
use crate::weights::floats;

/// The small tensors of a layer.
pub(super) struct Loader<'a> {
    pub(super) weights: &'a Checkpoint,
    pub(super) prefix: &'a str,
}

impl Loader<'_> {
    fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let name = format!("{}.{name}", self.prefix);
        let tensor = self.weights.tensor(&name, shape, &candle_core::Device::Cpu)?;
        Ok(tensor.flatten_all()?.to_vec1()?)
    }

    pub(super) fn zero_centred(&self, gpu: &mut impl Gpu, name: &str, size: usize) -> Result<Buffer> {
        let stored = self.values(&format!("{name}.weight"), &[size])?;
        floats(gpu, &stored.iter().map(|w| 1.0 + w).collect::<Vec<_>>())
    }

    pub(super) fn delta(
        &self,
        gpu: &mut impl Gpu,
        program: &mut Program,
        text: &TextConfig,
        kind: Scalar,
    ) -> Result<Mix> {
        let sizes = text.linear;
        if sizes.conv_kernel != 4 || !sizes.key_dim.is_multiple_of(32) || !sizes.value_dim.is_multiple_of(32)
        {
            let what = format!(
                "its linear layers have {} taps and heads of {} and {}",
                sizes.conv_kernel, sizes.key_dim, sizes.value_dim
            );
            return Err(GpuError::model(what, "kernels are made for 4 taps and heads of a multiple of 32"));
        }
        let (channels, heads) = (sizes.conv_channels(), sizes.value_heads);
        let stored = self.values("linear_attn.conv1d.weight", &[channels, 1, 4])?;
        let taps: Vec<f32> = (0..4).flat_map(|tap| stored.iter().skip(tap).step_by(4)).copied().collect();
        let name = format!("{}.linear_attn.A_log", self.prefix);
        let rate = self.weights.neg_exp_a(&name, heads, &candle_core::Device::Cpu)?.to_vec1::<f32>()?;
        let dims = [Param::Type(kind), Param::Int(sizes.key_dim as i32), Param::Int(sizes.value_dim as i32)];
        let names = ["delta_step", "delta_inputs", "delta_rule", "delta_outputs"];
        Ok(Mix::Linear {
            taps: floats(gpu, &taps)?,
            rate: floats(gpu, &rate)?,
            dt_bias: floats(gpu, &self.values("linear_attn.dt_bias", &[heads])?)?,
            norm: floats(gpu, &self.values("linear_attn.norm.weight", &[sizes.value_dim])?)?,
            share: match self.weights.v_head_order() {
                VHeadOrder::Grouped => heads / sizes.key_heads,
                VHeadOrder::Tiled => 1,
            },
            steps: names.map(|name| program.step(Kernel::new(name, dims))),
        })
    }

    pub(super) fn attention(
        &self,
        gpu: &mut impl Gpu,
        program: &mut Program,
        text: &TextConfig,
        kind: Scalar,
    ) -> Result<Mix> {
        let sizes = text.attention;
        if !sizes.head_dim.is_multiple_of(32) {
            let what = format!("its attention heads are {} wide", sizes.head_dim);
            return Err(GpuError::model(what, "kernels are made for heads of a multiple of 32"));
        }
        let dim = Param::Int(sizes.head_dim as i32);
        let (kind, each) = (Param::Type(kind), Param::Int((sizes.heads / sizes.kv_heads) as i32));
        Ok(Mix::Full {
            q_norm: self.zero_centred(gpu, "self_attn.q_norm", sizes.head_dim)?,
            k_norm: self.zero_centred(gpu, "self_attn.k_norm", sizes.head_dim)?,
            steps: [
                program.step(Kernel::new("norm_turn_append", [kind, dim])),
                program.step(Kernel::new("attend_shares", [kind, dim, each])),
                program.step(Kernel::new("attend_join", [kind, dim])),
                program.step(Kernel::new("attend_many", [kind, dim, Param::Int(1)])),
            ],
        })
    }
}
