//! Rows of weights as numbers, from the stored bytes.

use dyno_weights::{Format, Side};

use super::{Call, read};
use crate::kernel::{Param, Scalar};

fn side(side: Side) -> Scalar {
    match side {
        Side::F32 => Scalar::F32,
        Side::F16 => Scalar::F16,
        Side::Bf16 => Scalar::Bf16,
    }
}

/// Row `row` of the matrix whose codes, scales and biases are the first three arguments and whose format is the
/// first parameter.
pub(super) fn row(call: &Call<'_>, row: usize, cols: usize) -> Vec<f64> {
    let Some(Param::Weights(format, scales)) = call.kernel.params.first().copied() else { return Vec::new() };
    let plain = |kind| (0..cols).map(|col| read(kind, call.bytes(0), row * cols + col)).collect();
    match format {
        Format::Affine { bits, group } => {
            let (bits, group) = (usize::from(bits), usize::from(group));
            let codes = &call.bytes(0)[row * cols * bits / 8..];
            let code = |col: usize| {
                let first = col * bits;
                (0..bits)
                    .map(|b| u32::from(codes[(first + b) / 8] >> ((first + b) % 8) & 1) << b)
                    .sum::<u32>()
            };
            let value = |col: usize| {
                let at = (row * cols + col) / group;
                let of = |arg| read(side(scales), call.bytes(arg), at);
                of(1) * f64::from(code(col)) + of(2)
            };
            (0..cols).map(value).collect()
        }
        Format::F16 => plain(Scalar::F16),
        Format::Bf16 => plain(Scalar::Bf16),
        _ => plain(Scalar::F32),
    }
}
