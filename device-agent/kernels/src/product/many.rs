//! Many rows in f32: tiles are unpacked a block of columns at a time and multiplied with all rows while they are
//! in the cache.

use std::cell::RefCell;
use std::ops::Range;

use super::Product;
use super::share::{Share, share_out};
use super::unpack;
use crate::input::Input;
use crate::machine::Machine;
use crate::pages::Pages;
use crate::processor::Processor;
use crate::tiles::{Kind, Tiles};
use crate::vector::{Isa, Kernel, LANES, launch};

/// Columns that are unpacked together.
const BLOCK: usize = 512;

thread_local! {
    /// Unpacked columns of two tiles.
    static PANEL: RefCell<Pages<f32>> = RefCell::new(Pages::zeroed(2 * BLOCK * LANES));
}

pub(super) fn products(processor: &Processor, input: &Input, jobs: &mut [Product<'_>]) {
    share_out(processor, jobs, |_| 2, &|share, tiles| {
        PANEL.with_borrow_mut(|panel| piece(processor.machine(), input, share, tiles, panel));
    });
}

/// One tile or two.
fn piece(machine: Machine, input: &Input, share: &Share<'_>, tiles: Range<usize>, panel: &mut [f32]) {
    let (cols, weights) = (input.cols(), share.weights);
    let block = match weights.kind {
        Kind::Codes(codes) if BLOCK.is_multiple_of(codes.group) => BLOCK,
        Kind::Codes(codes) => codes.group,
        _ => BLOCK,
    };
    for start in (0..cols).step_by(block) {
        let columns = start..(start + block).min(cols);
        for (half, tile) in panel.chunks_exact_mut(BLOCK * LANES).zip(tiles.clone()) {
            unpack::floats(machine, weights.kind, weights.tile(tile), columns.clone(), half);
        }
        launch(machine, Block { input, share, tiles: tiles.clone(), columns, panel });
    }
}

/// Adds the products of one block of columns.
struct Block<'a> {
    input: &'a Input,
    share: &'a Share<'a>,
    tiles: Range<usize>,
    columns: Range<usize>,
    panel: &'a [f32],
}

impl Kernel for Block<'_> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<I: Isa>(self) {
        let rows = self.input.rows();
        let mut row = 0;
        if self.tiles.len() == 2 && I::MANY_REGISTERS {
            while row + 8 <= rows {
                self.rows::<I, 8, 2>(row, 0);
                row += 8;
            }
            while row < rows {
                self.rows::<I, 1, 2>(row, 0);
                row += 1;
            }
            return;
        }
        for half in 0..self.tiles.len() {
            let mut row = 0;
            while row + 4 <= rows {
                self.rows::<I, 4, 1>(row, half);
                row += 4;
            }
            while row < rows {
                self.rows::<I, 1, 1>(row, half);
                row += 1;
            }
        }
    }
}

impl Block<'_> {
    #[inline(always)]
    unsafe fn rows<I: Isa, const ROWS: usize, const TILES: usize>(&self, row: usize, half: usize) {
        let cols = self.input.cols();
        let x = self.input.values().as_ptr().add(row * cols + self.columns.start);
        let panel = self.panel.as_ptr().add(half * BLOCK * LANES);
        let mut sums = [[I::splat(0.0); TILES]; ROWS];
        for column in 0..self.columns.len() {
            let mut w = [I::splat(0.0); TILES];
            for (tile, w) in w.iter_mut().enumerate() {
                *w = I::load(panel.add((tile * BLOCK + column) * LANES));
            }
            for (row, sums) in sums.iter_mut().enumerate() {
                let x = I::splat(*x.add(row * cols + column));
                for (sum, w) in sums.iter_mut().zip(w) {
                    *sum = I::fma(x, w, *sum);
                }
            }
        }
        let first = self.columns.start == 0;
        for (at, sums) in sums.into_iter().enumerate() {
            for (tile, sum) in sums.into_iter().enumerate() {
                add::<I>(self.share, row + at, self.tiles.start + half + tile, sum, first);
            }
        }
    }
}

/// Writes one tile's results for one row, or adds them to what is there.
#[inline(always)]
unsafe fn add<I: Isa>(share: &Share<'_>, row: usize, tile: usize, sum: I::F, first: bool) {
    let weights: &Tiles = share.weights;
    let place = weights.rows_of(tile);
    let start = row * weights.rows();
    let out = share.out.part(start + place.start..start + place.end);
    let mut all = [0f32; LANES];
    if out.len() == LANES {
        let sum = if first { sum } else { I::add(sum, I::load(out.as_ptr())) };
        I::store(out.as_mut_ptr(), sum);
        return;
    }
    if !first {
        all[..out.len()].copy_from_slice(out);
    }
    let sum = if first { sum } else { I::add(sum, I::load(all.as_ptr())) };
    I::store(all.as_mut_ptr(), sum);
    out.copy_from_slice(&all[..out.len()]);
}
