//! GGUF's 256-element super-blocks: sub-block scales are themselves quantised under one or two f16 scales.

use super::float::f16_at;

const BLOCK: usize = 256;

pub(crate) fn decode_q2(codes: &[u8], out: &mut [f32]) {
    for (out, block) in out.chunks_exact_mut(BLOCK).zip(codes.chunks_exact(84)) {
        let (scales, quants) = (&block[..16], &block[16..80]);
        let (d, dmin) = (f16_at(block, 80), f16_at(block, 82));
        for (sub, out) in out.chunks_exact_mut(16).enumerate() {
            // Eight sub-blocks share 32 bytes: pairs of sub-blocks walk the bytes, every pair two bits higher.
            let (half, pair, side) = (sub / 8, sub % 8 / 2, sub % 2);
            let scale = d * f32::from(scales[sub] & 15);
            let min = dmin * f32::from(scales[sub] >> 4);
            for (value, byte) in out.iter_mut().zip(&quants[half * 32 + side * 16..]) {
                *value = scale * f32::from((byte >> (2 * pair)) & 3) - min;
            }
        }
    }
}

pub(crate) fn decode_q3(codes: &[u8], out: &mut [f32]) {
    for (out, block) in out.chunks_exact_mut(BLOCK).zip(codes.chunks_exact(110)) {
        let (high, quants, scales) = (&block[..32], &block[32..96], &block[96..108]);
        let d = f16_at(block, 108);
        for (sub, out) in out.chunks_exact_mut(16).enumerate() {
            let (half, pair, side) = (sub / 8, sub % 8 / 2, sub % 2);
            let low = if sub < 8 { scales[sub] & 15 } else { scales[sub - 8] >> 4 };
            let top = (scales[8 + sub % 4] >> (2 * (sub / 4))) & 3;
            let scale = d * (i32::from(low | top << 4) - 32) as f32;
            let bytes = quants[half * 32 + side * 16..].iter().zip(&high[side * 16..]);
            for (value, (byte, mask)) in out.iter_mut().zip(bytes) {
                let code = i32::from((byte >> (2 * pair)) & 3);
                let offset = if mask >> (half * 4 + pair) & 1 == 1 { 0 } else { 4 };
                *value = scale * (code - offset) as f32;
            }
        }
    }
}

/// The six-bit scale and minimum of sub-block `j` out of twelve packed bytes.
fn scale_and_min(packed: &[u8], j: usize) -> (u8, u8) {
    if j < 4 {
        (packed[j] & 63, packed[j + 4] & 63)
    } else {
        let scale = (packed[j + 4] & 15) | (packed[j - 4] >> 6) << 4;
        let min = (packed[j + 4] >> 4) | (packed[j] >> 6) << 4;
        (scale, min)
    }
}

pub(crate) fn decode_q4(codes: &[u8], out: &mut [f32]) {
    for (out, block) in out.chunks_exact_mut(BLOCK).zip(codes.chunks_exact(144)) {
        let (d, dmin) = (f16_at(block, 0), f16_at(block, 2));
        let (scales, quants) = (&block[4..16], &block[16..]);
        for (sub, out) in out.chunks_exact_mut(32).enumerate() {
            let (scale, min) = scale_and_min(scales, sub);
            let (scale, min) = (d * f32::from(scale), dmin * f32::from(min));
            let shift = 4 * (sub % 2);
            for (value, byte) in out.iter_mut().zip(&quants[sub / 2 * 32..]) {
                *value = scale * f32::from((byte >> shift) & 15) - min;
            }
        }
    }
}

pub(crate) fn decode_q5(codes: &[u8], out: &mut [f32]) {
    for (out, block) in out.chunks_exact_mut(BLOCK).zip(codes.chunks_exact(176)) {
        let (d, dmin) = (f16_at(block, 0), f16_at(block, 2));
        let (scales, high, quants) = (&block[4..16], &block[16..48], &block[48..]);
        for (sub, out) in out.chunks_exact_mut(32).enumerate() {
            let (scale, min) = scale_and_min(scales, sub);
            let (scale, min) = (d * f32::from(scale), dmin * f32::from(min));
            let shift = 4 * (sub % 2);
            let bytes = quants[sub / 2 * 32..].iter().zip(high);
            for (value, (byte, high)) in out.iter_mut().zip(bytes) {
                let code = ((byte >> shift) & 15) | ((high >> sub) & 1) << 4;
                *value = scale * f32::from(code) - min;
            }
        }
    }
}

pub(crate) fn decode_q6(codes: &[u8], out: &mut [f32]) {
    for (out, block) in out.chunks_exact_mut(BLOCK).zip(codes.chunks_exact(210)) {
        let (low, high, scales) = (&block[..128], &block[128..192], &block[192..208]);
        let d = f16_at(block, 208);
        for (sub, out) in out.chunks_exact_mut(16).enumerate() {
            // A half of 128 elements is four quarters of 32: two in the low nibbles, two in the high ones.
            let (half, quarter, side) = (sub / 8, sub % 8 / 2, sub % 2);
            let scale = d * f32::from(scales[sub] as i8);
            let low = &low[half * 64 + quarter % 2 * 32 + side * 16..];
            let high = &high[half * 32 + side * 16..];
            for (value, (low, high)) in out.iter_mut().zip(low.iter().zip(high)) {
                let nibble = (low >> (4 * (quarter / 2))) & 15;
                let code = nibble | ((high >> (2 * quarter)) & 3) << 4;
                *value = scale * (i32::from(code) - 32) as f32;
            }
        }
    }
}
