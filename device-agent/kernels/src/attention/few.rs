//! Attention of a few query rows over many tokens. The tokens are cut into spans that threads share out; each
//! span leaves its largest score, its sum and its mixture, and these are put together in order, so that the
//! result depends on neither threads nor rows.

use super::{Call, with_scratch};
use crate::norm::times_sigmoid;
use crate::processor::Processor;
use crate::small::Cell;
use crate::team::Parts;
use crate::vector::{Isa, Kernel, LANES, exp, launch};

/// Tokens of a span.
const SPAN: usize = 256;

pub(super) fn attend<T: Cell>(
    processor: &Processor,
    call: Call<'_>,
    keys: &[T],
    values: &[T],
    partial: &mut Vec<f32>,
    out: &mut [f32],
) {
    let sizes = call.sizes;
    let spans = call.seen.div_ceil(SPAN);
    let units = call.tokens * sizes.kv_heads * spans;
    // Largest score, sum, mixture.
    let record = sizes.dim + 2;
    let needed = units * sizes.group() * record;
    if partial.len() < needed {
        partial.resize(needed, 0.0);
    }
    let parts = Parts::of(partial);
    processor.team().share(units, 1, &|units| {
        for unit in units {
            let (token, kv_head, span) =
                (unit / (sizes.kv_heads * spans), unit / spans % sizes.kv_heads, unit % spans);
            let size = sizes.group() * record;
            // SAFETY: every unit is handed out once.
            let out = unsafe { parts.part(unit * size..(unit + 1) * size) };
            with_scratch(sizes.group() * SPAN, |scores| {
                launch(processor.machine(), Span { call, keys, values, token, kv_head, span, scores, out });
            });
        }
    });
    for token in 0..call.tokens {
        for head in 0..sizes.heads {
            let (kv_head, within) = (head / sizes.group(), head % sizes.group());
            let row = token * sizes.heads + head;
            let first = (token * sizes.kv_heads + kv_head) * spans;
            let used = call.seen_by(token).div_ceil(SPAN);
            let parts = &partial[first * sizes.group() * record..];
            let out = &mut out[row * sizes.dim..(row + 1) * sizes.dim];
            let gate = call.gate(token, head);
            launch(
                processor.machine(),
                Join { parts, used, within, group: sizes.group(), record, gate, out },
            );
        }
    }
}

struct Span<'a, T> {
    call: Call<'a>,
    keys: &'a [T],
    values: &'a [T],
    token: usize,
    kv_head: usize,
    span: usize,
    /// `[query head][token]`
    scores: &'a mut [f32],
    out: &'a mut [f32],
}

impl<T: Cell> Kernel for Span<'_, T> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<I: Isa>(self) {
        let Self { call, token, kv_head, .. } = self;
        let (group, dim) = (call.sizes.group(), call.sizes.dim);
        let record = dim + 2;
        let start = self.span * SPAN;
        // Spans past the row's own token have nothing to say.
        let count = call.seen_by(token).saturating_sub(start).min(SPAN);
        let keys = self.keys.as_ptr().add(call.keys(kv_head) + start * dim);
        let values = self.values.as_ptr().add(call.values(kv_head) + start * LANES);
        let scores = self.scores.as_mut_ptr();
        for head in 0..group {
            *self.out.as_mut_ptr().add(head * record) = f32::NEG_INFINITY;
            *self.out.as_mut_ptr().add(head * record + 1) = 0.0;
        }
        if count == 0 {
            return;
        }
        let mut head = 0;
        while head < group {
            let first = kv_head * group + head;
            let query = |at: usize| call.query(token, first + at);
            head += if group - head >= 4 {
                let queries = [query(0), query(1), query(2), query(3)];
                let out = self.out.as_mut_ptr().add(head * record);
                let scores = scores.add(head * SPAN);
                mix::<I, T, 4>(queries, keys, values, count, call.capacity, dim, scores, out);
                4
            } else {
                let out = self.out.as_mut_ptr().add(head * record);
                let scores = scores.add(head * SPAN);
                mix::<I, T, 1>([query(0)], keys, values, count, call.capacity, dim, scores, out);
                1
            };
        }
    }
}

/// `HEADS` query heads over one span.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "pointers into one span, each with its own meaning")]
unsafe fn mix<I: Isa, T: Cell, const HEADS: usize>(
    queries: [*const f32; HEADS],
    keys: *const T,
    values: *const T,
    count: usize,
    capacity: usize,
    dim: usize,
    scores: *mut f32,
    out: *mut f32,
) {
    let record = dim + 2;
    for block in 0..count.div_ceil(LANES) {
        let keys = keys.add(block * dim * LANES);
        // Two chains for each head, over even and odd dimensions.
        let mut sums = [[I::splat(0.0); 2]; HEADS];
        for column in (0..dim).step_by(2) {
            let even = T::load::<I>(keys.add(column * LANES));
            let odd = T::load::<I>(keys.add((column + 1) * LANES));
            for (sums, query) in sums.iter_mut().zip(queries) {
                sums[0] = I::fma(even, I::splat(*query.add(column)), sums[0]);
                sums[1] = I::fma(odd, I::splat(*query.add(column + 1)), sums[1]);
            }
        }
        for (head, sums) in sums.into_iter().enumerate() {
            I::store(scores.add(head * SPAN + block * LANES), I::add(sums[0], sums[1]));
        }
    }
    let padded = count.next_multiple_of(LANES);
    for head in 0..HEADS {
        let row = scores.add(head * SPAN);
        for at in count..padded {
            *row.add(at) = f32::NEG_INFINITY;
        }
        let mut largest = f32::NEG_INFINITY;
        for at in 0..count {
            largest = largest.max(*row.add(at));
        }
        let mut sum = I::splat(0.0);
        for at in (0..padded).step_by(LANES) {
            let weight = exp::<I>(I::sub(I::load(row.add(at)), I::splat(largest)));
            I::store(row.add(at), weight);
            sum = I::add(sum, weight);
        }
        // What is beyond the last token weighs e^-87 and is lost beside the largest, which weighs one.
        *out.add(head * record) = largest;
        *out.add(head * record + 1) = I::sum(sum);
    }
    for panel in (0..dim / LANES).step_by(2) {
        let two = panel + 1 < dim / LANES;
        let first = values.add(panel * capacity * LANES);
        let second = if two { first.add(capacity * LANES) } else { first };
        let mut sums = [[I::splat(0.0); 2]; HEADS];
        for at in 0..count {
            let (a, b) = (T::load::<I>(first.add(at * LANES)), T::load::<I>(second.add(at * LANES)));
            for (head, sums) in sums.iter_mut().enumerate() {
                let weight = I::splat(*scores.add(head * SPAN + at));
                sums[0] = I::fma(weight, a, sums[0]);
                sums[1] = I::fma(weight, b, sums[1]);
            }
        }
        for (head, sums) in sums.into_iter().enumerate() {
            let place = out.add(head * record + 2 + panel * LANES);
            I::store(place, sums[0]);
            if two {
                I::store(place.add(LANES), sums[1]);
            }
        }
    }
}

/// Puts the spans of one head together.
struct Join<'a> {
    parts: &'a [f32],
    used: usize,
    within: usize,
    group: usize,
    record: usize,
    gate: *const f32,
    out: &'a mut [f32],
}

impl Kernel for Join<'_> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<I: Isa>(self) {
        let dim = self.out.len();
        let mut largest = f32::NEG_INFINITY;
        for span in 0..self.used {
            largest = largest.max(self.parts[(span * self.group + self.within) * self.record]);
        }
        let out = self.out.as_mut_ptr();
        let mut total = 0f32;
        self.out.fill(0.0);
        for span in 0..self.used {
            let record = &self.parts[(span * self.group + self.within) * self.record..][..self.record];
            let weight = (record[0] - largest).exp();
            total += weight * record[1];
            for at in (0..dim).step_by(LANES) {
                let mixture = I::load(record.as_ptr().add(2 + at));
                I::store(out.add(at), I::fma(mixture, I::splat(weight), I::load(out.add(at))));
            }
        }
        let inverse = I::splat(1.0 / total);
        for at in (0..dim).step_by(LANES) {
            I::store(out.add(at), I::mul(I::load(out.add(at)), inverse));
        }
        times_sigmoid::<I>(out, self.gate, dim);
    }
}
