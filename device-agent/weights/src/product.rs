//! Matrix times activations, the one entry that a faster kernel replaces. Every weight row is decoded once,
//! however many activation rows there are.

use candle_core::{Device, Result, Tensor};
use rayon::prelude::*;

use crate::matrix::Matrix;

/// Weight rows decoded together; large enough to amortise a task, small enough to stay in cache.
const TILE_ROWS: usize = 32;
/// From this many activation rows on, a general matrix product beats dot products.
const DENSE_FROM: usize = 8;

/// `x` holds `n` rows of `cols` values; the result `n` rows of `rows` values.
pub(crate) fn product(weight: &Matrix, x: &[f32], n: usize) -> Result<Vec<f32>> {
    let (rows, cols) = (weight.rows(), weight.cols());
    // Computed with weight rows outermost, so that each task owns a contiguous part of the output.
    let mut by_weight_row = vec![0f32; rows * n];
    let activations = Tensor::from_slice(x, (n, cols), &Device::Cpu)?.t()?;
    by_weight_row.par_chunks_mut(TILE_ROWS * n).enumerate().try_for_each_init(
        || vec![0f32; cols * TILE_ROWS],
        |tile, (index, out)| -> Result<()> {
            let first = index * TILE_ROWS;
            let height = out.len() / n;
            for (i, row) in tile.chunks_exact_mut(cols).take(height).enumerate() {
                weight.read_row(first + i, row);
            }
            if n >= DENSE_FROM {
                let tile = Tensor::from_slice(&tile[..height * cols], (height, cols), &Device::Cpu)?;
                out.copy_from_slice(&tile.matmul(&activations)?.flatten_all()?.to_vec1::<f32>()?);
            } else {
                for (out, row) in out.chunks_exact_mut(n).zip(tile.chunks_exact(cols)) {
                    for (value, x) in out.iter_mut().zip(x.chunks_exact(cols)) {
                        *value = dot(row, x);
                    }
                }
            }
            Ok(())
        },
    )?;
    if n == 1 {
        return Ok(by_weight_row);
    }
    let mut out = vec![0f32; rows * n];
    out.par_chunks_mut(rows).enumerate().for_each(|(i, out)| {
        for (row, value) in out.iter_mut().enumerate() {
            *value = by_weight_row[row * n + i];
        }
    });
    Ok(out)
}

/// Eight running sums, so that the compiler may use vector registers and rounding stays small.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; 8];
    let (a_chunks, a_rest) = a.as_chunks::<8>();
    let (b_chunks, b_rest) = b.as_chunks::<8>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}
