//! Reading the scales of a group for sixteen rows at once.

use super::Scales as Layout;
use super::Side;
use crate::vector::{Isa, LANES};

/// One way of scaling, as laid out by [`Layout`].
pub(crate) trait Scales {
    /// Whether a group adds something to its scaled codes.
    const BIAS: bool;
    /// Whether there are upper scales before every 256 columns.
    const UPPER: bool = false;

    /// The upper scales at `from`; not read where there are none.
    #[inline(always)]
    unsafe fn upper<I: Isa>(_from: *const u8) -> (I::F, I::F) {
        (I::splat(0.0), I::splat(0.0))
    }

    /// Scale and bias of the group whose head is at `from`.
    unsafe fn read<I: Isa>(layout: Layout, upper: (I::F, I::F), from: *const u8) -> (I::F, I::F);
}

pub(crate) struct Pair;
pub(crate) struct One;
pub(crate) struct SuperPair;
pub(crate) struct SuperOne;

impl Scales for Pair {
    const BIAS: bool = true;
    #[inline(always)]
    unsafe fn read<I: Isa>(layout: Layout, _upper: (I::F, I::F), from: *const u8) -> (I::F, I::F) {
        // The branch is the same for a whole matrix, and so costs nothing beside the loads.
        match layout {
            Layout::Pair(Side::F32) => (I::load(from.cast()), I::load(from.add(4 * LANES).cast())),
            Layout::Pair(Side::F16) => (I::load_f16(from.cast()), I::load_f16(from.add(2 * LANES).cast())),
            _ => (I::load_bf16(from.cast()), I::load_bf16(from.add(2 * LANES).cast())),
        }
    }
}

impl Scales for One {
    const BIAS: bool = false;
    #[inline(always)]
    unsafe fn read<I: Isa>(_layout: Layout, _upper: (I::F, I::F), from: *const u8) -> (I::F, I::F) {
        (I::load_f16(from.cast()), I::splat(0.0))
    }
}

impl Scales for SuperPair {
    const BIAS: bool = true;
    const UPPER: bool = true;
    #[inline(always)]
    unsafe fn upper<I: Isa>(from: *const u8) -> (I::F, I::F) {
        let minimum = I::load_f16(from.add(2 * LANES).cast());
        (I::load_f16(from.cast()), I::sub(I::splat(0.0), minimum))
    }
    #[inline(always)]
    unsafe fn read<I: Isa>(_layout: Layout, upper: (I::F, I::F), from: *const u8) -> (I::F, I::F) {
        (I::mul(upper.0, I::load_u8(from)), I::mul(upper.1, I::load_u8(from.add(LANES))))
    }
}

impl Scales for SuperOne {
    const BIAS: bool = false;
    const UPPER: bool = true;
    #[inline(always)]
    unsafe fn upper<I: Isa>(from: *const u8) -> (I::F, I::F) {
        (I::load_f16(from.cast()), I::splat(0.0))
    }
    #[inline(always)]
    unsafe fn read<I: Isa>(_layout: Layout, upper: (I::F, I::F), from: *const u8) -> (I::F, I::F) {
        (I::mul(upper.0, I::load_i8(from)), I::splat(0.0))
    }
}

/// Calls `$call::<WIDTH, SCALES>` with the types that a layout of codes names.
macro_rules! with_layout {
    ($layout:expr, $call:ident, $($argument:expr),*) => {{
        use crate::tiles::scale::{One, Pair, SuperOne, SuperPair};
        use crate::tiles::width::{Bits2, Bits3, Bits4, Bits5, Bits6, Bits8};
        use crate::tiles::Scales as Layout;
        match ($layout.scales, $layout.bits) {
            (Layout::Pair(_), 2) => $call::<Bits2, Pair>($($argument),*),
            (Layout::Pair(_), 3) => $call::<Bits3, Pair>($($argument),*),
            (Layout::Pair(_), 4) => $call::<Bits4, Pair>($($argument),*),
            (Layout::Pair(_), 5) => $call::<Bits5, Pair>($($argument),*),
            (Layout::Pair(_), 6) => $call::<Bits6, Pair>($($argument),*),
            (Layout::Pair(_), _) => $call::<Bits8, Pair>($($argument),*),
            (Layout::One, 4) => $call::<Bits4, One>($($argument),*),
            (Layout::One, 5) => $call::<Bits5, One>($($argument),*),
            (Layout::One, _) => $call::<Bits8, One>($($argument),*),
            (Layout::SuperPair, 2) => $call::<Bits2, SuperPair>($($argument),*),
            (Layout::SuperPair, 4) => $call::<Bits4, SuperPair>($($argument),*),
            (Layout::SuperPair, _) => $call::<Bits5, SuperPair>($($argument),*),
            (Layout::SuperOne, 4) => $call::<Bits4, SuperOne>($($argument),*),
            (Layout::SuperOne, _) => $call::<Bits6, SuperOne>($($argument),*),
        }
    }};
}
pub(crate) use with_layout;
