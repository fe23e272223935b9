//! The gated delta rule itself, in its two forms. Both take the state in and give it back, in f32:
//! one token after another (decode), and in blocks of matrix products (prefill).
//!
//! Per head, with state `S`: `S ← e^g S; d = β (v − Sᵀk); S ← S + k dᵀ; o = Sᵀ q`.

use candle_core::{D, DType, Device, Tensor};

use crate::error::Result;

/// Triangular blocks of up to this size are inverted row by row.
const SUBSTITUTED: usize = 16;

/// Inputs of the rule over `T` tokens and `H` value heads; queries and keys already normalised, scaled and
/// brought to one per value head.
#[derive(Debug, Clone)]
pub struct RuleInput {
    /// `[T, H, Dk]`
    pub q: Tensor,
    /// `[T, H, Dk]`
    pub k: Tensor,
    /// `[T, H, Dv]`
    pub v: Tensor,
    /// Log of the decay, never positive, `[T, H]`.
    pub g: Tensor,
    /// Write strength, `[T, H]`.
    pub beta: Tensor,
}

/// One token after another. `each` sees the state `[H, Dk, Dv]` after every token.
/// Returns the outputs `[T, H, Dv]` and the last state.
pub fn recurrent(
    input: &RuleInput,
    state: &Tensor,
    mut each: impl FnMut(&Tensor),
) -> Result<(Tensor, Tensor)> {
    let (tokens, heads, _) = input.q.dims3()?;
    let decay = input.g.exp()?.reshape((tokens, heads, 1, 1))?;
    let beta = input.beta.reshape((tokens, heads, 1, 1))?;
    let mut state = state.clone();
    let mut outputs = Vec::with_capacity(tokens);
    for t in 0..tokens {
        let q = input.q.get(t)?.unsqueeze(1)?;
        let k = input.k.get(t)?.unsqueeze(1)?;
        let v = input.v.get(t)?.unsqueeze(1)?;
        let decayed = state.broadcast_mul(&decay.get(t)?)?;
        let delta = (v - k.matmul(&decayed)?)?.broadcast_mul(&beta.get(t)?)?;
        state = (decayed + k.transpose(1, 2)?.matmul(&delta)?)?;
        outputs.push(q.matmul(&state)?.squeeze(1)?);
        each(&state);
    }
    Ok((Tensor::stack(&outputs, 0)?, state))
}

/// In blocks of at most `block` tokens. Only the loop over blocks is sequential; within a block the rule is
/// the solution of a unit lower triangular system. Same results as [`recurrent`] up to rounding.
pub fn chunked(input: &RuleInput, state: &Tensor, block: usize) -> Result<(Tensor, Tensor)> {
    let (tokens, heads, key_dim) = input.q.dims3()?;
    let value_dim = input.v.dim(2)?;
    let block = block.min(tokens.next_power_of_two());
    let blocks = tokens.div_ceil(block);
    let masks = Masks::new(block, input.q.device())?;

    // [T, H, D] -> [blocks, H, block, D]; the padding has g = 0, β = 0, k = v = 0 and so changes nothing.
    let split = |x: &Tensor, dim: usize| -> Result<Tensor> {
        let padded = x.pad_with_zeros(0, 0, blocks * block - tokens)?;
        Ok(padded.reshape((blocks, block, heads, dim))?.transpose(1, 2)?.contiguous()?)
    };
    let q = split(&input.q, key_dim)?;
    let k = split(&input.k, key_dim)?;
    let v = split(&input.v, value_dim)?;
    let beta = split(&input.beta, 1)?;
    let g = split(&input.g, 1)?.reshape((blocks * heads, block))?;

    // G_i, the decay from the block's start to token i, and Γ_ij from j to i. The difference is formed and
    // bounded before the exponential: e^{G_i}·e^{-G_j} would overflow.
    let reach = g.matmul(&masks.lower.t()?)?.reshape((blocks, heads, block, 1))?;
    let between = reach.broadcast_sub(&reach.transpose(2, 3)?)?.minimum(0f64)?.exp()?;
    let from_start = reach.exp()?;
    let last = reach.narrow(2, block - 1, 1)?;
    let to_end = last.broadcast_sub(&reach)?.exp()?;
    let whole = last.exp()?;

    let k_beta = k.broadcast_mul(&beta)?;
    let k_t = k.transpose(2, 3)?.contiguous()?;
    let lower = (k_beta.matmul(&k_t)? * &between)?.broadcast_mul(&masks.strict)?;
    let solve = invert_unit_lower(&lower)?;
    // Δ = X(βV) − X(βe^G K) S: both products are free of the state, so all blocks do them at once.
    let written = solve.matmul(&v.broadcast_mul(&beta)?)?;
    let read = solve.matmul(&k_beta.broadcast_mul(&from_start)?)?;
    let within = (q.matmul(&k_t)? * &between)?.broadcast_mul(&masks.lower)?;
    let q_start = q.broadcast_mul(&from_start)?;
    let k_end = k.broadcast_mul(&to_end)?.transpose(2, 3)?.contiguous()?;

    let mut state = state.clone();
    let mut outputs = Vec::with_capacity(blocks);
    for n in 0..blocks {
        let delta = (written.get(n)? - read.get(n)?.matmul(&state)?)?;
        outputs.push((q_start.get(n)?.matmul(&state)? + within.get(n)?.matmul(&delta)?)?);
        state = (state.broadcast_mul(&whole.get(n)?)? + k_end.get(n)?.matmul(&delta)?)?;
    }
    let outputs = Tensor::stack(&outputs, 0)?.transpose(1, 2)?.contiguous()?;
    let outputs = outputs.reshape((blocks * block, heads, value_dim))?.narrow(0, 0, tokens)?;
    Ok((outputs, state))
}

struct Masks {
    /// Ones on and below the diagonal.
    lower: Tensor,
    /// Ones below the diagonal.
    strict: Tensor,
}

impl Masks {
    fn new(size: usize, device: &Device) -> Result<Self> {
        let lower = Tensor::tril2(size, DType::F32, device)?;
        let identity = Tensor::eye(size, DType::F32, device)?;
        Ok(Self { strict: (&lower - &identity)?, lower })
    }
}

/// `(I + a)⁻¹` for strictly lower triangular `a` `[.., L, L]`: by halves, `[[X, 0], [−Y a₂₁ X, Y]]`, and small
/// blocks by forward substitution. The shorter product form `Π (I + (−a)^(2^i))` cancels catastrophically when
/// a block's keys are alike, as in repeated text.
fn invert_unit_lower(a: &Tensor) -> Result<Tensor> {
    let size = a.dim(D::Minus1)?;
    let inverse = invert_by_halves(&a.reshape(((), size, size))?)?;
    Ok(inverse.reshape(a.shape())?)
}

fn invert_by_halves(a: &Tensor) -> Result<Tensor> {
    let (batch, size, _) = a.dims3()?;
    if size <= SUBSTITUTED || !size.is_multiple_of(2) {
        return substitute(a);
    }
    let half = size / 2;
    let part = |row: usize, column: usize| a.narrow(1, row, half)?.narrow(2, column, half)?.contiguous();
    let both = invert_by_halves(&Tensor::cat(&[part(0, 0)?, part(half, half)?], 0)?)?;
    let (upper, lower) = (both.narrow(0, 0, batch)?, both.narrow(0, batch, batch)?);
    let across = lower.matmul(&part(half, 0)?)?.matmul(&upper)?.neg()?;
    let top = upper.pad_with_zeros(2, 0, half)?;
    Ok(Tensor::cat(&[top, Tensor::cat(&[&across, &lower], 2)?], 1)?)
}

/// Row by row: `x_i = e_i − Σ_{j<i} a_ij x_j`.
fn substitute(a: &Tensor) -> Result<Tensor> {
    let (batch, size, _) = a.dims3()?;
    let identity = Tensor::eye(size, DType::F32, a.device())?;
    let inverse = identity.broadcast_as((batch, size, size))?.contiguous()?;
    for row in 1..size {
        let known = inverse.narrow(1, 0, row)?;
        let weights = a.narrow(1, row, 1)?.narrow(2, 0, row)?.transpose(1, 2)?;
        let below = known.broadcast_mul(&weights)?.sum_keepdim(1)?;
        let own = identity.narrow(0, row, 1)?.broadcast_sub(&below)?;
        inverse.slice_set(&own.contiguous()?, 1, row)?;
    }
    Ok(inverse)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::norm::l2_norm;

    const HEADS: usize = 2;
    const DIM: usize = 8;

    /// `alike` in 0..=1 pulls all keys towards one; 1 is the same token over and over.
    fn input(tokens: usize, alike: f64, decay: f64) -> Result<(RuleInput, Tensor)> {
        let device = Device::Cpu;
        let noise = |shape: (usize, usize, usize)| Tensor::randn(0f32, 1.0, shape, &device);
        let shape = (tokens, HEADS, DIM);
        let one = noise((1, HEADS, DIM))?.broadcast_as(shape)?;
        let k = ((noise(shape)? * (1.0 - alike))? + (one * alike)?)?;
        let input = RuleInput {
            q: (l2_norm(&noise(shape)?)? * (DIM as f64).powf(-0.5))?,
            k: l2_norm(&k)?,
            v: noise(shape)?,
            g: (Tensor::rand(0f32, 1.0, (tokens, HEADS), &device)? * -decay)?,
            beta: Tensor::rand(0f32, 1.0, (tokens, HEADS), &device)?,
        };
        Ok((input, noise((HEADS, DIM, DIM))?))
    }

    fn gap(a: &Tensor, b: &Tensor) -> Result<f32> {
        Ok((a - b)?.abs()?.max_all()?.to_scalar()?)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn both_forms_agree_at_any_length_block_likeness_and_decay(
            tokens in 1usize..150,
            block in prop::sample::select(vec![1usize, 2, 16, 64]),
            alike in prop::sample::select(vec![0.0, 0.9, 1.0]),
            decay in prop::sample::select(vec![0.0, 0.1, 5.0, 60.0]),
        ) {
            let (input, state) = input(tokens, alike, decay).expect("inputs");
            let (out, last) = chunked(&input, &state, block).expect("blocks");
            let (expected, expected_last) = recurrent(&input, &state, |_| ()).expect("tokens");
            prop_assert!(gap(&out, &expected).expect("same shape") < 1e-4);
            prop_assert!(gap(&last, &expected_last).expect("same shape") < 1e-4);
        }
    }
}
