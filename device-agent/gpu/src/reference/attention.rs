//! Attention over a cache, and over a picture's patches.

use super::{Call, sigmoid};
use crate::kernel::Scalar::F32;

/// rows, q norm, k norm, turns, queries, keys, values, heads, kv heads, capacity, first, turned, eps
pub(super) fn norm_turn_append(call: &mut Call<'_>) {
    let (kind, dim) = (call.scalar(0), call.int(1) as usize);
    let (heads, kv_heads, capacity) = (call.size(7), call.size(8), call.size(9));
    let (first, turned, eps) = (call.size(10), call.size(11), call.number(12));
    for token in 0..call.groups[1] as usize {
        let row = token * (2 * heads + 2 * kv_heads) * dim;
        let place = first + token;
        for head in 0..heads + kv_heads {
            let (from, norm) = if head < heads { (2 * head, 1) } else { (2 * heads + head - heads, 2) };
            let x: Vec<f64> = (0..dim).map(|i| call.get(0, kind, row + from * dim + i)).collect();
            let length = 1.0 / (x.iter().map(|v| v * v).sum::<f64>() / dim as f64 + eps).sqrt();
            let x: Vec<f64> =
                x.iter().enumerate().map(|(i, v)| v * length * call.get(norm, F32, i)).collect();
            let turn = |i: usize| call.get(3, F32, place * 2 * turned + i);
            let value = |i: usize| match i {
                i if i < turned => x[i] * turn(i) - x[i + turned] * turn(turned + i),
                i if i < 2 * turned => x[i] * turn(i - turned) + x[i - turned] * turn(i),
                i => x[i],
            };
            let values: Vec<f64> = (0..dim).map(value).collect();
            for (i, value) in values.into_iter().enumerate() {
                if head < heads {
                    call.set(4, kind, (token * heads + head) * dim + i, value);
                } else {
                    call.set(5, kind, ((head - heads) * capacity + place) * dim + i, value);
                }
            }
        }
        for kv in 0..kv_heads {
            for i in 0..dim {
                let value = call.get(0, kind, row + (2 * heads + kv_heads + kv) * dim + i);
                call.set(6, kind, (kv * capacity + place) * dim + i, value);
            }
        }
    }
}

/// Scores' softmax over values: the largest score, the sum of weights, the weighted sum.
fn mix(scores: &[f64], value: impl Fn(usize, usize) -> f64, dim: usize) -> (f64, f64, Vec<f64>) {
    let top = scores.iter().copied().fold(f64::from(-3.0e38f32), f64::max);
    let weights: Vec<f64> = scores.iter().map(|score| (score - top).exp()).collect();
    let sums = (0..dim).map(|d| weights.iter().enumerate().map(|(i, w)| w * value(i, d)).sum()).collect();
    (top, weights.iter().sum(), sums)
}

/// queries, keys, values, sums, weights, capacity, length, share, scale
pub(super) fn shares(call: &mut Call<'_>) {
    let (kind, dim, each) = (call.scalar(0), call.int(1) as usize, call.int(2) as usize);
    let (capacity, length, share, scale) = (call.size(5), call.size(6), call.size(7), call.number(8));
    let heads = call.groups[0] as usize * each;
    for part in 0..call.groups[1] as usize {
        for head in 0..heads {
            let begin = part * share;
            let end = (begin + share).min(length);
            let cell = |arg, at: usize, d| call.get(arg, kind, (head / each * capacity + at) * dim + d);
            let score = |at| {
                (0..dim).map(|d| call.get(0, kind, head * dim + d) * cell(1, at, d)).sum::<f64>() * scale
            };
            let scores: Vec<f64> = (begin..end).map(score).collect();
            let (top, all, sums) = mix(&scores, |i, d| cell(2, begin + i, d), dim);
            let slot = part * heads + head;
            for (d, sum) in sums.into_iter().enumerate() {
                call.set(3, F32, slot * dim + d, sum);
            }
            call.set(4, F32, slot * 2, top);
            call.set(4, F32, slot * 2 + 1, all);
        }
    }
}

/// sums, weights, row, y, shares
pub(super) fn join(call: &mut Call<'_>) {
    let (kind, dim, heads) = (call.scalar(0), call.int(1) as usize, call.groups[0] as usize);
    for head in 0..heads {
        let slots: Vec<usize> = (0..call.size(4)).map(|share| share * heads + head).collect();
        let top = |slot: &usize| call.get(1, F32, slot * 2);
        let highest = slots.iter().map(top).fold(f64::NEG_INFINITY, f64::max);
        let fades: Vec<f64> = slots.iter().map(|slot| (top(slot) - highest).exp()).collect();
        let all: f64 = slots.iter().zip(&fades).map(|(slot, f)| call.get(1, F32, slot * 2 + 1) * f).sum();
        for d in 0..dim {
            let sum: f64 =
                slots.iter().zip(&fades).map(|(slot, f)| call.get(0, F32, slot * dim + d) * f).sum();
            let gate = call.get(2, kind, (2 * head + 1) * dim + d);
            call.set(3, kind, head * dim + d, sum / all * sigmoid(gate));
        }
    }
}

/// queries, keys, values, rows, y, tokens, before, length, query stride, key stride, head stride, row stride,
/// heads per key, scale
pub(super) fn many(call: &mut Call<'_>) {
    let (kind, dim, causal) = (call.scalar(0), call.int(1) as usize, call.int(2) != 0);
    let (tokens, before, length) = (call.size(5), call.size(6), call.size(7));
    let (query_stride, key_stride, head_stride) = (call.size(8), call.size(9), call.size(10));
    let (row_stride, each, scale) = (call.size(11), call.size(12), call.number(13));
    let heads = call.groups[1] as usize;
    for token in 0..tokens {
        for head in 0..heads {
            let seen = if causal { (before + token + 1).min(length) } else { length };
            let cell =
                |arg, at: usize, d| call.get(arg, kind, head / each * head_stride + at * key_stride + d);
            let query = |d| call.get(0, kind, token * query_stride + head * dim + d);
            let score = |at| (0..dim).map(|d| query(d) * cell(1, at, d)).sum::<f64>() * scale;
            let scores: Vec<f64> = (0..seen).map(score).collect();
            let (_, all, sums) = mix(&scores, |i, d| cell(2, i, d), dim);
            for (d, sum) in sums.into_iter().enumerate() {
                let gate = if causal {
                    sigmoid(call.get(3, kind, token * row_stride + (2 * head + 1) * dim + d))
                } else {
                    1.0
                };
                call.set(4, kind, (token * heads + head) * dim + d, sum / all * gate);
            }
        }
    }
}
