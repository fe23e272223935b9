//! One row out of a tile, as floats: token vectors are looked up this way.

use super::Side;
use super::layout::{Codes, Kind, SUPER, Scales};
use crate::vector::{LANES, from_f16};

pub(super) fn read(kind: Kind, tile: &[u8], lane: usize, out: &mut [f32]) {
    match kind {
        Kind::F32 => {
            for (out, slot) in out.iter_mut().zip(tile.as_chunks::<{ 4 * LANES }>().0) {
                *out = float(Side::F32, slot, lane);
            }
        }
        Kind::F16 => {
            for (out, slot) in out.iter_mut().zip(tile.as_chunks::<{ 2 * LANES }>().0) {
                *out = float(Side::F16, slot, lane);
            }
        }
        Kind::Bf16 => {
            for (out, slot) in out.as_chunks_mut::<2>().0.iter_mut().zip(tile.as_chunks::<{ 4 * LANES }>().0)
            {
                *out = [float(Side::Bf16, slot, 2 * lane), float(Side::Bf16, slot, 2 * lane + 1)];
            }
        }
        Kind::Codes(layout) => codes(layout, tile, lane, out),
    }
}

fn float(side: Side, bytes: &[u8], index: usize) -> f32 {
    let two = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    match side {
        Side::F32 => f32::from_bits(u32::from(two(4 * index)) | u32::from(two(4 * index + 2)) << 16),
        Side::F16 => from_f16(two(2 * index)),
        Side::Bf16 => f32::from_bits(u32::from(two(2 * index)) << 16),
    }
}

fn codes(layout: Codes, tile: &[u8], lane: usize, out: &mut [f32]) {
    for (group, out) in out.chunks_exact_mut(layout.group).enumerate() {
        let head = &tile[layout.group_start(group)..];
        let upper = || {
            let first = group - group % (SUPER / layout.group);
            &tile[layout.group_start(first) - layout.scales.super_head()..]
        };
        let (scale, bias) = match layout.scales {
            Scales::Pair(side) => (float(side, head, lane), float(side, head, LANES + lane)),
            Scales::One => (float(Side::F16, head, lane), 0.0),
            Scales::SuperPair => {
                let (d, minimum) = (float(Side::F16, upper(), lane), float(Side::F16, upper(), LANES + lane));
                (d * f32::from(head[lane]), -(minimum * f32::from(head[LANES + lane])))
            }
            Scales::SuperOne => (float(Side::F16, upper(), lane) * f32::from(head[lane] as i8), 0.0),
        };
        let units = &head[layout.scales.group_head()..];
        for (column, out) in out.iter_mut().enumerate() {
            let code = code(layout.bits, units, lane, column);
            *out = scale * (i32::from(code) - layout.zero) as f32 + bias;
        }
    }
}

/// The code of one column; see `width` for how units are made.
fn code(bits: u8, units: &[u8], lane: usize, column: usize) -> u8 {
    let (quad, byte) = (column / 4, 4 * lane + column % 4);
    // `per` pieces of `BITS` bits in a byte, in lines from `first` of units of `unit` lines for `quads` quads.
    let piece = |bits: usize, quads: usize, unit: usize, first: usize| {
        let (within, start) = (quad % quads, quad / quads * unit + first);
        let per = 8 / bits;
        let line = start + within / per;
        (units[64 * line + byte] >> (bits * (within % per))) & ((1u16 << bits) - 1) as u8
    };
    match bits {
        8 => piece(8, 1, 1, 0),
        4 => piece(4, 2, 1, 0),
        2 => piece(2, 4, 1, 0),
        6 => piece(4, 4, 3, 0) | piece(2, 4, 3, 2) << 4,
        5 => piece(4, 8, 5, 0) | piece(1, 8, 5, 4) << 4,
        _ => piece(2, 8, 3, 0) | piece(1, 8, 3, 2) << 2,
    }
}
