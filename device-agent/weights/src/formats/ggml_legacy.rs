//! GGUF's 32-element blocks: one f16 scale (and in the `_1` types one f16 minimum), then codes. Element `j` of
//! the first half sits in the low nibble of byte `j`, element `j + 16` in the high nibble.

use super::float::f16_at;

pub(crate) fn decode_q4_0(codes: &[u8], out: &mut [f32]) {
    for (out, block) in out.chunks_exact_mut(32).zip(codes.chunks_exact(18)) {
        let scale = f16_at(block, 0);
        for (j, byte) in block[2..].iter().enumerate() {
            out[j] = (i32::from(byte & 15) - 8) as f32 * scale;
            out[j + 16] = (i32::from(byte >> 4) - 8) as f32 * scale;
        }
    }
}

pub(crate) fn decode_q4_1(codes: &[u8], out: &mut [f32]) {
    for (out, block) in out.chunks_exact_mut(32).zip(codes.chunks_exact(20)) {
        let (scale, min) = (f16_at(block, 0), f16_at(block, 2));
        for (j, byte) in block[4..].iter().enumerate() {
            out[j] = f32::from(byte & 15) * scale + min;
            out[j + 16] = f32::from(byte >> 4) * scale + min;
        }
    }
}

/// The fifth bits: bit `j` belongs to element `j`.
fn high_bits(block: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
}

fn five_bits(byte: u8, high: u32, j: usize) -> (u8, u8) {
    let low = (byte & 15) | (((high >> j) & 1) as u8) << 4;
    let upper = (byte >> 4) | (((high >> (j + 16)) & 1) as u8) << 4;
    (low, upper)
}

pub(crate) fn decode_q5_0(codes: &[u8], out: &mut [f32]) {
    for (out, block) in out.chunks_exact_mut(32).zip(codes.chunks_exact(22)) {
        let (scale, high) = (f16_at(block, 0), high_bits(block, 2));
        for (j, byte) in block[6..].iter().enumerate() {
            let (a, b) = five_bits(*byte, high, j);
            out[j] = (i32::from(a) - 16) as f32 * scale;
            out[j + 16] = (i32::from(b) - 16) as f32 * scale;
        }
    }
}

pub(crate) fn decode_q5_1(codes: &[u8], out: &mut [f32]) {
    for (out, block) in out.chunks_exact_mut(32).zip(codes.chunks_exact(24)) {
        let (scale, min, high) = (f16_at(block, 0), f16_at(block, 2), high_bits(block, 4));
        for (j, byte) in block[8..].iter().enumerate() {
            let (a, b) = five_bits(*byte, high, j);
            out[j] = f32::from(a) * scale + min;
            out[j + 16] = f32::from(b) * scale + min;
        }
    }
}

pub(crate) fn decode_q8_0(codes: &[u8], out: &mut [f32]) {
    for (out, block) in out.chunks_exact_mut(32).zip(codes.chunks_exact(34)) {
        let scale = f16_at(block, 0);
        for (value, byte) in out.iter_mut().zip(&block[2..]) {
            *value = f32::from(*byte as i8) * scale;
        }
    }
}
