//! Few rows: every weight is read once from memory, which is what bounds them. Codes are multiplied as whole
//! numbers with activations as bytes, floats with floats.

use std::marker::PhantomData;
use std::ops::Range;

use super::share::share_out;
use super::{PIECE_BYTES, Product, few_floats};
use crate::input::{Bytes, Input};
use crate::processor::Processor;
use crate::team::Parts;
use crate::tiles::scale::{Scales, with_layout};
use crate::tiles::width::Width;
use crate::tiles::{Codes, Kind, Tiles};
use crate::vector::{Isa, Kernel, LANES, launch};

pub(super) fn products(processor: &Processor, input: &Input, jobs: &mut [Product<'_>]) {
    let size = |weights: &Tiles| {
        let even = weights.count().div_ceil(4 * processor.team().threads());
        (PIECE_BYTES / weights.tile_bytes()).clamp(1, even.max(1))
    };
    share_out(processor, jobs, size, &|share, tiles| match share.weights.kind {
        Kind::Codes(codes) => {
            let bytes = input.bytes(codes.group).expect("made before the products");
            let piece =
                Piece { weights: share.weights, codes, bytes, out: &share.out, tiles, cols: input.cols() };
            with_layout!(codes, by_rows, processor, &piece, input.rows());
        }
        kind => few_floats::piece(processor, input, share.weights, kind, &share.out, tiles),
    });
}

struct Piece<'a> {
    weights: &'a Tiles,
    codes: Codes,
    bytes: &'a Bytes,
    out: &'a Parts<f32>,
    tiles: Range<usize>,
    cols: usize,
}

fn by_rows<W: Width, S: Scales>(processor: &Processor, piece: &Piece<'_>, rows: usize) {
    let machine = processor.machine();
    if rows == 1 {
        return launch(machine, Dot::<W, S, 1>::of(piece, 0, piece.tiles.clone()));
    }
    // A tile at a time, so that it stays in the nearest cache for all rows.
    for tile in piece.tiles.clone() {
        let mut row = 0;
        while row < rows {
            row += match rows - row {
                1 => {
                    launch(machine, Dot::<W, S, 1>::of(piece, row, tile..tile + 1));
                    1
                }
                2 | 3 => {
                    launch(machine, Dot::<W, S, 2>::of(piece, row, tile..tile + 1));
                    2
                }
                _ => {
                    launch(machine, Dot::<W, S, 4>::of(piece, row, tile..tile + 1));
                    4
                }
            };
        }
    }
}

/// `ROWS` rows from `row` on.
struct Dot<'a, W, S, const ROWS: usize> {
    piece: &'a Piece<'a>,
    row: usize,
    tiles: Range<usize>,
    types: PhantomData<(W, S)>,
}

impl<'a, W: Width, S: Scales, const ROWS: usize> Dot<'a, W, S, ROWS> {
    fn of(piece: &'a Piece<'a>, row: usize, tiles: Range<usize>) -> Self {
        Self { piece, row, tiles, types: PhantomData }
    }
}

impl<W: Width, S: Scales, const ROWS: usize> Kernel for Dot<'_, W, S, ROWS> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<I: Isa>(self) {
        let Piece { weights, codes, bytes, out, cols, .. } = self.piece;
        let (cols, group) = (*cols, codes.group);
        let groups = cols / group;
        let units = group / (4 * W::QUADS);
        // Whole numbers that `dot` leaves in every code, or that the format takes off.
        let offset = if W::WIDE { I::WIDE_OFFSET } else { 0 } - codes.zero;
        let activations = bytes.values.as_ptr().add(self.row * cols);
        for tile in self.tiles {
            let mut at = weights.tile(tile).as_ptr();
            let mut upper = (I::splat(0.0), I::splat(0.0));
            let mut sums = [I::splat(0.0); ROWS];
            for index in 0..groups {
                if S::UPPER && (index * group).is_multiple_of(256) {
                    upper = S::upper::<I>(at);
                    at = at.add(codes.scales.super_head());
                }
                let (scale, bias) = S::read::<I>(codes.scales, upper, at);
                at = at.add(codes.scales.group_head());
                let mut whole = [[I::whole(0); 2]; ROWS];
                if offset != 0 {
                    for (row, whole) in whole.iter_mut().enumerate() {
                        whole[0] = I::whole(offset * bytes.sums[(self.row + row) * groups + index]);
                    }
                }
                let mut from = activations.add(index * group);
                for _ in 0..units {
                    for (quad, codes) in W::quads::<I>(at).into_iter().take(W::QUADS).enumerate() {
                        for (row, whole) in whole.iter_mut().enumerate() {
                            let four = I::four(from.add(row * cols + 4 * quad));
                            let sum = &mut whole[quad % 2];
                            *sum = if W::WIDE {
                                I::dot_wide(*sum, codes, four)
                            } else {
                                I::dot(*sum, codes, four)
                            };
                        }
                    }
                    at = at.add(W::BYTES);
                    from = from.add(4 * W::QUADS);
                }
                for (row, (sum, whole)) in sums.iter_mut().zip(whole).enumerate() {
                    let place = (self.row + row) * groups + index;
                    let whole = I::to_float(I::add_whole(whole[0], whole[1]));
                    *sum = I::fma(whole, I::mul(scale, I::splat(*bytes.scales.get_unchecked(place))), *sum);
                    if S::BIAS {
                        *sum = I::fma(bias, I::splat(*bytes.weights.get_unchecked(place)), *sum);
                    }
                }
            }
            for (row, sum) in sums.into_iter().enumerate() {
                put::<I>(out, weights, self.row + row, tile, sum);
            }
        }
    }
}

/// Writes one tile's results for one row.
#[inline(always)]
pub(super) unsafe fn put<I: Isa>(out: &Parts<f32>, weights: &Tiles, row: usize, tile: usize, sum: I::F) {
    let place = weights.rows_of(tile);
    let start = row * weights.rows();
    let out = out.part(start + place.start..start + place.end);
    if out.len() == LANES {
        I::store(out.as_mut_ptr(), sum);
    } else {
        let mut all = [0f32; LANES];
        I::store(all.as_mut_ptr(), sum);
        out.copy_from_slice(&all[..out.len()]);
    }
}
