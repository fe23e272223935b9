//! The delta rule of one value head: for one token, and for a block of them as matrix products.

use crate::small::{Left, Out, Right, multiply};
use crate::vector::{Isa, LANES, exp};

/// A block of tokens; queries and keys normalised, the queries scaled.
pub(super) struct Tokens<'a> {
    /// `[token][key dim]`, and so is `k`.
    pub(super) q: *const f32,
    pub(super) k: *const f32,
    /// `[token][value dim]`; outputs are written here.
    pub(super) v: *mut f32,
    /// Logs of the decay.
    pub(super) decay: &'a [f32],
    pub(super) beta: &'a [f32],
}

/// Columns of the state that are worked on at a time.
const WIDE: usize = 4;

/// One token. The state is read twice and written once.
#[inline(always)]
pub(super) unsafe fn one<I: Isa>(token: &Tokens<'_>, state: *mut f32, key_dim: usize, dim: usize) {
    let mut at = 0;
    while at < dim {
        if dim - at >= WIDE * LANES {
            columns::<I, WIDE>(token, state, key_dim, dim, at);
            at += WIDE * LANES;
        } else {
            columns::<I, 1>(token, state, key_dim, dim, at);
            at += LANES;
        }
    }
}

#[inline(always)]
unsafe fn columns<I: Isa, const N: usize>(
    token: &Tokens<'_>,
    state: *mut f32,
    key_dim: usize,
    dim: usize,
    at: usize,
) {
    let kept = token.decay[0].exp();
    let decay = I::splat(kept);
    let state = state.add(at);
    // Sᵀk, in two chains.
    let mut read = [[I::splat(0.0); N]; 2];
    for row in 0..key_dim {
        let k = I::splat(*token.k.add(row));
        for (j, sum) in read[row % 2].iter_mut().enumerate() {
            *sum = I::fma(k, I::load(state.add(row * dim + j * LANES)), *sum);
        }
    }
    let mut delta = [I::splat(0.0); N];
    for (j, delta) in delta.iter_mut().enumerate() {
        let sum = I::mul(I::add(read[0][j], read[1][j]), decay);
        let v = I::load(token.v.add(at + j * LANES));
        *delta = I::mul(I::sub(v, sum), I::splat(token.beta[0]));
    }
    let mut out = [[I::splat(0.0); N]; 2];
    for row in 0..key_dim {
        let (k, q) = (I::splat(*token.k.add(row)), I::splat(*token.q.add(row)));
        for (j, sum) in out[row % 2].iter_mut().enumerate() {
            let place = state.add(row * dim + j * LANES);
            let x = I::fma(k, delta[j], I::mul(I::load(place), decay));
            I::store(place, x);
            *sum = I::fma(q, x, *sum);
        }
    }
    for j in 0..N {
        I::store(token.v.add(at + j * LANES), I::add(out[0][j], out[1][j]));
    }
}

/// Floats that [`block`] needs for up to `tokens` tokens.
pub(super) fn scratch(tokens: usize, key_dim: usize, dim: usize) -> usize {
    let padded = tokens.next_multiple_of(LANES);
    padded * key_dim + 2 * tokens * padded + 2 * tokens * dim + padded * key_dim
}

/// A block. With `G_i` the sum of the decays up to token `i`: `Δ_i = β_i (v_i − e^{G_i} S k_i − Σ_{j<i} (k_i·k_j)
/// e^{G_i−G_j} Δ_j)`, the outputs `e^{G_i} S q_i + Σ_{j≤i} (q_i·k_j) e^{G_i−G_j} Δ_j`, and in the end
/// `S ← e^{G} S + Σ_j e^{G−G_j} k_j Δ_jᵀ`. Differences are taken before exponentials: none is above one.
#[inline(always)]
pub(super) unsafe fn block<I: Isa>(
    tokens: &Tokens<'_>,
    state: *mut f32,
    key_dim: usize,
    dim: usize,
    scratch: *mut f32,
) {
    let count = tokens.decay.len();
    let padded = count.next_multiple_of(LANES);
    // Keys by column, padded with zeroes to whole registers of tokens.
    let by_column = scratch;
    let likeness = by_column.add(padded * key_dim);
    let attention = likeness.add(count * padded);
    let read = attention.add(count * padded);
    let out = read.add(count * dim);
    let written = out.add(count * dim);
    for row in 0..key_dim {
        for token in 0..padded {
            let k = if token < count { *tokens.k.add(token * key_dim + row) } else { 0.0 };
            *by_column.add(row * padded + token) = k;
        }
    }
    let mut reach = [0f32; super::BLOCK];
    let mut total = 0f32;
    for (reach, decay) in reach.iter_mut().zip(tokens.decay) {
        total += decay;
        *reach = total;
    }
    let keys = Right { start: by_column.cast_const(), row: padded, panel: LANES };
    let old = Right { start: state.cast_const(), row: dim, panel: LANES };
    let (k, q) = (Left { start: tokens.k, row: key_dim }, Left { start: tokens.q, row: key_dim });
    let square = (count, padded / LANES, key_dim);
    multiply::<I, f32>(square, k, keys, Out { start: likeness, row: padded }, false);
    multiply::<I, f32>(square, q, keys, Out { start: attention, row: padded }, false);
    let wide = (count, dim / LANES, key_dim);
    multiply::<I, f32>(wide, k, old, Out { start: read, row: dim }, false);
    multiply::<I, f32>(wide, q, old, Out { start: out, row: dim }, false);

    for i in 0..count {
        let from_start = reach[i].exp();
        let (row, beta) = (read.add(i * dim), tokens.beta[i]);
        for j in (0..padded).step_by(LANES) {
            let gap = I::sub(I::splat(reach[i]), I::load(reach.as_ptr().add(j)));
            let between = exp::<I>(I::min(gap, I::splat(0.0)));
            let (a, l) = (attention.add(i * padded + j), likeness.add(i * padded + j));
            I::store(a, I::mul(I::load(a), between));
            I::store(l, I::mul(I::load(l), I::mul(between, I::splat(beta))));
        }
        for j in i + 1..padded {
            *attention.add(i * padded + j) = 0.0;
        }
        for at in (0..dim).step_by(LANES) {
            let v = I::load(tokens.v.add(i * dim + at));
            let seen = I::mul(I::load(row.add(at)), I::splat(from_start));
            I::store(row.add(at), I::mul(I::sub(v, seen), I::splat(beta)));
            let o = out.add(i * dim + at);
            I::store(o, I::mul(I::load(o), I::splat(from_start)));
        }
        // What the earlier tokens of the block wrote; `read` becomes Δ row by row.
        let mut at = 0;
        while at < dim {
            if dim - at >= WIDE * LANES {
                substitute::<I, WIDE>(i, likeness.add(i * padded), read, dim, at);
                at += WIDE * LANES;
            } else {
                substitute::<I, 1>(i, likeness.add(i * padded), read, dim, at);
                at += LANES;
            }
        }
    }
    let delta = Right { start: read.cast_const(), row: dim, panel: LANES };
    let square = (count, dim / LANES, count);
    multiply::<I, f32>(
        square,
        Left { start: attention, row: padded },
        delta,
        Out { start: out, row: dim },
        true,
    );
    std::ptr::copy_nonoverlapping(out, tokens.v, count * dim);

    let mut to_end = [0f32; super::BLOCK];
    for (to_end, reach) in to_end[..count].iter_mut().zip(reach) {
        *to_end = (total - reach).exp();
    }
    for row in 0..key_dim {
        for token in (0..padded).step_by(LANES) {
            let k = I::load(by_column.add(row * padded + token));
            I::store(written.add(row * padded + token), I::mul(k, I::load(to_end.as_ptr().add(token))));
        }
    }
    let kept = total.exp();
    for at in (0..key_dim * dim).step_by(LANES) {
        I::store(state.add(at), I::mul(I::load(state.add(at)), I::splat(kept)));
    }
    let whole = (key_dim, dim / LANES, count);
    multiply::<I, f32>(
        whole,
        Left { start: written, row: padded },
        delta,
        Out { start: state, row: dim },
        true,
    );
}

/// Takes `Σ_{j<i} weights_j Δ_j` off row `i`, for `N` registers of columns.
#[inline(always)]
unsafe fn substitute<I: Isa, const N: usize>(
    i: usize,
    weights: *const f32,
    rows: *mut f32,
    dim: usize,
    at: usize,
) {
    let mut sums = [I::splat(0.0); N];
    for j in 0..i {
        let w = I::splat(*weights.add(j));
        for (n, sum) in sums.iter_mut().enumerate() {
            *sum = I::fma(w, I::load(rows.add(j * dim + at + n * LANES)), *sum);
        }
    }
    for (n, sum) in sums.into_iter().enumerate() {
        let place = rows.add(i * dim + at + n * LANES);
        I::store(place, I::sub(I::load(place), sum));
    }
}
