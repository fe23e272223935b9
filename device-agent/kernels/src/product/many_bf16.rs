//! Many rows in bf16, summed in f32: by matrix tiles where the processor has them, else by dot products of
//! pairs. Codes are unpacked to bf16 once for all rows; weights stored in bf16 are used where they lie.

use std::cell::RefCell;
use std::ops::Range;

use super::Product;
use super::share::{Share, share_out};
use super::unpack;
use crate::input::Input;
use crate::pages::Pages;
use crate::processor::Processor;
use crate::tiles::Kind;
use crate::vector::LANES;

thread_local! {
    /// Two tiles, unpacked; grows to the widest matrix.
    static PANEL: RefCell<Pages<u16>> = RefCell::new(Pages::zeroed(0));
}

/// One or two tiles in bf16 against all rows.
#[derive(Clone, Copy)]
pub(crate) struct Pair<'a> {
    /// `[row][column]`, rows of zeroes up to a multiple of sixteen.
    pub(crate) activations: &'a [u16],
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    /// Each `[column / 2][row][column % 2]`.
    pub(crate) weights: [&'a [u16]; 2],
    pub(crate) tiles: usize,
}

pub(super) fn products(processor: &Processor, input: &Input, jobs: &mut [Product<'_>]) {
    share_out(processor, jobs, |_| 2, &|share, tiles| {
        PANEL.with_borrow_mut(|panel| piece(processor, input, share, tiles, panel));
    });
}

fn piece(
    processor: &Processor,
    input: &Input,
    share: &Share<'_>,
    tiles: Range<usize>,
    panel: &mut Pages<u16>,
) {
    let (cols, weights) = (input.cols(), share.weights);
    let size = cols * LANES;
    let as_stored = weights.kind == Kind::Bf16;
    if !as_stored {
        if panel.len() < 2 * size {
            *panel = Pages::zeroed(2 * size);
        }
        for (half, tile) in panel.chunks_exact_mut(size).zip(tiles.clone()) {
            unpack::pairs(processor.machine(), weights.kind, weights.tile(tile), 0..cols, half);
        }
    }
    let of = |index: usize| -> &[u16] {
        let tile = tiles.start + index;
        match (as_stored, tile < tiles.end) {
            (_, false) => &[],
            (true, true) => halves(weights.tile(tile)),
            (false, true) => &panel[index * size..(index + 1) * size],
        }
    };
    let pair = Pair {
        activations: input.brief(),
        rows: input.rows(),
        cols,
        weights: [of(0), of(1)],
        tiles: tiles.len(),
    };
    crate::bf16::multiply(processor.machine(), pair, |row, tile, values| {
        let place = weights.rows_of(tiles.start + tile);
        let start = row * weights.rows();
        // SAFETY: this piece alone writes these rows of its tiles.
        let out = unsafe { share.out.part(start + place.start..start + place.end) };
        out.copy_from_slice(&values[..out.len()]);
    });
}

/// Bytes of a tile as halves of words; tiles begin on cache lines.
fn halves(bytes: &[u8]) -> &[u16] {
    // SAFETY: any bits are a number, and the parts that do not fit are cut off.
    let (before, halves, _) = unsafe { bytes.align_to::<u16>() };
    assert!(before.is_empty(), "tiles are aligned");
    halves
}
