//! Small inputs for every kernel, made from a seed: what a device's self test and the tests of this crate run, each
//! beside its reference. A sample says what was written and how close it must be.

mod calls;
mod maker;

use calls::{
    add_positions, append, argmax, argmax_parts, delta, embed, join, layer_norm, many, matmul, matvec,
    rms_norm, shares, turn_patches,
};
use maker::Maker;

use crate::error::Result;
use crate::gpu::{Arg, Buffer, Gpu, Handle};
use crate::kernel::{Kernel, Param, Scalar};
use crate::reference::{self, Value, read};

/// How large the inputs are. Head widths and formats come from the kernel itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub rows: usize,
    pub cols: usize,
    /// Tokens at once, for the kernels that take many.
    pub tokens: usize,
    /// Tokens before these.
    pub before: usize,
    pub key_heads: usize,
    pub value_heads: usize,
    /// Value heads in GGUF's order.
    pub tiled: bool,
    pub kv_heads: usize,
}

impl Shape {
    /// Enough to meet every edge: nothing is a multiple of a block.
    pub const SMALL: Self = Self {
        rows: 37,
        cols: 256,
        tokens: 21,
        before: 45,
        key_heads: 2,
        value_heads: 4,
        tiled: false,
        kv_heads: 2,
    };
}

/// What an argument that was written holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    Numbers(Scalar),
    Ids,
}

/// One call of a kernel.
#[derive(Debug, Clone)]
pub struct Sample {
    pub kernel: Kernel,
    pub args: Vec<Value>,
    pub written: Vec<(usize, Written)>,
    pub groups: [u32; 3],
    pub threads: u32,
}

/// A call of this kernel; `None` for a kernel that no sample was written for.
pub fn sample(kernel: &Kernel, shape: Shape, seed: u64) -> Option<Sample> {
    let mut m = Maker::new(seed);
    let kind = |at: usize| match kernel.params.get(at) {
        Some(Param::Type(kind)) => *kind,
        _ => Scalar::F32,
    };
    let int = |at: usize| match kernel.params.get(at) {
        Some(Param::Int(value)) => *value as usize,
        _ => 0,
    };
    let (args, written, groups, threads) = match kernel.name {
        "matvec" => matvec(&mut m, kernel, shape, (kind(1), kind(2), int(3) as i32)),
        "matmul" => matmul(&mut m, kernel, shape, (kind(1), kind(2), int(3) as i32)),
        "rms_norm" => rms_norm(&mut m, shape, kind(0)),
        "layer_norm" => layer_norm(&mut m, shape, kind(0)),
        "delta_step" | "delta_inputs" | "delta_rule" | "delta_outputs" => {
            delta(&mut m, kernel.name, shape, (kind(0), int(1), int(2)))
        }
        "norm_turn_append" => append(&mut m, shape, kind(0), int(1), 3),
        "attend_shares" => shares(&mut m, shape, kind(0), int(1), int(2)),
        "attend_join" => join(&mut m, shape, kind(0), int(1)),
        "attend_many" => many(&mut m, shape, kind(0), int(1), int(2) != 0),
        "embed" => embed(&mut m, kernel, shape, kind(1)),
        "argmax_parts" => argmax_parts(&mut m, shape),
        "argmax" => argmax(&mut m, shape),
        "add_positions" => add_positions(&mut m, shape, kind(0)),
        "turn_patches" => turn_patches(&mut m, shape, kind(0), int(1)),
        _ => return None,
    };
    Some(Sample { kernel: kernel.clone(), args, written, groups, threads })
}

impl Sample {
    /// What the reference makes of it.
    pub fn expected(&self) -> Vec<Value> {
        let mut args = self.args.clone();
        reference::run(&self.kernel, &mut args, self.groups);
        args
    }

    /// What a device makes of it.
    pub fn found(&self, gpu: &mut impl Gpu, kernel: Handle) -> Result<Vec<Value>> {
        let mut buffers: Vec<Option<Buffer>> = Vec::with_capacity(self.args.len());
        let mut args = Vec::with_capacity(self.args.len());
        for (at, arg) in self.args.iter().enumerate() {
            let (buffer, arg) = match arg {
                Value::U32(value) => (None, Arg::U32(*value)),
                Value::F32(value) => (None, Arg::F32(*value)),
                Value::Bytes(bytes) => {
                    let buffer = crate::weights::filled(gpu, bytes)?;
                    let written = self.written.iter().any(|(written, _)| *written == at);
                    (Some(buffer), if written { Arg::Out(buffer, 0) } else { Arg::In(buffer, 0) })
                }
            };
            buffers.push(buffer);
            args.push(arg);
        }
        gpu.dispatch(kernel, &args, self.groups, self.threads)?;
        gpu.submit()?;
        let mut found = self.args.clone();
        for (value, buffer) in found.iter_mut().zip(&buffers) {
            if let (Value::Bytes(bytes), Some(buffer)) = (value, buffer) {
                gpu.read(*buffer, 0, bytes)?;
                gpu.free(*buffer);
            }
        }
        Ok(found)
    }

    /// The largest difference of what was written, as a share of the largest value there; ids must be equal, and
    /// what is only read must be as it was.
    pub fn difference(&self, found: &[Value], expected: &[Value]) -> f64 {
        let mut worst = 0f64;
        for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
            let (Value::Bytes(found), Value::Bytes(expected)) = (found, expected) else { continue };
            let kind = self.written.iter().find(|(written, _)| *written == at).map(|(_, kind)| *kind);
            let Some(Written::Numbers(kind)) = kind else {
                if found != expected {
                    return f64::INFINITY;
                }
                continue;
            };
            let count = expected.len() / kind.bytes();
            let (mut largest, mut off) = (0f64, 0f64);
            for i in 0..count {
                let (a, b) = (read(kind, found, i), read(kind, expected, i));
                largest = largest.max(b.abs());
                off = if (a - b).is_nan() { f64::INFINITY } else { off.max((a - b).abs()) };
            }
            worst = worst.max(off / largest.max(f64::MIN_POSITIVE));
        }
        worst
    }

    /// How far a result may be off, as [`Self::difference`] counts it: by the roundings of the types it passes
    /// through. A matrix unit adds one product after another, which over thousands of them costs a little more
    /// than the lanes' many short sums.
    pub fn bound(&self) -> f64 {
        let types = self.kernel.params.iter().map(|param| match param {
            Param::Type(Scalar::F16) => 2e-3,
            Param::Type(Scalar::Bf16) => 1.6e-2,
            _ => 1e-6,
        });
        let unit = if matches!(self.kernel.name, "matmul" | "attend_many") { 4e-6 } else { 1e-6 };
        types.fold(unit, f64::max)
    }
}
