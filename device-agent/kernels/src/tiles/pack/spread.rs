//! Codes of one stored row as bytes, and the scales that lie between GGUF's codes.

use super::{LANES, UPPER, put, upper_start};
use crate::tiles::Encoding;
use crate::tiles::layout::Codes;

/// One code a byte.
pub(super) fn codes(encoding: Encoding, row: &[u8], out: &mut [u8]) {
    match encoding {
        Encoding::Affine { bits, .. } => stream(bits, row, out),
        Encoding::Q4_0 => blocks::<18, 32>(row, out, |block, out| nibbles(&block[2..], out)),
        Encoding::Q4_1 => blocks::<20, 32>(row, out, |block, out| nibbles(&block[4..], out)),
        Encoding::Q5_0 => blocks::<22, 32>(row, out, |block, out| five(&block[2..], out)),
        Encoding::Q5_1 => blocks::<24, 32>(row, out, |block, out| five(&block[4..], out)),
        Encoding::Q8_0 => blocks::<34, 32>(row, out, |block, out| {
            for (out, byte) in out.iter_mut().zip(&block[2..]) {
                *out = byte ^ 0x80;
            }
        }),
        Encoding::Q2K => blocks::<84, 256>(row, out, |block, out| two_bits(&block[16..80], out)),
        Encoding::Q3K => blocks::<110, 256>(row, out, |block, out| {
            two_bits(&block[32..96], out);
            for (sub, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
                for (out, high) in out.iter_mut().zip(&block[..32]) {
                    *out |= (high >> sub & 1) << 2;
                }
            }
        }),
        Encoding::Q4K => blocks::<144, 256>(row, out, |block, out| k_nibbles(&block[16..], out)),
        Encoding::Q5K => blocks::<176, 256>(row, out, |block, out| {
            k_nibbles(&block[48..], out);
            for (sub, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
                for (out, high) in out.iter_mut().zip(&block[16..48]) {
                    *out |= (high >> sub & 1) << 4;
                }
            }
        }),
        Encoding::Q6K => blocks::<210, 256>(row, out, |block, out| {
            for (sub, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
                let (half, quarter) = (sub / 4, sub % 4);
                let low = &block[half * 64 + quarter % 2 * 32..];
                let high = &block[128 + half * 32..];
                for (out, (low, high)) in out.iter_mut().zip(low.iter().zip(high)) {
                    *out = (low >> (4 * (quarter / 2)) & 15) | (high >> (2 * quarter) & 3) << 4;
                }
            }
        }),
        Encoding::F32 | Encoding::F16 | Encoding::Bf16 => {}
    }
}

fn blocks<const BYTES: usize, const ELEMENTS: usize>(
    row: &[u8],
    out: &mut [u8],
    one: impl Fn(&[u8; BYTES], &mut [u8; ELEMENTS]),
) {
    for (block, out) in row.as_chunks::<BYTES>().0.iter().zip(out.as_chunks_mut::<ELEMENTS>().0) {
        one(block, out);
    }
}

/// Low halves first, then high halves.
fn nibbles(bytes: &[u8], out: &mut [u8; 32]) {
    for (j, byte) in bytes.iter().enumerate() {
        out[j] = byte & 15;
        out[j + 16] = byte >> 4;
    }
}

/// Four bytes of fifth bits, then nibbles.
fn five(bytes: &[u8], out: &mut [u8; 32]) {
    let high = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    nibbles(&bytes[4..], out);
    for (j, out) in out.iter_mut().enumerate() {
        *out |= ((high >> j & 1) as u8) << 4;
    }
}

/// Thirty-two bytes hold two sub-blocks: low halves, then high halves.
fn k_nibbles(bytes: &[u8], out: &mut [u8; 256]) {
    for (bytes, out) in bytes.as_chunks::<32>().0.iter().zip(out.as_chunks_mut::<64>().0) {
        for (j, byte) in bytes.iter().enumerate() {
            out[j] = byte & 15;
            out[j + 32] = byte >> 4;
        }
    }
}

/// Thirty-two bytes hold four runs of as many codes, each two bits higher than the one before.
fn two_bits(bytes: &[u8], out: &mut [u8; 256]) {
    for (bytes, out) in bytes.as_chunks::<32>().0.iter().zip(out.as_chunks_mut::<128>().0) {
        for (run, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
            for (out, byte) in out.iter_mut().zip(bytes) {
                *out = byte >> (2 * run) & 3;
            }
        }
    }
}

/// A little-endian bit stream.
fn stream(bits: u8, row: &[u8], out: &mut [u8]) {
    match bits {
        8 => out.copy_from_slice(row),
        4 => {
            for (out, byte) in out.as_chunks_mut::<2>().0.iter_mut().zip(row) {
                *out = [byte & 15, byte >> 4];
            }
        }
        2 => {
            for (out, byte) in out.as_chunks_mut::<4>().0.iter_mut().zip(row) {
                *out = [byte & 3, byte >> 2 & 3, byte >> 4 & 3, byte >> 6];
            }
        }
        // Eight codes fill as many bytes as a code has bits.
        3 => eights::<3>(row, out),
        5 => eights::<5>(row, out),
        _ => eights::<6>(row, out),
    }
}

fn eights<const BITS: usize>(row: &[u8], out: &mut [u8]) {
    let mask = (1u64 << BITS) - 1;
    for (bytes, out) in row.as_chunks::<BITS>().0.iter().zip(out.as_chunks_mut::<8>().0) {
        let mut window = [0u8; 8];
        window[..BITS].copy_from_slice(bytes);
        let window = u64::from_le_bytes(window);
        for (j, out) in out.iter_mut().enumerate() {
            *out = (window >> (BITS * j) & mask) as u8;
        }
    }
}

/// The scales of one row of GGUF blocks into lane `lane` of a tile.
pub(super) fn scales(encoding: Encoding, layout: Codes, row: &[u8], lane: usize, out: &mut [u8]) {
    let legacy = |bytes: usize, pair: bool, out: &mut [u8]| {
        for (group, block) in row.chunks_exact(bytes).enumerate() {
            let head = layout.group_start(group);
            put(out, head, lane, [block[0], block[1]]);
            if pair {
                put(out, head + UPPER, lane, [block[2], block[3]]);
            }
        }
    };
    match encoding {
        Encoding::Q4_0 => legacy(18, false, out),
        Encoding::Q4_1 => legacy(20, true, out),
        Encoding::Q5_0 => legacy(22, false, out),
        Encoding::Q5_1 => legacy(24, true, out),
        Encoding::Q8_0 => legacy(34, false, out),
        Encoding::Q2K => {
            for (index, block) in row.as_chunks::<84>().0.iter().enumerate() {
                let upper = upper_start(layout, 16 * index);
                put(out, upper, lane, [block[80], block[81]]);
                put(out, upper + UPPER, lane, [block[82], block[83]]);
                for (sub, byte) in block[..16].iter().enumerate() {
                    let head = layout.group_start(16 * index + sub);
                    put(out, head, lane, [byte & 15]);
                    put(out, head + LANES, lane, [byte >> 4]);
                }
            }
        }
        Encoding::Q3K => {
            for (index, block) in row.as_chunks::<110>().0.iter().enumerate() {
                put(out, upper_start(layout, 16 * index), lane, [block[108], block[109]]);
                let packed = &block[96..108];
                for sub in 0..16 {
                    let low = if sub < 8 { packed[sub] & 15 } else { packed[sub - 8] >> 4 };
                    let high = packed[8 + sub % 4] >> (2 * (sub / 4)) & 3;
                    put(
                        out,
                        layout.group_start(16 * index + sub),
                        lane,
                        [(low | high << 4).wrapping_sub(32)],
                    );
                }
            }
        }
        Encoding::Q4K | Encoding::Q5K => {
            let bytes = if encoding == Encoding::Q4K { 144 } else { 176 };
            for (index, block) in row.chunks_exact(bytes).enumerate() {
                let upper = upper_start(layout, 8 * index);
                put(out, upper, lane, [block[0], block[1]]);
                put(out, upper + UPPER, lane, [block[2], block[3]]);
                for sub in 0..8 {
                    let (scale, minimum) = scale_and_minimum(&block[4..16], sub);
                    let head = layout.group_start(8 * index + sub);
                    put(out, head, lane, [scale]);
                    put(out, head + LANES, lane, [minimum]);
                }
            }
        }
        Encoding::Q6K => {
            for (index, block) in row.as_chunks::<210>().0.iter().enumerate() {
                put(out, upper_start(layout, 16 * index), lane, [block[208], block[209]]);
                for sub in 0..16 {
                    put(out, layout.group_start(16 * index + sub), lane, [block[192 + sub]]);
                }
            }
        }
        Encoding::F32 | Encoding::F16 | Encoding::Bf16 | Encoding::Affine { .. } => {}
    }
}

/// The six-bit scale and minimum of a sub-block out of twelve bytes.
fn scale_and_minimum(packed: &[u8], sub: usize) -> (u8, u8) {
    if sub < 4 {
        (packed[sub] & 63, packed[sub + 4] & 63)
    } else {
        let (low, scale, minimum) = (packed[sub + 4], packed[sub - 4], packed[sub]);
        ((low & 15) | (scale >> 6) << 4, (low >> 4) | (minimum >> 6) << 4)
    }
}
