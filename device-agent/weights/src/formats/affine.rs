//! MLX affine codes. A row is one little-endian bit stream of codes; a group of codes shares a scale and a
//! bias, `value = scale * code + bias`. The scale may be negative: the bias is the group's extreme of larger
//! magnitude, not its minimum. Groups begin on byte borders for every width, so each is decoded alone.

use super::float::side_at;
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
