//! One tensor on its way out: where its rows come from, in which order, and in what format they go. Rows are
//! encoded in runs, so that no tensor is ever held as f32 in full.

use crate::WeightError;
use crate::format::{Format, RowBytes, Side};
use crate::formats::encode::{Encoded, can_encode, encode_rows};
use crate::matrix::Matrix;

use super::v_heads::Reorder;

/// Values decoded at once.
const RUN_VALUES: usize = 1 << 22;

/// Gives the equally large matrices that, laid end to end, are the rows of a tensor.
type MakeRows<'a> = Box<dyn Fn() -> Result<Vec<Matrix>, WeightError> + 'a>;

/// Where rows come from.
pub(crate) enum Source<'a> {
    /// Asked for only when it is the tensor's turn, because synthetic matrices are made then.
    Rows(MakeRows<'a>),
    /// Values already converted, row after row; for small tensors only.
    Values(Vec<f32>),
}

/// A tensor to be written.
pub(crate) struct Piece<'a> {
    /// The name in the new file.
    pub(crate) name: String,
    /// The shape in the new file, outermost first.
    pub(crate) shape: Vec<usize>,
    pub(crate) format: Format,
    pub(crate) side: Side,
    pub(crate) source: Source<'a>,
    pub(crate) reorder: Reorder,
}

/// A source at the time of writing.
enum Content<'a> {
    Rows(Vec<Matrix>),
    Values(&'a [f32]),
}

impl Piece<'_> {
    pub(crate) fn cols(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    pub(crate) fn rows(&self) -> usize {
        self.shape.iter().rev().skip(1).product()
    }

    /// Bytes per row in the new file, once it is known that the format can hold the shape.
    pub(crate) fn row_bytes(&self) -> Result<RowBytes, String> {
        let row = self.format.row_bytes(self.cols(), self.side).filter(|_| can_encode(self.format));
        row.ok_or_else(|| format!("of shape {:?} cannot be written as {}", self.shape, self.format))
    }

    /// Encodes the rows run by run and hands each run to `take`.
    pub(crate) fn encode(
        &self,
        mut take: impl FnMut(Encoded) -> Result<(), WeightError>,
        wrong: impl Fn(String) -> WeightError,
    ) -> Result<(), WeightError> {
        let (rows, cols) = (self.rows(), self.cols());
        let content = match &self.source {
            Source::Rows(make) => Content::Rows(make()?),
            Source::Values(values) => Content::Values(values),
        };
        let run = (RUN_VALUES / cols).max(1);
        for first in (0..rows).step_by(run) {
            let last = (first + run).min(rows);
            let encoded = match self.copied(&content, first, last) {
                Some(encoded) => encoded,
                None => encode_rows(self.format, self.side, cols, &self.values(&content, first, last))
                    .map_err(&wrong)?,
            };
            take(encoded)?;
        }
        Ok(())
    }

    /// Rows that are stored in the wanted format already are copied, not decoded and rounded again.
    fn copied(&self, content: &Content<'_>, first: usize, last: usize) -> Option<Encoded> {
        let Content::Rows(parts) = content else { return None };
        let same = parts.iter().all(|m| {
            let side = !self.format.is_mlx() || m.packed().side == self.side;
            m.format() == self.format && m.cols() == self.cols() && side
        });
        if !same || self.reorder.cols.is_some() {
            return None;
        }
        let mut out = Encoded::default();
        for row in first..last {
            let (matrix, row) = self.locate(parts, row);
            let (codes, scales, biases) = matrix.row(row);
            out.codes.extend_from_slice(codes);
            out.scales.extend_from_slice(scales);
            out.biases.extend_from_slice(biases);
        }
        Some(out)
    }

    fn locate<'a>(&self, parts: &'a [Matrix], row: usize) -> (&'a Matrix, usize) {
        let row = self.reorder.rows.map_or(row, |order| order.source(row));
        let height = parts[0].rows();
        (&parts[row / height], row % height)
    }

    fn values(&self, content: &Content<'_>, first: usize, last: usize) -> Vec<f32> {
        let cols = self.cols();
        let mut out = vec![0f32; (last - first) * cols];
        let mut scratch = vec![0f32; cols];
        for (row, out) in (first..last).zip(out.chunks_exact_mut(cols)) {
            match content {
                Content::Rows(parts) => {
                    let (matrix, row) = self.locate(parts, row);
                    matrix.read_row(row, out);
                }
                Content::Values(values) => {
                    let row = self.reorder.rows.map_or(row, |order| order.source(row));
                    out.copy_from_slice(&values[row * cols..(row + 1) * cols]);
                }
            }
            if let Some(order) = self.reorder.cols {
                scratch.copy_from_slice(out);
                for (col, value) in out.iter_mut().enumerate() {
                    *value = scratch[order.source(col)];
                }
            }
        }
        out
    }
}
