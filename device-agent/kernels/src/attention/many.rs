//! Attention of many query rows: blocks of rows against spans of tokens, as small matrix products, with running
//! largest scores and sums.

use super::{Call, with_scratch};
use crate::norm::times_sigmoid;
use crate::processor::Processor;
use crate::small::{Cell, Left, Out, Right, multiply};
use crate::team::Parts;
use crate::vector::{Isa, Kernel, LANES, exp, launch};

/// Query tokens of a block; every head that shares the keys has a row for each.
const ROWS: usize = 16;
/// Tokens of a span.
const SPAN: usize = 256;

pub(super) fn attend<T: Cell>(
    processor: &Processor,
    call: Call<'_>,
    keys: &[T],
    values: &[T],
    out: &mut [f32],
) {
    let sizes = call.sizes;
    let blocks = call.tokens.div_ceil(ROWS);
    let out = Parts::of(out);
    processor.team().share(blocks * sizes.kv_heads, 1, &|units| {
        for unit in units {
            // The longest first, so that no thread is left with one at the end.
            let (block, kv_head) = (blocks - 1 - unit / sizes.kv_heads, unit % sizes.kv_heads);
            let rows = ROWS * sizes.group();
            // Queries, mixtures, scores, largest, sums.
            with_scratch(rows * (2 * sizes.dim + SPAN + 2), |scratch| {
                launch(processor.machine(), Block { call, keys, values, block, kv_head, scratch, out: &out });
            });
        }
    });
}

struct Block<'a, T> {
    call: Call<'a>,
    keys: &'a [T],
    values: &'a [T],
    block: usize,
    kv_head: usize,
    scratch: &'a mut [f32],
    out: &'a Parts<f32>,
}

impl<T: Cell> Kernel for Block<'_, T> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<I: Isa>(self) {
        let Self { call, kv_head, .. } = self;
        let (group, dim, panels) = (call.sizes.group(), call.sizes.dim, call.panels());
        let first = self.block * ROWS;
        let tokens = ROWS.min(call.tokens - first);
        let rows = tokens * group;
        let queries = self.scratch.as_mut_ptr();
        let mixed = queries.add(rows * dim);
        let scores = mixed.add(rows * dim);
        let largest = scores.add(rows * SPAN);
        let sums = largest.add(rows);
        // Row `token * group + head`.
        for row in 0..rows {
            let query = call.query(first + row / group, kv_head * group + row % group);
            std::ptr::copy_nonoverlapping(query, queries.add(row * dim), dim);
            *largest.add(row) = f32::NEG_INFINITY;
            *sums.add(row) = 0.0;
        }
        std::ptr::write_bytes(mixed, 0, rows * dim);
        let end = call.seen_by(first + tokens - 1);
        for start in (0..end).step_by(SPAN) {
            let count = SPAN.min(end - start);
            let blocks = count.div_ceil(LANES);
            let keys = Right {
                start: self.keys.as_ptr().add(call.keys(kv_head) + start * dim),
                row: LANES,
                panel: dim * LANES,
            };
            let left = Left { start: queries, row: dim };
            multiply::<I, T>((rows, blocks, dim), left, keys, Out { start: scores, row: SPAN }, false);
            for row in 0..rows {
                let seen = call.seen_by(first + row / group).saturating_sub(start).min(count);
                let at = scores.add(row * SPAN);
                let (old, kept) = (*largest.add(row), mixed.add(row * dim));
                let (new, sum) = weigh::<I>(at, seen, count.next_multiple_of(LANES), old);
                // What was mixed so far shrinks to the new scale.
                let shrink = if old == f32::NEG_INFINITY { 0.0 } else { (old - new).exp() };
                *largest.add(row) = new;
                *sums.add(row) = *sums.add(row) * shrink + sum;
                if new > old {
                    for column in (0..dim).step_by(LANES) {
                        let place = kept.add(column);
                        I::store(place, I::mul(I::load(place), I::splat(shrink)));
                    }
                }
            }
            let values = Right {
                start: self.values.as_ptr().add(call.values(kv_head) + start * LANES),
                row: LANES,
                panel: call.capacity * LANES,
            };
            let left = Left { start: scores, row: SPAN };
            multiply::<I, T>((rows, panels, count), left, values, Out { start: mixed, row: dim }, true);
        }
        for row in 0..rows {
            let (token, head) = (first + row / group, kv_head * group + row % group);
            let place = (token * call.sizes.heads + head) * dim;
            let out = self.out.part(place..place + dim).as_mut_ptr();
            let inverse = I::splat(1.0 / *sums.add(row));
            for column in (0..dim).step_by(LANES) {
                I::store(out.add(column), I::mul(I::load(mixed.add(row * dim + column)), inverse));
            }
            times_sigmoid::<I>(out, call.gate(token, head), dim);
        }
    }
}

/// Turns scores into weights, those from `seen` on into none. Returns the largest score and the weights' sum.
#[inline(always)]
unsafe fn weigh<I: Isa>(scores: *mut f32, seen: usize, padded: usize, before: f32) -> (f32, f32) {
    let mut largest = before;
    for at in 0..seen {
        largest = largest.max(*scores.add(at));
    }
    let mut sum = I::splat(0.0);
    let whole = seen - seen % LANES;
    for at in (0..whole).step_by(LANES) {
        let weight = exp::<I>(I::sub(I::load(scores.add(at)), I::splat(largest)));
        I::store(scores.add(at), weight);
        sum = I::add(sum, weight);
    }
    let mut rest = 0f32;
    for at in whole..padded {
        let weight = if at < seen { (*scores.add(at) - largest).exp() } else { 0.0 };
        *scores.add(at) = weight;
        rest += weight;
    }
    (largest, I::sum(sum) + rest)
}
