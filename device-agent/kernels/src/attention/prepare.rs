//! From projections to queries that are ready and keys and values that are kept: per-head norms, rotary turns,
//! scaling.

use super::KeyValues;
use crate::norm::rms;
use crate::processor::Processor;
use crate::vector::{Isa, Kernel, LANES, launch};

/// The projections of some tokens, and what makes heads of them.
#[derive(Debug, Clone, Copy)]
pub struct Projections<'a> {
    /// `[token][head][query dim, gate dim]`
    pub both: &'a [f32],
    /// `[token][kv head][dim]`, and so is `v`.
    pub k: &'a [f32],
    pub v: &'a [f32],
    /// The scales of the norms, `[dim]`.
    pub q_norm: &'a [f32],
    pub k_norm: &'a [f32],
    pub eps: f32,
    /// `[token][frequency]`: dimension `i` turns with `i + frequencies`, the rest pass.
    pub cos: &'a [f32],
    pub sin: &'a [f32],
    pub frequencies: usize,
}

/// Writes queries `[token][head][dim]`, scaled by `dim^-½`, and keeps the keys and values of the tokens from `at`
/// on.
pub fn prepare(
    processor: &Processor,
    from: Projections<'_>,
    at: usize,
    kept: &mut KeyValues,
    queries: &mut [f32],
) {
    let sizes = kept.sizes();
    let (dim, tokens) = (sizes.dim, from.k.len() / (sizes.kv_heads * sizes.dim));
    assert_eq!(from.k.len(), tokens * sizes.kv_heads * dim, "whole tokens");
    assert!(from.v.len() == from.k.len() && from.both.len() == 2 * queries.len(), "of the same tokens");
    assert!(queries.len() == tokens * sizes.heads * dim && at + tokens <= kept.capacity(), "room");
    assert!(from.q_norm.len() == dim && from.k_norm.len() == dim && 2 * from.frequencies <= dim, "heads");
    assert!(from.cos.len() == tokens * from.frequencies && from.sin.len() == from.cos.len(), "turns");
    for token in 0..tokens {
        let turns = token * from.frequencies..(token + 1) * from.frequencies;
        let (cos, sin) = (&from.cos[turns.clone()], &from.sin[turns]);
        for head in 0..sizes.heads {
            let row = token * sizes.heads + head;
            let x = &from.both[2 * row * dim..(2 * row + 1) * dim];
            let out = &mut queries[row * dim..(row + 1) * dim];
            let factor = 1.0 / (dim as f32).sqrt();
            launch(processor.machine(), Head { x, scale: from.q_norm, eps: from.eps, factor, out });
            turn(out, cos, sin);
        }
        for head in 0..sizes.kv_heads {
            let row = (token * sizes.kv_heads + head) * dim;
            let mut key = [0f32; MOST];
            let key = &mut key[..dim];
            let x = &from.k[row..row + dim];
            launch(processor.machine(), Head { x, scale: from.k_norm, eps: from.eps, factor: 1.0, out: key });
            turn(key, cos, sin);
            kept.keep(at + token, head, key, &from.v[row..row + dim]);
        }
    }
}

/// The widest head.
const MOST: usize = 1024;

struct Head<'a> {
    x: &'a [f32],
    scale: &'a [f32],
    eps: f32,
    factor: f32,
    out: &'a mut [f32],
}

impl Kernel for Head<'_> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<I: Isa>(self) {
        debug_assert!(self.x.len().is_multiple_of(LANES), "whole registers");
        let (x, scale, out) = (self.x.as_ptr(), self.scale.as_ptr(), self.out.as_mut_ptr());
        rms::<I>(x, scale, self.x.len(), self.eps, self.factor, out);
    }
}

fn turn(head: &mut [f32], cos: &[f32], sin: &[f32]) {
    let (first, rest) = head.split_at_mut(cos.len());
    for ((a, b), (cos, sin)) in first.iter_mut().zip(rest).zip(cos.iter().zip(sin)) {
        (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
    }
}
