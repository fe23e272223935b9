//! Seeded inputs: numbers, weights in their formats, sizes.

use dyno_weights::{Format, Side};

use crate::kernel::{Param, Scalar};
use crate::reference::{Value, write};

/// Numbers from a seed.
pub(super) struct Maker(u64);

impl Maker {
    pub(super) fn new(seed: u64) -> Self {
        let mut maker = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            maker.next();
        }
        maker
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Even over `-scale..scale`.
    pub(super) fn number(&mut self, scale: f64) -> f64 {
        ((self.next() >> 40) as f64 / f64::from(1u32 << 23) - 1.0) * scale
    }

    pub(super) fn numbers(&mut self, kind: Scalar, count: usize, scale: f64) -> Value {
        self.around(kind, count, 0.0, scale)
    }

    pub(super) fn around(&mut self, kind: Scalar, count: usize, middle: f64, scale: f64) -> Value {
        let mut bytes = vec![0; count * kind.bytes()];
        for i in 0..count {
            let value = middle + self.number(scale);
            write(kind, &mut bytes, i, value);
        }
        Value::Bytes(bytes)
    }

    /// Codes, scales and biases of `rows` by `cols` weights of about the size that trained ones have.
    pub(super) fn weights(&mut self, param: Param, rows: usize, cols: usize) -> [Value; 3] {
        let Param::Weights(format, side) = param else { return [0; 3].map(|_| Value::Bytes(Vec::new())) };
        let kind = match format {
            Format::F16 => Scalar::F16,
            Format::Bf16 => Scalar::Bf16,
            _ => Scalar::F32,
        };
        let Format::Affine { bits, group } = format else {
            let all = self.numbers(kind, rows * cols, 0.05);
            return [all.clone(), all.clone(), all];
        };
        let side = match side {
            Side::F32 => Scalar::F32,
            Side::F16 => Scalar::F16,
            Side::Bf16 => Scalar::Bf16,
        };
        let codes = (0..rows * cols * usize::from(bits) / 8).map(|_| self.next() as u8).collect();
        let groups = rows * cols / usize::from(group);
        // Scales of either sign: the format allows both.
        let scale = 0.1 / f64::from(1u32 << bits);
        [Value::Bytes(codes), self.numbers(side, groups, scale), self.numbers(side, groups, 0.05)]
    }
}

pub(super) fn blank(kind: Scalar, count: usize) -> Value {
    Value::Bytes(vec![0; count * kind.bytes()])
}

pub(super) fn u32s(values: impl IntoIterator<Item = u32>) -> Value {
    Value::Bytes(values.into_iter().flat_map(u32::to_le_bytes).collect())
}

pub(super) fn size(value: usize) -> Value {
    Value::U32(value as u32)
}
