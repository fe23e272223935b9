//! One tensor of an opened checkpoint: where it came from, how it is stored, and what stands between its
//! stored values and the Hugging Face convention.

use std::path::Path;
use std::sync::Arc;

use crate::WeightError;
use crate::matrix::Matrix;
use crate::synthetic::Seeded;

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) file: Arc<Path>,
    /// The name inside the file, for messages.
    pub(crate) source: String,
    /// Outermost dimension first; logical (of values, not of packed words).
    pub(crate) shape: Vec<usize>,
    pub(crate) stored: Stored,
    pub(crate) fix: Fix,
}

#[derive(Clone, Debug)]
pub(crate) enum Stored {
    Matrix(Matrix),
    /// Made from a seed whenever it is asked for.
    Seeded(Arc<Seeded>),
    /// Of a type that no weight has; refused when asked for, so that unrelated tensors do no harm.
    Foreign(String),
}

/// What must be done to stored values to reach the Hugging Face convention.
#[derive(Clone, Debug)]
pub(crate) enum Fix {
    None,
    /// A zero-centred norm with the one already added.
    MinusOne,
    /// `-exp(A_log)` instead of `A_log`.
    LogOfNegated,
    /// Patch embedding `[hidden, time, height, width, channel]`.
    PatchChannelsLast,
    /// Patch embedding as two tensors, one per frame; this is the second.
    PatchSecondFrame(Matrix),
    /// Query or key rows in the interleaved rotary order of llama-style GGUF, per head of so many rows.
    InterleavedRotary {
        head_rows: usize,
    },
}

impl Entry {
    pub(crate) fn error(&self, what: impl Into<String>) -> WeightError {
        WeightError::tensor(&self.file, &self.source, what)
    }

    /// The stored bytes, made now if they come from a seed.
    pub(crate) fn matrix(&self) -> Result<Matrix, WeightError> {
        match &self.stored {
            Stored::Matrix(matrix) => Ok(matrix.clone()),
            Stored::Seeded(seeded) => seeded.generate().map_err(|what| self.error(what)),
            Stored::Foreign(dtype) => {
                Err(self.error(format!("has type {dtype}, which no weight format uses")))
            }
        }
    }

    pub(crate) fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether `wanted` names the same tensor: dimensions of one do not count, and a patch embedding may be
    /// asked for as a matrix.
    pub(crate) fn answers_to(&self, name: &str, wanted: &[usize]) -> bool {
        let squeezed = |shape: &[usize]| shape.iter().copied().filter(|d| *d != 1).collect::<Vec<_>>();
        if name == "visual.patch_embed.proj.weight" {
            let product = wanted.iter().try_fold(1usize, |all, d| all.checked_mul(*d));
            return wanted.first() == self.shape.first() && product == Some(self.elements());
        }
        squeezed(&self.shape) == squeezed(wanted)
    }

    /// Every value in the Hugging Face convention.
    pub(crate) fn values(&self) -> Result<Vec<f32>, WeightError> {
        let matrix = self.matrix()?;
        // Floats may be cut anywhere; one long row decodes faster than many tiny ones.
        let flat = if matrix.cols() < 32 { matrix.reshaped(1, matrix.rows() * matrix.cols()) } else { None };
        let mut values = flat.unwrap_or(matrix).to_f32();
        match &self.fix {
            Fix::None => {}
            Fix::MinusOne => values.iter_mut().for_each(|v| *v -= 1.0),
            Fix::LogOfNegated => {
                for v in &mut values {
                    if v.is_nan() || *v >= 0.0 {
                        return Err(self.error(format!("holds {v}, but -exp(A_log) is always below zero")));
                    }
                    *v = (-f64::from(*v)).ln() as f32;
                }
            }
            Fix::PatchChannelsLast => values = self.channels_first(&values)?,
            Fix::PatchSecondFrame(second) => values = self.interleave_frames(&values, &second.to_f32())?,
            Fix::InterleavedRotary { head_rows } => {
                let cols = self.shape.last().copied().unwrap_or(1);
                let old = values.clone();
                for (row, out) in values.chunks_exact_mut(cols).enumerate() {
                    let from = rotary_row(row, *head_rows);
                    out.copy_from_slice(&old[from * cols..(from + 1) * cols]);
                }
            }
        }
        Ok(values)
    }

    /// `-exp(A_log)`: as stored where it is stored so, else computed in f64 and rounded once, so that no
    /// platform's single-precision `exp` shows.
    pub(crate) fn neg_exp(&self) -> Result<Vec<f32>, WeightError> {
        if matches!(self.fix, Fix::LogOfNegated) {
            return Ok(self.matrix()?.to_f32());
        }
        Ok(self.values()?.into_iter().map(|a| (-f64::from(a).exp()) as f32).collect())
    }

    /// `[hidden, time, height, width, channel]` to `[hidden, channel, time, height, width]`.
    fn channels_first(&self, values: &[f32]) -> Result<Vec<f32>, WeightError> {
        let &[hidden, time, height, width, channels] = self.shape.as_slice() else {
            return Err(self.error("is a patch embedding without five dimensions"));
        };
        let inner = time * height * width;
        let mut out = Vec::with_capacity(values.len());
        for h in 0..hidden {
            for c in 0..channels {
                out.extend((0..inner).map(|i| values[(h * inner + i) * channels + c]));
            }
        }
        Ok(out)
    }

    /// Two `[hidden, channel, height, width]` halves to `[hidden, channel, 2, height, width]`.
    fn interleave_frames(&self, first: &[f32], second: &[f32]) -> Result<Vec<f32>, WeightError> {
        let &[hidden, channels, 2, height, width] = self.shape.as_slice() else {
            return Err(self.error("is half a patch embedding without five dimensions"));
        };
        let plane = height * width;
        if first.len() != hidden * channels * plane || second.len() != first.len() {
            return Err(self.error("differs in size from its second half"));
        }
        let planes = first.chunks_exact(plane).zip(second.chunks_exact(plane));
        Ok(planes.flat_map(|(a, b)| a.iter().chain(b).copied()).collect())
    }
}

/// Where row `row` of the Hugging Face order sits in llama-style GGUF, which pairs rotary halves up.
pub(crate) fn rotary_row(row: usize, head_rows: usize) -> usize {
    let (head, within) = (row / head_rows, row % head_rows);
    let (half, index) = (within / (head_rows / 2), within % (head_rows / 2));
    head * head_rows + index * 2 + half
}

impl Entry {
    pub(crate) fn format(&self) -> Option<crate::Format> {
        match &self.stored {
            Stored::Matrix(matrix) => Some(matrix.format()),
            Stored::Seeded(seeded) => Some(seeded.format()),
            Stored::Foreign(_) => None,
        }
    }

    pub(crate) fn stored_bytes(&self) -> u64 {
        let second = match &self.fix {
            Fix::PatchSecondFrame(second) => second.stored_bytes(),
            _ => 0,
        };
        second
            + match &self.stored {
                Stored::Matrix(matrix) => matrix.stored_bytes(),
                Stored::Seeded(seeded) => seeded.stored_bytes(),
                Stored::Foreign(_) => 0,
            }
    }
}
