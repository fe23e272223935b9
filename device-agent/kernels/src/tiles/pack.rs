//! From stored rows to tiles. Sixteen rows of codes are spread to bytes, then woven into the tile; scales are
//! copied as they are.

mod spread;

use super::layout::{Codes, Kind, SUPER, Scales};
use super::{Encoding, Stored};
use crate::team::{Parts, Team};
use crate::vector::LANES;

/// Bytes of a stored row, by part.
#[derive(Clone, Copy)]
struct RowBytes {
    codes: usize,
    scales: usize,
}

fn row_bytes(encoding: Encoding, cols: usize) -> RowBytes {
    let blocks = |elements: usize, bytes: usize| RowBytes { codes: cols / elements * bytes, scales: 0 };
    match encoding {
        Encoding::F32 => blocks(1, 4),
        Encoding::F16 | Encoding::Bf16 => blocks(1, 2),
        Encoding::Affine { bits, group, side } => {
            let side = if side == super::Side::F32 { 4 } else { 2 };
            RowBytes { codes: cols * usize::from(bits) / 8, scales: cols / group * side }
        }
        Encoding::Q4_0 => blocks(32, 18),
        Encoding::Q4_1 => blocks(32, 20),
        Encoding::Q5_0 => blocks(32, 22),
        Encoding::Q5_1 => blocks(32, 24),
        Encoding::Q8_0 => blocks(32, 34),
        Encoding::Q2K => blocks(SUPER, 84),
        Encoding::Q3K => blocks(SUPER, 110),
        Encoding::Q4K => blocks(SUPER, 144),
        Encoding::Q5K => blocks(SUPER, 176),
        Encoding::Q6K => blocks(SUPER, 210),
    }
}

pub(super) fn pack(team: &Team, stored: &Stored<'_>, kind: Kind, tile_bytes: usize, out: &mut [u8]) {
    let row = row_bytes(stored.encoding, stored.cols);
    assert_eq!(stored.codes.len(), stored.rows * row.codes, "codes of a whole matrix");
    assert_eq!(stored.scales.len(), stored.rows * row.scales, "scales of a whole matrix");
    assert_eq!(stored.biases.len(), stored.rows * row.scales, "biases of a whole matrix");
    let tiles = stored.rows.div_ceil(LANES);
    let parts = Parts::of(out);
    team.share(tiles, tiles.div_ceil(64), &|range| {
        let mut spread = vec![0u8; LANES * stored.cols];
        for tile in range {
            // SAFETY: every tile is handed out once.
            let out = unsafe { parts.part(tile * tile_bytes..(tile + 1) * tile_bytes) };
            let rows = tile * LANES..((tile + 1) * LANES).min(stored.rows);
            for (lane, at) in rows.enumerate() {
                let codes = &stored.codes[at * row.codes..(at + 1) * row.codes];
                let side = at * row.scales..(at + 1) * row.scales;
                match kind {
                    Kind::F32 => floats(stored.encoding, codes, lane, out),
                    Kind::F16 => halves(codes, lane, out),
                    Kind::Bf16 => pairs(codes, lane, out),
                    Kind::Codes(layout) => {
                        let row = &mut spread[lane * stored.cols..(lane + 1) * stored.cols];
                        spread::codes(stored.encoding, codes, row);
                        match stored.encoding {
                            Encoding::Affine { .. } => {
                                beside(layout, &stored.scales[side.clone()], &stored.biases[side], lane, out);
                            }
                            block => spread::scales(block, layout, codes, lane, out),
                        }
                    }
                }
            }
            if let Kind::Codes(layout) = kind {
                weave(layout, &spread, stored.cols, out);
            }
        }
    });
}

fn floats(encoding: Encoding, row: &[u8], lane: usize, out: &mut [u8]) {
    let slots = out.as_chunks_mut::<{ 4 * LANES }>().0;
    if encoding == Encoding::Bf16 {
        for (slot, value) in slots.iter_mut().zip(row.as_chunks::<2>().0) {
            slot[4 * lane..4 * lane + 4].copy_from_slice(&[0, 0, value[0], value[1]]);
        }
    } else {
        for (slot, value) in slots.iter_mut().zip(row.as_chunks::<4>().0) {
            slot[4 * lane..4 * lane + 4].copy_from_slice(value);
        }
    }
}

fn halves(row: &[u8], lane: usize, out: &mut [u8]) {
    for (slot, value) in out.as_chunks_mut::<{ 2 * LANES }>().0.iter_mut().zip(row.as_chunks::<2>().0) {
        slot[2 * lane..2 * lane + 2].copy_from_slice(value);
    }
}

fn pairs(row: &[u8], lane: usize, out: &mut [u8]) {
    for (slot, pair) in out.as_chunks_mut::<{ 4 * LANES }>().0.iter_mut().zip(row.as_chunks::<4>().0) {
        slot[4 * lane..4 * lane + 4].copy_from_slice(pair);
    }
}

/// Scales and biases that lie beside the codes.
fn beside(layout: Codes, scales: &[u8], biases: &[u8], lane: usize, out: &mut [u8]) {
    let width = layout.scales.group_head() / (2 * LANES);
    for (group, (scale, bias)) in scales.chunks_exact(width).zip(biases.chunks_exact(width)).enumerate() {
        let head = layout.group_start(group);
        let at = head + lane * width;
        out[at..at + width].copy_from_slice(scale);
        let at = at + LANES * width;
        out[at..at + width].copy_from_slice(bias);
    }
}

/// The spread codes of sixteen rows, each a byte, into the units of a tile.
fn weave(layout: Codes, spread: &[u8], cols: usize, out: &mut [u8]) {
    let head = layout.scales.group_head();
    for group in 0..cols / layout.group {
        let start = layout.group_start(group) + head;
        let out = &mut out[start..start + layout.code_bytes()];
        for lane in 0..LANES {
            let row = &spread[lane * cols + group * layout.group..][..layout.group];
            let quads = row.as_chunks::<4>().0;
            let lines = out.as_chunks_mut::<64>().0;
            let slot = 4 * lane..4 * lane + 4;
            match layout.bits {
                8 => {
                    for (line, quad) in lines.iter_mut().zip(quads) {
                        line[slot.clone()].copy_from_slice(quad);
                    }
                }
                4 => {
                    for (line, quads) in lines.iter_mut().zip(quads.as_chunks::<2>().0) {
                        line[slot.clone()].copy_from_slice(&pieces::<4>(quads, 0));
                    }
                }
                2 => {
                    for (line, quads) in lines.iter_mut().zip(quads.as_chunks::<4>().0) {
                        line[slot.clone()].copy_from_slice(&pieces::<2>(quads, 0));
                    }
                }
                6 => {
                    for (unit, quads) in lines.as_chunks_mut::<3>().0.iter_mut().zip(quads.as_chunks::<4>().0)
                    {
                        unit[0][slot.clone()].copy_from_slice(&pieces::<4>(&quads[..2], 0));
                        unit[1][slot.clone()].copy_from_slice(&pieces::<4>(&quads[2..], 0));
                        unit[2][slot.clone()].copy_from_slice(&pieces::<2>(quads, 4));
                    }
                }
                5 => {
                    for (unit, quads) in lines.as_chunks_mut::<5>().0.iter_mut().zip(quads.as_chunks::<8>().0)
                    {
                        for (line, quads) in unit.iter_mut().zip(quads.as_chunks::<2>().0) {
                            line[slot.clone()].copy_from_slice(&pieces::<4>(quads, 0));
                        }
                        unit[4][slot.clone()].copy_from_slice(&pieces::<1>(quads, 4));
                    }
                }
                _ => {
                    for (unit, quads) in lines.as_chunks_mut::<3>().0.iter_mut().zip(quads.as_chunks::<8>().0)
                    {
                        unit[0][slot.clone()].copy_from_slice(&pieces::<2>(&quads[..4], 0));
                        unit[1][slot.clone()].copy_from_slice(&pieces::<2>(&quads[4..], 0));
                        unit[2][slot.clone()].copy_from_slice(&pieces::<1>(quads, 2));
                    }
                }
            }
        }
    }
}

/// Pieces of `BITS` bits, from bit `from` of every code on, beside each other: the first quad lowest.
#[inline(always)]
fn pieces<const BITS: u32>(quads: &[[u8; 4]], from: u32) -> [u8; 4] {
    let mask = u32::from_le_bytes([(1u8 << BITS) - 1; 4]);
    let mut sum = 0;
    for (index, quad) in quads.iter().enumerate() {
        sum |= (u32::from_le_bytes(*quad) >> from & mask) << (BITS * index as u32);
    }
    sum.to_le_bytes()
}

/// Sixteen bytes, one per lane, at `at`.
fn put<const N: usize>(out: &mut [u8], at: usize, lane: usize, value: [u8; N]) {
    out[at + lane * N..at + (lane + 1) * N].copy_from_slice(&value);
}

/// Bytes of one upper scale for sixteen rows.
const UPPER: usize = 2 * LANES;

/// Where the upper scales of the block that group `group` opens begin.
fn upper_start(layout: Codes, group: usize) -> usize {
    debug_assert!(matches!(layout.scales, Scales::SuperPair | Scales::SuperOne));
    layout.group_start(group) - layout.scales.super_head()
}
