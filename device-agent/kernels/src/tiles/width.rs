//! The widths of codes: how the four codes that a lane multiplies at once come out of the bytes of a unit.
//! A byte holds two four-bit pieces, four two-bit ones or eight of one bit; odd widths are sums of those.

use crate::vector::{Isa, LANES};

/// One width of codes.
pub(crate) trait Width {
    const BITS: usize;
    /// Runs of four columns in a unit; at most [`MOST`].
    const QUADS: usize;
    /// Whether codes may be 64 or more.
    const WIDE: bool = false;
    /// Bytes of a unit: all its columns for sixteen rows.
    const BYTES: usize = Self::QUADS * 4 * LANES * Self::BITS / 8;

    /// The quads of the unit at `from`; those past [`Width::QUADS`] repeat the first. An array and no closure:
    /// a closure that is not inlined would be compiled without the instruction set.
    unsafe fn quads<I: Isa>(from: *const u8) -> [I::B; MOST];
}

/// The most quads of a unit.
pub(crate) const MOST: usize = 8;

pub(crate) struct Bits2;
pub(crate) struct Bits3;
pub(crate) struct Bits4;
pub(crate) struct Bits5;
pub(crate) struct Bits6;
pub(crate) struct Bits8;

/// Bytes of one register.
const LINE: usize = 64;

/// Two bits of each quad `0..4` out of one register.
macro_rules! crumb {
    ($isa:ident, $x:expr, $quad:expr, $left:literal) => {
        match $quad {
            0 => $isa::bits::<0, $left>($x, 3),
            1 => $isa::bits::<2, $left>($x, 3),
            2 => $isa::bits::<4, $left>($x, 3),
            _ => $isa::bits::<6, $left>($x, 3),
        }
    };
}

/// One bit of each quad `0..8` out of one register.
macro_rules! bit {
    ($isa:ident, $x:expr, $quad:expr, $left:literal) => {
        match $quad {
            0 => $isa::bits::<0, $left>($x, 1),
            1 => $isa::bits::<1, $left>($x, 1),
            2 => $isa::bits::<2, $left>($x, 1),
            3 => $isa::bits::<3, $left>($x, 1),
            4 => $isa::bits::<4, $left>($x, 1),
            5 => $isa::bits::<5, $left>($x, 1),
            6 => $isa::bits::<6, $left>($x, 1),
            _ => $isa::bits::<7, $left>($x, 1),
        }
    };
}

impl Width for Bits8 {
    const BITS: usize = 8;
    const QUADS: usize = 1;
    const WIDE: bool = true;
    #[inline(always)]
    unsafe fn quads<I: Isa>(from: *const u8) -> [I::B; MOST] {
        [I::bytes(from); MOST]
    }
}

impl Width for Bits4 {
    const BITS: usize = 4;
    const QUADS: usize = 2;
    #[inline(always)]
    unsafe fn quads<I: Isa>(from: *const u8) -> [I::B; MOST] {
        let x = I::bytes(from);
        let a = I::bits::<0, 0>(x, 15);
        [a, I::bits::<4, 0>(x, 15), a, a, a, a, a, a]
    }
}

impl Width for Bits2 {
    const BITS: usize = 2;
    const QUADS: usize = 4;
    #[inline(always)]
    unsafe fn quads<I: Isa>(from: *const u8) -> [I::B; MOST] {
        let x = I::bytes(from);
        let a = crumb!(I, x, 0, 0);
        [a, crumb!(I, x, 1, 0), crumb!(I, x, 2, 0), crumb!(I, x, 3, 0), a, a, a, a]
    }
}

/// Two registers of four-bit pieces, then one of the two bits above them.
impl Width for Bits6 {
    const BITS: usize = 6;
    const QUADS: usize = 4;
    #[inline(always)]
    unsafe fn quads<I: Isa>(from: *const u8) -> [I::B; MOST] {
        let (x, y, high) = (I::bytes(from), I::bytes(from.add(LINE)), I::bytes(from.add(2 * LINE)));
        let a = I::or(I::bits::<0, 0>(x, 15), crumb!(I, high, 0, 4));
        let b = I::or(I::bits::<4, 0>(x, 15), crumb!(I, high, 1, 4));
        let c = I::or(I::bits::<0, 0>(y, 15), crumb!(I, high, 2, 4));
        [a, b, c, I::or(I::bits::<4, 0>(y, 15), crumb!(I, high, 3, 4)), a, a, a, a]
    }
}

/// Four registers of four-bit pieces, then one of the bit above them.
impl Width for Bits5 {
    const BITS: usize = 5;
    const QUADS: usize = 8;
    #[inline(always)]
    unsafe fn quads<I: Isa>(from: *const u8) -> [I::B; MOST] {
        let high = I::bytes(from.add(4 * LINE));
        let mut out = [high; MOST];
        for pair in 0..4 {
            let x = I::bytes(from.add(pair * LINE));
            let (even, odd) = (2 * pair, 2 * pair + 1);
            out[even] = I::or(I::bits::<0, 0>(x, 15), bit!(I, high, even, 4));
            out[odd] = I::or(I::bits::<4, 0>(x, 15), bit!(I, high, odd, 4));
        }
        out
    }
}

/// Two registers of two-bit pieces, then one of the bit above them.
impl Width for Bits3 {
    const BITS: usize = 3;
    const QUADS: usize = 8;
    #[inline(always)]
    unsafe fn quads<I: Isa>(from: *const u8) -> [I::B; MOST] {
        let high = I::bytes(from.add(2 * LINE));
        let mut out = [high; MOST];
        for half in 0..2 {
            let x = I::bytes(from.add(half * LINE));
            for quad in 0..4 {
                let at = 4 * half + quad;
                out[at] = I::or(crumb!(I, x, quad, 0), bit!(I, high, at, 2));
            }
        }
        out
    }
}
