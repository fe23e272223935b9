//! Weights as the kernels read them: tiles of sixteen rows, one lane for each, in one stream from the first
//! column to the last. Repacked once from the stored bytes and without loss: codes stay codes of the same
//! width, scales stay in their stored type. The stored bytes are not needed afterwards.

mod layout;
mod pack;
mod rows;
pub(crate) mod scale;
pub(crate) mod width;

use std::ops::Range;

use crate::pages::Pages;
use crate::team::Team;
use crate::vector::LANES;
pub(crate) use layout::{Codes, Kind, Scales};

/// The float type of scales that lie beside their codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    F32,
    F16,
    Bf16,
}

/// How a stored matrix is encoded. Rows are contiguous in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    F32,
    F16,
    Bf16,
    /// A little-endian stream of codes; `scale * code + bias` for every `group` of them.
    Affine {
        bits: u8,
        group: usize,
        side: Side,
    },
    /// GGUF's blocks, by their names there.
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2K,
    Q3K,
    Q4K,
    Q5K,
    Q6K,
}

/// A matrix as it lies in a file.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    pub encoding: Encoding,
    pub rows: usize,
    pub cols: usize,
    pub codes: &'a [u8],
    /// Empty unless the encoding keeps them apart, and so are the biases.
    pub scales: &'a [u8],
    pub biases: &'a [u8],
}

/// A repacked matrix.
#[derive(Debug)]
pub struct Tiles {
    rows: usize,
    cols: usize,
    pub(crate) kind: Kind,
    tile_bytes: usize,
    bytes: Pages<u8>,
}

impl Tiles {
    /// Repacks. The bytes must be exactly what the shape needs, and a row must hold whole blocks.
    pub fn pack(team: &Team, stored: &Stored<'_>) -> Self {
        let kind = Kind::of(stored.encoding, stored.cols);
        let tile_bytes = kind.tile_bytes(stored.cols);
        let tiles = stored.rows.div_ceil(LANES);
        let mut bytes = Pages::zeroed(tiles * tile_bytes);
        pack::pack(team, stored, kind, tile_bytes, &mut bytes);
        Self { rows: stored.rows, cols: stored.cols, kind, tile_bytes, bytes }
    }

    /// Output width.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Input width.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Bytes in memory: what one product with a single row reads.
    pub fn bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Writes row `row` as floats.
    pub fn read_row(&self, row: usize, out: &mut [f32]) {
        assert!(row < self.rows && out.len() == self.cols, "row {row} of {} by {}", self.rows, self.cols);
        rows::read(self.kind, self.tile(row / LANES), row % LANES, out);
    }

    pub(crate) fn count(&self) -> usize {
        self.rows.div_ceil(LANES)
    }

    pub(crate) fn tile_bytes(&self) -> usize {
        self.tile_bytes
    }

    pub(crate) fn tile(&self, index: usize) -> &[u8] {
        &self.bytes[index * self.tile_bytes..(index + 1) * self.tile_bytes]
    }

    /// The rows that tile `index` holds.
    pub(crate) fn rows_of(&self, index: usize) -> Range<usize> {
        index * LANES..((index + 1) * LANES).min(self.rows)
    }
}

#[cfg(test)]
mod tests;
