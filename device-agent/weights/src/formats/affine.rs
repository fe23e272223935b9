//! MLX affine codes. A row is one little-endian bit stream of codes; a group of codes shares a scale and a
//! bias, `value = scale * code + bias`. The scale may be negative: the bias is the group's extreme of larger
//! magnitude, not its minimum. Groups begin on byte borders for every width, so each is decoded alone.

use super::float::{encode as encode_floats, side_at};
use crate::format::Side;

pub(crate) fn decode(
    bits: u8,
    group: usize,
    side: Side,
    codes: &[u8],
    scales: &[u8],
    biases: &[u8],
    out: &mut [f32],
) {
    let group_bytes = group * usize::from(bits) / 8;
    for (index, (out, codes)) in out.chunks_exact_mut(group).zip(codes.chunks_exact(group_bytes)).enumerate()
    {
        let scale = side_at(side, scales, index);
        let bias = side_at(side, biases, index);
        decode_group(bits, codes, out, scale, bias);
    }
}

fn decode_group(bits: u8, codes: &[u8], out: &mut [f32], scale: f32, bias: f32) {
    match bits {
        8 => {
            for (value, code) in out.iter_mut().zip(codes) {
                *value = scale * f32::from(*code) + bias;
            }
        }
        4 => {
            for (pair, code) in out.as_chunks_mut::<2>().0.iter_mut().zip(codes) {
                pair[0] = scale * f32::from(code & 15) + bias;
                pair[1] = scale * f32::from(code >> 4) + bias;
            }
        }
        _ => {
            let mask = (1u32 << bits) - 1;
            let (mut window, mut held) = (0u32, 0u8);
            let mut bytes = codes.iter();
            for value in out {
                while held < bits {
                    window |= u32::from(bytes.next().copied().unwrap_or(0)) << held;
                    held += 8;
                }
                *value = scale * ((window & mask) as f32) + bias;
                window >>= bits;
                held -= bits;
            }
        }
    }
}

/// Codes, scales and biases of one row, appended. The same arithmetic, in the same order and in f32, as MLX's
/// own quantizer, so that the bytes agree.
pub(crate) fn encode(
    bits: u8,
    group: usize,
    side: Side,
    row: &[f32],
    codes: &mut Vec<u8>,
    scales: &mut Vec<u8>,
    biases: &mut Vec<u8>,
) {
    let last = ((1u32 << bits) - 1) as f32;
    for group in row.chunks_exact(group) {
        let (scale, bias) = range(group, last);
        encode_floats(side, &[scale], scales);
        encode_floats(side, &[bias], biases);
        let (mut window, mut held) = (0u32, 0u8);
        for value in group {
            let code = ((value - bias) / scale).round_ties_even().clamp(0.0, last);
            window |= (code as u32) << held;
            held += bits;
            while held >= 8 {
                codes.push(window as u8);
                window >>= 8;
                held -= 8;
            }
        }
    }
}

/// The scale and bias of a group: the extreme of larger magnitude becomes the bias, exactly reachable.
fn range(group: &[f32], last: f32) -> (f32, f32) {
    let low = group.iter().copied().fold(f32::INFINITY, f32::min);
    let high = group.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let low_is_larger = low.abs() > high.abs();
    let size = ((high - low) / last).max(1e-7);
    let (scale, edge) = if low_is_larger { (size, low) } else { (-size, high) };
    let steps = (edge / scale).round_ties_even();
    if steps == 0.0 { (scale, 0.0) } else { (edge / steps, edge) }
}
