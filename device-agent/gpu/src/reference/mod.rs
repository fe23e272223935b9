//! Every kernel once more, slowly and plainly, in double precision on the processor. It is what the kernels are
//! tested against, what a device's self test compares with, and what runs where a device's compiler refuses one.
//! Each function takes the arguments of its kernel in the same order.

mod attention;
mod delta;
mod head;
mod norm;
mod product;
mod vision;
mod weights;

use half::{bf16, f16};

use crate::kernel::{Kernel, Param, Scalar};

/// An argument as the reference sees it: memory from the argument's place on, or a number.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Bytes(Vec<u8>),
    U32(u32),
    F32(f32),
}

/// Runs a kernel's reference over `args`, whose written parts change; false where there is none of that name.
pub fn run(kernel: &Kernel, args: &mut [Value], groups: [u32; 3]) -> bool {
    let mut call = Call { kernel, args, groups };
    match kernel.name {
        "matvec" => product::matvec(&mut call),
        "matmul" => product::matmul(&mut call),
        "rms_norm" => norm::rms_norm(&mut call),
        "layer_norm" => norm::layer_norm(&mut call),
        "delta_step" => delta::step(&mut call),
        "delta_inputs" => delta::inputs(&mut call),
        "delta_rule" => delta::rule(&mut call),
        "delta_outputs" => delta::outputs(&mut call),
        "norm_turn_append" => attention::norm_turn_append(&mut call),
        "attend_shares" => attention::shares(&mut call),
        "attend_join" => attention::join(&mut call),
        "attend_many" => attention::many(&mut call),
        "embed" => head::embed(&mut call),
        "argmax_parts" => head::argmax_parts(&mut call),
        "argmax" => head::argmax(&mut call),
        "turn_patches" => vision::turn_patches(&mut call),
        "add_positions" => vision::add_positions(&mut call),
        _ => return false,
    }
    true
}

/// A kernel's call: its arguments by place.
struct Call<'a> {
    kernel: &'a Kernel,
    args: &'a mut [Value],
    groups: [u32; 3],
}

impl Call<'_> {
    fn int(&self, param: usize) -> i32 {
        match self.kernel.params.get(param) {
            Some(Param::Int(value)) => *value,
            _ => 0,
        }
    }

    fn scalar(&self, param: usize) -> Scalar {
        match self.kernel.params.get(param) {
            Some(Param::Type(scalar)) => *scalar,
            _ => Scalar::F32,
        }
    }

    fn size(&self, arg: usize) -> usize {
        match self.args[arg] {
            Value::U32(value) => value as usize,
            _ => 0,
        }
    }

    fn number(&self, arg: usize) -> f64 {
        match self.args[arg] {
            Value::F32(value) => f64::from(value),
            _ => 0.0,
        }
    }

    fn bytes(&self, arg: usize) -> &[u8] {
        match &self.args[arg] {
            Value::Bytes(bytes) => bytes,
            _ => &[],
        }
    }

    fn get(&self, arg: usize, kind: Scalar, at: usize) -> f64 {
        read(kind, self.bytes(arg), at)
    }

    fn set(&mut self, arg: usize, kind: Scalar, at: usize, value: f64) {
        if let Value::Bytes(bytes) = &mut self.args[arg] {
            write(kind, bytes, at, value);
        }
    }

    fn id(&self, arg: usize, at: usize) -> u32 {
        let bytes = &self.bytes(arg)[at * 4..at * 4 + 4];
        u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }

    fn set_id(&mut self, arg: usize, at: usize, id: u32) {
        if let Value::Bytes(bytes) = &mut self.args[arg] {
            bytes[at * 4..at * 4 + 4].copy_from_slice(&id.to_le_bytes());
        }
    }
}

/// The number at place `at` of memory of this type.
pub fn read(kind: Scalar, bytes: &[u8], at: usize) -> f64 {
    let size = kind.bytes();
    let b = &bytes[at * size..(at + 1) * size];
    match kind {
        Scalar::F32 => f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
        Scalar::F16 => f16::from_le_bytes([b[0], b[1]]).to_f64(),
        Scalar::Bf16 => bf16::from_le_bytes([b[0], b[1]]).to_f64(),
    }
}

/// Stores a number at place `at` of memory of this type.
pub fn write(kind: Scalar, bytes: &mut [u8], at: usize, value: f64) {
    let size = kind.bytes();
    let b = &mut bytes[at * size..(at + 1) * size];
    match kind {
        Scalar::F32 => b.copy_from_slice(&(value as f32).to_le_bytes()),
        Scalar::F16 => b.copy_from_slice(&f16::from_f64(value).to_le_bytes()),
        Scalar::Bf16 => b.copy_from_slice(&bf16::from_f64(value).to_le_bytes()),
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn silu(x: f64) -> f64 {
    x * sigmoid(x)
}
