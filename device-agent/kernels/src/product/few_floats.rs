//! Few rows against float weights: floats times floats, without loss.

use std::ops::Range;

use super::few::put;
use crate::input::Input;
use crate::processor::Processor;
use crate::team::Parts;
use crate::tiles::{Kind, Tiles};
use crate::vector::{Isa, Kernel, LANES, launch};

pub(super) fn piece(
    processor: &Processor,
    input: &Input,
    weights: &Tiles,
    kind: Kind,
    out: &Parts<f32>,
    tiles: Range<usize>,
) {
    for tile in tiles {
        let mut row = 0;
        while row < input.rows() {
            let left = input.rows() - row;
            let of = Of { values: input.values(), cols: input.cols(), weights, out, row, tile };
            row += if left >= 4 {
                by_kind::<4>(processor, kind, of);
                4
            } else if left >= 2 {
                by_kind::<2>(processor, kind, of);
                2
            } else {
                by_kind::<1>(processor, kind, of);
                1
            };
        }
    }
}

fn by_kind<const ROWS: usize>(processor: &Processor, kind: Kind, of: Of<'_>) {
    match kind {
        Kind::Bf16 => launch(processor.machine(), Floats::<ROWS, 2>(of)),
        Kind::F16 => launch(processor.machine(), Floats::<ROWS, 1>(of)),
        _ => launch(processor.machine(), Floats::<ROWS, 0>(of)),
    }
}

#[derive(Clone, Copy)]
struct Of<'a> {
    values: &'a [f32],
    cols: usize,
    weights: &'a Tiles,
    out: &'a Parts<f32>,
    row: usize,
    tile: usize,
}

/// `KIND` is 0 for f32, 1 for f16, 2 for bf16.
struct Floats<'a, const ROWS: usize, const KIND: u8>(Of<'a>);

/// Sums that run side by side, so that no addition waits for the one before.
const CHAINS: usize = 4;

impl<const ROWS: usize, const KIND: u8> Kernel for Floats<'_, ROWS, KIND> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<I: Isa>(self) {
        let Of { values, cols, weights, out, row, tile } = self.0;
        let from = weights.tile(tile).as_ptr();
        let x = values.as_ptr().add(row * cols);
        let mut sums = [[I::splat(0.0); CHAINS]; ROWS];
        let whole = cols - cols % CHAINS;
        for column in (0..whole).step_by(CHAINS) {
            let w = four::<I, KIND>(from, column);
            for (row, sums) in sums.iter_mut().enumerate() {
                for (chain, sum) in sums.iter_mut().enumerate() {
                    *sum = I::fma(w[chain], I::splat(*x.add(row * cols + column + chain)), *sum);
                }
            }
        }
        if whole < cols {
            for (row, sums) in sums.iter_mut().enumerate() {
                for column in whole..cols {
                    let w = one::<I, KIND>(from, column);
                    sums[0] = I::fma(w, I::splat(*x.add(row * cols + column)), sums[0]);
                }
            }
        }
        for (at, sums) in sums.into_iter().enumerate() {
            let sum = I::add(I::add(sums[0], sums[1]), I::add(sums[2], sums[3]));
            put::<I>(out, weights, row + at, tile, sum);
        }
    }
}

/// Columns `column..column + 4`.
#[inline(always)]
unsafe fn four<I: Isa, const KIND: u8>(from: *const u8, column: usize) -> [I::F; CHAINS] {
    if KIND == 2 {
        let (a, b) = I::load_pairs(from.cast::<u16>().add(LANES * column));
        let (c, d) = I::load_pairs(from.cast::<u16>().add(LANES * (column + 2)));
        return [a, b, c, d];
    }
    [
        one::<I, KIND>(from, column),
        one::<I, KIND>(from, column + 1),
        one::<I, KIND>(from, column + 2),
        one::<I, KIND>(from, column + 3),
    ]
}

#[inline(always)]
unsafe fn one<I: Isa, const KIND: u8>(from: *const u8, column: usize) -> I::F {
    match KIND {
        0 => I::load(from.cast::<f32>().add(LANES * column)),
        1 => I::load_f16(from.cast::<u16>().add(LANES * column)),
        _ => {
            let (even, odd) = I::load_pairs(from.cast::<u16>().add(LANES * (column - column % 2)));
            if column.is_multiple_of(2) { even } else { odd }
        }
    }
}
