//! A matrix in its stored format: byte ranges whose sizes were checked when it was made, and the one place
//! where rows become f32. Whoever replaces inner products by faster ones needs only `Packed`.

use std::ops::Range;

use rayon::prelude::*;

use crate::bytes::Bytes;
use crate::format::{Format, RowBytes, Side};
use crate::formats;

/// Rows and columns in a stored format. Cloning shares the bytes.
#[derive(Clone, Debug)]
pub(crate) struct Matrix {
    format: Format,
    side: Side,
    rows: usize,
    cols: usize,
    row: RowBytes,
    codes: Bytes,
    scales: Bytes,
    biases: Bytes,
}

/// The raw parts of a matrix, for kernels that work on packed weights. `scales` and `biases` are empty unless
/// the format keeps them apart; both then have one value per group, row after row.
#[derive(Clone, Copy, Debug)]
pub struct Packed<'a> {
    pub format: Format,
    pub side: Side,
    pub rows: usize,
    pub cols: usize,
    pub codes: &'a [u8],
    pub scales: &'a [u8],
    pub biases: &'a [u8],
}

impl Matrix {
    /// Checks that the bytes are exactly what the shape needs; the text of the error names the mismatch.
    pub(crate) fn new(
        format: Format,
        side: Side,
        (rows, cols): (usize, usize),
        codes: Bytes,
        scales: Bytes,
        biases: Bytes,
    ) -> Result<Self, String> {
        let row = format
            .row_bytes(cols, side)
            .ok_or_else(|| format!("has rows of {cols} elements, which {format} cannot hold"))?;
        if rows == 0 {
            return Err("has no rows".to_owned());
        }
        for (what, per_row, have) in [
            ("codes", row.codes, codes.len()),
            ("scales", row.scales, scales.len()),
            ("biases", row.biases, biases.len()),
        ] {
            if rows.checked_mul(per_row) != Some(have) {
                return Err(format!(
                    "has {have} bytes of {what}, but {rows}x{cols} {format} needs {per_row} per row"
                ));
            }
        }
        Ok(Self { format, side, rows, cols, row, codes, scales, biases })
    }

    /// A matrix without separate scales.
    pub(crate) fn plain(format: Format, shape: (usize, usize), codes: Bytes) -> Result<Self, String> {
        let none = || Bytes::from(Vec::new());
        Self::new(format, Side::Bf16, shape, codes, none(), none())
    }

    /// A dense f32 matrix made in memory.
    pub(crate) fn dense(shape: (usize, usize), values: &[f32]) -> Result<Self, String> {
        Self::plain(Format::F32, shape, Bytes::from(formats::float::to_f32_bytes(values)))
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn cols(&self) -> usize {
        self.cols
    }

    pub(crate) fn stored_bytes(&self) -> u64 {
        (self.codes.len() + self.scales.len() + self.biases.len()) as u64
    }

    pub(crate) fn packed(&self) -> Packed<'_> {
        Packed {
            format: self.format,
            side: self.side,
            rows: self.rows,
            cols: self.cols,
            codes: &self.codes,
            scales: &self.scales,
            biases: &self.biases,
        }
    }

    /// See [`Bytes::let_go`].
    pub(crate) fn let_go(&self) {
        for bytes in [&self.codes, &self.scales, &self.biases] {
            bytes.let_go();
        }
    }

    /// The rows in `range` as a matrix of their own, sharing the bytes.
    pub(crate) fn view(&self, range: Range<usize>) -> Option<Self> {
        if range.is_empty() || range.end > self.rows {
            return None;
        }
        let cut = |bytes: &Bytes, per_row: usize| bytes.slice(range.start * per_row..range.end * per_row);
        Some(Self {
            rows: range.len(),
            codes: cut(&self.codes, self.row.codes)?,
            scales: cut(&self.scales, self.row.scales)?,
            biases: cut(&self.biases, self.row.biases)?,
            ..self.clone()
        })
    }

    /// The same bytes read as another number of equally long rows (a stacked tensor laid flat).
    pub(crate) fn reshaped(&self, rows: usize, cols: usize) -> Option<Self> {
        if rows.checked_mul(cols)? != self.rows * self.cols {
            return None;
        }
        let Self { format, side, codes, scales, biases, .. } = self.clone();
        Self::new(format, side, (rows, cols), codes, scales, biases).ok()
    }

    /// A copy whose row `i` is row `order(i)` of this one.
    pub(crate) fn gathered(&self, order: impl Fn(usize) -> usize) -> Self {
        let copy = |bytes: &Bytes, per_row: usize| {
            let mut out = Vec::with_capacity(bytes.len());
            for i in 0..self.rows {
                let from = order(i) * per_row;
                out.extend_from_slice(&bytes[from..from + per_row]);
            }
            Bytes::from(out)
        };
        Self {
            codes: copy(&self.codes, self.row.codes),
            scales: copy(&self.scales, self.row.scales),
            biases: copy(&self.biases, self.row.biases),
            ..self.clone()
        }
    }

    /// The stored bytes of one row: codes, scales, biases.
    pub(crate) fn row(&self, row: usize) -> (&[u8], &[u8], &[u8]) {
        let at = |per_row: usize| row * per_row..(row + 1) * per_row;
        let codes = &self.codes[at(self.row.codes)];
        (codes, &self.scales[at(self.row.scales)], &self.biases[at(self.row.biases)])
    }

    /// Writes row `row` as f32. `out` must hold `cols` values.
    pub(crate) fn read_row(&self, row: usize, out: &mut [f32]) {
        let (codes, scales, biases) = self.row(row);
        formats::decode_row(self.format, self.side, codes, scales, biases, out);
    }

    /// Every element as f32, row after row.
    pub(crate) fn to_f32(&self) -> Vec<f32> {
        let mut out = vec![0f32; self.rows * self.cols];
        out.par_chunks_mut(self.cols).enumerate().for_each(|(row, out)| self.read_row(row, out));
        out
    }
}
