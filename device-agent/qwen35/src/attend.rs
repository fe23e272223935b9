//! Softmax attention between ready-made queries, keys and values: the inner function of the text and the
//! vision layers. Knows nothing of projections, positions or caches.

use candle_core::{Device, Tensor};
use candle_nn::ops::softmax_last_dim;

use crate::error::Result;

/// Query rows that are scored at once. Bounds the score matrix to this many rows per head.
const ROWS: usize = 256;

/// `q` `[heads, T, D]` against `k` and `v` `[kv heads, U, D]`; query head `i` reads key head
/// `i / (heads / kv heads)`. With `causal`, the queries are the last `T` of the `U` tokens and see nothing
/// after themselves. Returns `[heads, T, D]`.
pub fn attend(q: &Tensor, k: &Tensor, v: &Tensor, causal: bool) -> Result<Tensor> {
    let (heads, tokens, dim) = q.dims3()?;
    let (kv_heads, keys, _) = k.dims3()?;
    let group = heads / kv_heads;
    let q = (q * (dim as f64).powf(-0.5))?;
    let mut outputs = Vec::with_capacity(tokens.div_ceil(ROWS));
    for start in (0..tokens).step_by(ROWS) {
        let rows = ROWS.min(tokens - start);
        let seen = if causal { keys - tokens + start + rows } else { keys };
        // The heads that share keys become extra rows of one product, so keys are never repeated.
        let q = q.narrow(1, start, rows)?.contiguous()?.reshape((kv_heads, group * rows, dim))?;
        let scores = q.matmul(&k.narrow(1, 0, seen)?.transpose(1, 2)?)?;
        let scores = if causal && rows > 1 {
            let scores = scores.reshape((heads, rows, seen))?;
            scores.broadcast_add(&mask(rows, seen, q.device())?)?.reshape((kv_heads, group * rows, seen))?
        } else {
            scores
        };
        let mixed = softmax_last_dim(&scores)?.matmul(&v.narrow(1, 0, seen)?)?;
        outputs.push(mixed.reshape((heads, rows, dim))?);
    }
    if outputs.len() == 1 {
        return Ok(outputs.swap_remove(0));
    }
    Ok(Tensor::cat(&outputs, 1)?)
}

fn mask(rows: usize, seen: usize, device: &Device) -> Result<Tensor> {
    let first = seen - rows;
    let values: Vec<f32> = (0..rows)
        .flat_map(|row| (0..seen).map(move |key| if key <= first + row { 0.0 } else { f32::NEG_INFINITY }))
        .collect();
    Ok(Tensor::from_vec(values, (rows, seen), device)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One query at a time over the keys it may see must equal all queries at once.
    #[test]
    fn rows_at_once_equal_rows_one_by_one() -> Result<()> {
        let device = Device::Cpu;
        let (tokens, keys) = (ROWS + 3, ROWS + 10);
        let q = Tensor::randn(0f32, 1.0, (4, tokens, 8), &device)?;
        let k = Tensor::randn(0f32, 1.0, (2, keys, 8), &device)?;
        let v = Tensor::randn(0f32, 1.0, (2, keys, 8), &device)?;
        let all = attend(&q, &k, &v, true)?;
        for t in [0, 1, ROWS - 1, ROWS, tokens - 1] {
            let seen = keys - tokens + t + 1;
            let (k, v) = (k.narrow(1, 0, seen)?, v.narrow(1, 0, seen)?);
            let one = attend(&q.narrow(1, t, 1)?, &k, &v, true)?;
            let gap = (all.narrow(1, t, 1)? - one)?.abs()?.max_all()?.to_scalar::<f32>()?;
            assert!(gap < 1e-5, "row {t} differs by {gap}");
        }
        Ok(())
    }
}
