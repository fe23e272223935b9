//! Where things are in a tile. Per group of columns: sixteen scales, sixteen biases where there are any, then
//! the codes in units of a few columns; before every 256 columns of the two-level formats, their upper scales.

use super::{Encoding, Side};
use crate::vector::LANES;

/// Columns under one upper scale of the two-level formats.
pub(crate) const SUPER: usize = 256;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `[column][row]`
    F32,
    /// `[column][row]`
    F16,
    /// `[column / 2][row][column % 2]`
    Bf16,
    Codes(Codes),
}

/// Integer codes with scales.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Codes {
    pub(crate) bits: u8,
    /// Columns that share a scale.
    pub(crate) group: usize,
    /// What is taken off every code before it is scaled.
    pub(crate) zero: i32,
    pub(crate) scales: Scales,
}

/// How a group is scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scales {
    /// A scale and a bias.
    Pair(Side),
    /// A scale in f16.
    One,
    /// Under two upper f16 scales, a whole-number scale and a whole-number minimum.
    SuperPair,
    /// Under one upper f16 scale, a signed whole-number scale.
    SuperOne,
}

impl Scales {
    /// Bytes before the codes of a group.
    pub(crate) const fn group_head(self) -> usize {
        match self {
            Self::Pair(Side::F32) => 8 * LANES,
            Self::Pair(Side::F16 | Side::Bf16) => 4 * LANES,
            Self::One | Self::SuperPair => 2 * LANES,
            Self::SuperOne => LANES,
        }
    }

    /// Bytes before every [`SUPER`] columns.
    pub(crate) const fn super_head(self) -> usize {
        match self {
            Self::SuperPair => 4 * LANES,
            Self::SuperOne => 2 * LANES,
            Self::Pair(_) | Self::One => 0,
        }
    }
}

impl Codes {
    /// Bytes of one group without its scales.
    pub(crate) const fn code_bytes(self) -> usize {
        self.group * LANES * self.bits as usize / 8
    }

    /// Where group `index` begins in its tile.
    pub(crate) const fn group_start(self, index: usize) -> usize {
        let supers = index * self.group / SUPER + 1;
        supers * self.scales.super_head() + index * (self.scales.group_head() + self.code_bytes())
    }
}

impl Kind {
    pub(crate) fn of(encoding: Encoding, cols: usize) -> Self {
        let codes = |bits, group, zero, scales| Self::Codes(Codes { bits, group, zero, scales });
        match encoding {
            Encoding::F16 => Self::F16,
            Encoding::Bf16 if cols.is_multiple_of(2) => Self::Bf16,
            // Columns of bf16 go in pairs; with an odd one the matrix becomes f32, which is exact.
            Encoding::F32 | Encoding::Bf16 => Self::F32,
            Encoding::Affine { bits, group, side } => codes(bits, group, 0, Scales::Pair(side)),
            Encoding::Q4_0 => codes(4, 32, 8, Scales::One),
            Encoding::Q4_1 => codes(4, 32, 0, Scales::Pair(Side::F16)),
            Encoding::Q5_0 => codes(5, 32, 16, Scales::One),
            Encoding::Q5_1 => codes(5, 32, 0, Scales::Pair(Side::F16)),
            Encoding::Q8_0 => codes(8, 32, 128, Scales::One),
            Encoding::Q2K => codes(2, 16, 0, Scales::SuperPair),
            // Three bits of sixteen columns are no whole number of registers, so each is given four.
            Encoding::Q3K => codes(4, 16, 4, Scales::SuperOne),
            Encoding::Q4K => codes(4, 32, 0, Scales::SuperPair),
            Encoding::Q5K => codes(5, 32, 0, Scales::SuperPair),
            Encoding::Q6K => codes(6, 16, 32, Scales::SuperOne),
        }
    }

    pub(crate) fn tile_bytes(self, cols: usize) -> usize {
        match self {
            Self::F32 => 4 * LANES * cols,
            Self::F16 | Self::Bf16 => 2 * LANES * cols,
            Self::Codes(codes) => {
                let groups = cols / codes.group;
                groups * (codes.scales.group_head() + codes.code_bytes())
                    + (cols / SUPER) * codes.scales.super_head()
            }
        }
    }
}
