//! Tiles back to floats, sixteen rows and some columns at a time, for products of many rows: what unpacking
//! costs is shared by all of them.

use std::marker::PhantomData;
use std::ops::Range;

use crate::machine::Machine;
use crate::tiles::scale::{Scales, with_layout};
use crate::tiles::width::Width;
use crate::tiles::{Codes, Kind};
use crate::vector::{Isa, Kernel, LANES, launch};

/// Columns `columns` of a tile as f32, `[column][row]`. The range holds whole groups.
pub(super) fn floats(machine: Machine, kind: Kind, tile: &[u8], columns: Range<usize>, out: &mut [f32]) {
    assert!(out.len() >= columns.len() * LANES, "room for the columns");
    unpack(machine, kind, tile, columns, Sink::Floats(out.as_mut_ptr()));
}

/// As [`floats`], in bf16 and `[column / 2][row][column % 2]`.
pub(super) fn pairs(machine: Machine, kind: Kind, tile: &[u8], columns: Range<usize>, out: &mut [u16]) {
    assert!(out.len() >= columns.len() * LANES, "room for the columns");
    unpack(machine, kind, tile, columns, Sink::Pairs(out.as_mut_ptr()));
}

#[derive(Clone, Copy)]
enum Sink {
    Floats(*mut f32),
    Pairs(*mut u16),
}

fn unpack(machine: Machine, kind: Kind, tile: &[u8], columns: Range<usize>, sink: Sink) {
    match kind {
        Kind::Codes(codes) => with_layout!(codes, of_codes, machine, codes, tile, columns, sink),
        kind => launch(machine, OfFloats { kind, tile, columns, sink }),
    }
}

impl Sink {
    /// Four columns, the first of them at `column` counted from the range's start.
    #[inline(always)]
    unsafe fn put<I: Isa>(self, column: usize, x: [I::F; 4]) {
        match self {
            Self::Floats(to) => {
                for (j, x) in x.into_iter().enumerate() {
                    I::store(to.add((column + j) * LANES), x);
                }
            }
            Self::Pairs(to) => {
                I::store_pairs(to.add(column * LANES), x[0], x[1]);
                I::store_pairs(to.add((column + 2) * LANES), x[2], x[3]);
            }
        }
    }
}

struct OfFloats<'a> {
    kind: Kind,
    tile: &'a [u8],
    columns: Range<usize>,
    sink: Sink,
}

impl Kernel for OfFloats<'_> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<I: Isa>(self) {
        match self.sink {
            // Any number of columns.
            Sink::Floats(to) => {
                for (at, column) in self.columns.clone().enumerate() {
                    I::store(to.add(at * LANES), self.column::<I>(column));
                }
            }
            Sink::Pairs(_) => {
                for (at, column) in self.columns.clone().step_by(4).enumerate() {
                    let four = [
                        self.column::<I>(column),
                        self.column::<I>(column + 1),
                        self.column::<I>(column + 2),
                        self.column::<I>(column + 3),
                    ];
                    self.sink.put::<I>(4 * at, four);
                }
            }
        }
    }
}

impl OfFloats<'_> {
    #[inline(always)]
    unsafe fn column<I: Isa>(&self, column: usize) -> I::F {
        let from = self.tile.as_ptr();
        match self.kind {
            Kind::F16 => I::load_f16(from.cast::<u16>().add(LANES * column)),
            Kind::Bf16 => {
                let (even, odd) = I::load_pairs(from.cast::<u16>().add(LANES * (column - column % 2)));
                if column.is_multiple_of(2) { even } else { odd }
            }
            _ => I::load(from.cast::<f32>().add(LANES * column)),
        }
    }
}

fn of_codes<W: Width, S: Scales>(
    machine: Machine,
    codes: Codes,
    tile: &[u8],
    columns: Range<usize>,
    sink: Sink,
) {
    launch(machine, OfCodes::<W, S> { codes, tile, columns, sink, types: PhantomData });
}

struct OfCodes<'a, W, S> {
    codes: Codes,
    tile: &'a [u8],
    columns: Range<usize>,
    sink: Sink,
    types: PhantomData<(W, S)>,
}

impl<W: Width, S: Scales> Kernel for OfCodes<'_, W, S> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<I: Isa>(self) {
        let Self { codes, tile, columns, sink, .. } = self;
        let group = codes.group;
        let first = columns.start / group;
        // The scales above a group that is not the first under them lie further up.
        let per = if S::UPPER { 256 / group } else { 1 };
        let mut upper = (I::splat(0.0), I::splat(0.0));
        for index in first..columns.end / group {
            let mut at = tile.as_ptr().add(codes.group_start(index));
            if S::UPPER && (index == first || index.is_multiple_of(per)) {
                let opening = codes.group_start(index - index % per) - codes.scales.super_head();
                upper = S::upper::<I>(tile.as_ptr().add(opening));
            }
            let (scale, bias) = S::read::<I>(codes.scales, upper, at);
            // Exact: what is taken off is a power of two.
            let bias = I::fma(scale, I::splat(-codes.zero as f32), bias);
            at = at.add(codes.scales.group_head());
            let start = (index - first) * group;
            for unit in 0..group / (4 * W::QUADS) {
                for (quad, codes) in W::quads::<I>(at).into_iter().take(W::QUADS).enumerate() {
                    let four = [
                        I::fma(I::byte::<0>(codes), scale, bias),
                        I::fma(I::byte::<1>(codes), scale, bias),
                        I::fma(I::byte::<2>(codes), scale, bias),
                        I::fma(I::byte::<3>(codes), scale, bias),
                    ];
                    sink.put::<I>(start + 4 * (unit * W::QUADS + quad), four);
                }
                at = at.add(W::BYTES);
            }
        }
    }
}
