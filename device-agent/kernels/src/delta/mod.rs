//! The gated delta layer between its projections: convolution, gates, the delta rule, gated norm; all of it for
//! one key head and its value heads at a time, so that nothing in between leaves the cache and heads are the
//! only thing that threads share out.
//!
//! Per value head with state `S`: `S ← e^g S; d = β (v − Sᵀk); S ← S + k dᵀ; o = Sᵀ q`.

mod rule;

use std::cell::RefCell;

use crate::norm::square_sum;
use crate::pages::Pages;
use crate::processor::Processor;
use crate::team::Parts;
use crate::vector::{Isa, Kernel, LANES, launch, silu};

/// Tokens that go through the rule together in a prompt.
const BLOCK: usize = 32;

/// Sizes of a layer. Head dimensions are whole registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeltaSizes {
    pub key_heads: usize,
    pub value_heads: usize,
    pub key_dim: usize,
    pub value_dim: usize,
    /// Taps of the convolution.
    pub kernel: usize,
}

impl DeltaSizes {
    /// Channels of the convolution: queries, keys, values.
    pub fn channels(&self) -> usize {
        2 * self.key_heads * self.key_dim + self.value_heads * self.value_dim
    }
}

/// What a layer was trained to.
#[derive(Debug)]
pub struct DeltaWeights {
    pub sizes: DeltaSizes,
    /// `[tap][channel]`; the last tap multiplies the current token.
    pub taps: Vec<f32>,
    /// The decay's factor for each value head, below zero.
    pub rate: Vec<f32>,
    pub dt_bias: Vec<f32>,
    /// The scale of the gated norm.
    pub norm: Vec<f32>,
    pub eps: f32,
    /// Whether value head `h` reads key head `h % key_heads`, and not `h / (value_heads / key_heads)`.
    pub tiled: bool,
}

/// What a layer remembers. A clone is a copy.
#[derive(Debug, Clone)]
pub struct DeltaMemory {
    /// The convolution's last inputs, `[kernel - 1][channel]`, newest last.
    pub conv: Pages<f32>,
    /// `[value head][key dim][value dim]`
    pub state: Pages<f32>,
}

impl DeltaMemory {
    pub fn empty(sizes: &DeltaSizes) -> Self {
        Self {
            conv: Pages::zeroed((sizes.kernel - 1) * sizes.channels()),
            state: Pages::zeroed(sizes.value_heads * sizes.key_dim * sizes.value_dim),
        }
    }
}

/// The projections of some tokens.
#[derive(Debug, Clone, Copy)]
pub struct DeltaInput<'a> {
    /// `[token][channel]`
    pub qkv: &'a [f32],
    /// `[token][value head][value dim]`
    pub z: &'a [f32],
    /// `[token][value head]`, and so is `b`.
    pub a: &'a [f32],
    pub b: &'a [f32],
}

thread_local! {
    static SCRATCH: RefCell<Pages<f32>> = RefCell::new(Pages::zeroed(0));
}

/// Reads tokens into `memory`; `out` is `[token][value head][value dim]`, normed and gated.
pub fn gated_delta(
    processor: &Processor,
    weights: &DeltaWeights,
    input: DeltaInput<'_>,
    memory: &mut DeltaMemory,
    out: &mut [f32],
) {
    let sizes = weights.sizes;
    let tokens = input.qkv.len() / sizes.channels();
    let width = sizes.value_heads * sizes.value_dim;
    assert!(input.qkv.len() == tokens * sizes.channels() && tokens > 0, "whole tokens");
    assert!(input.z.len() == tokens * width && out.len() == tokens * width, "a gate for every output");
    assert!(
        input.a.len() == tokens * sizes.value_heads && input.b.len() == input.a.len(),
        "two gates a head"
    );
    assert!(sizes.key_dim.is_multiple_of(LANES) && sizes.value_dim.is_multiple_of(LANES), "whole registers");
    assert_eq!(weights.taps.len(), sizes.kernel * sizes.channels(), "a tap for every channel");
    let (conv, state, out) = (Parts::of(&mut memory.conv), Parts::of(&mut memory.state), Parts::of(out));
    processor.team().share(sizes.key_heads, 1, &|heads| {
        SCRATCH.with_borrow_mut(|scratch| {
            let needed = Scratch::len(&sizes);
            if scratch.len() < needed {
                *scratch = Pages::zeroed(needed);
            }
            for key_head in heads {
                let head = Head { weights, input, tokens, key_head, conv: &conv, state: &state, out: &out };
                launch(processor.machine(), Work { head, scratch: scratch.as_mut_ptr() });
            }
        });
    });
}

/// One key head's work.
#[derive(Clone, Copy)]
struct Head<'a> {
    weights: &'a DeltaWeights,
    input: DeltaInput<'a>,
    tokens: usize,
    key_head: usize,
    conv: &'a Parts<f32>,
    state: &'a Parts<f32>,
    out: &'a Parts<f32>,
}

/// Where things are in the scratch.
struct Scratch {
    /// `[BLOCK][key dim]` each; after them room for the rule.
    q: *mut f32,
    k: *mut f32,
    v: *mut f32,
    rule: *mut f32,
}

impl Scratch {
    fn len(sizes: &DeltaSizes) -> usize {
        BLOCK * (2 * sizes.key_dim + sizes.value_dim) + rule::scratch(BLOCK, sizes.key_dim, sizes.value_dim)
    }

    unsafe fn at(start: *mut f32, sizes: &DeltaSizes) -> Self {
        let k = start.add(BLOCK * sizes.key_dim);
        let v = k.add(BLOCK * sizes.key_dim);
        Self { q: start, k, v, rule: v.add(BLOCK * sizes.value_dim) }
    }
}

struct Work<'a> {
    head: Head<'a>,
    scratch: *mut f32,
}

impl Kernel for Work<'_> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<I: Isa>(self) {
        let Head { weights, tokens, key_head, .. } = self.head;
        let sizes = weights.sizes;
        let scratch = Scratch::at(self.scratch, &sizes);
        let keys = sizes.key_heads * sizes.key_dim;
        let each = sizes.value_heads / sizes.key_heads;
        for first in (0..tokens).step_by(BLOCK) {
            let block = BLOCK.min(tokens - first);
            for (start, to, factor) in
                [(0, scratch.q, 1.0 / (sizes.key_dim as f32).sqrt()), (keys, scratch.k, 1.0)]
            {
                let channel = start + key_head * sizes.key_dim;
                self.head.convolve::<I>(first, block, channel, sizes.key_dim, to);
                for token in 0..block {
                    let row = to.add(token * sizes.key_dim);
                    let length = (square_sum::<I>(row, sizes.key_dim) + 1e-6).sqrt();
                    scale::<I>(row, sizes.key_dim, factor / length);
                }
            }
            for index in 0..each {
                let head =
                    if weights.tiled { index * sizes.key_heads + key_head } else { key_head * each + index };
                let channel = 2 * keys + head * sizes.value_dim;
                self.head.convolve::<I>(first, block, channel, sizes.value_dim, scratch.v);
                self.head.value_head::<I>(first, block, head, &scratch);
            }
        }
        // The last inputs of this head's channels, for the tokens to come.
        for (start, width) in [(0, sizes.key_dim), (keys, sizes.key_dim)] {
            self.head.remember::<I>(start + key_head * sizes.key_dim, width);
        }
        for index in 0..each {
            let head =
                if weights.tiled { index * sizes.key_heads + key_head } else { key_head * each + index };
            self.head.remember::<I>(2 * keys + head * sizes.value_dim, sizes.value_dim);
        }
    }
}

#[inline(always)]
unsafe fn scale<I: Isa>(x: *mut f32, width: usize, factor: f32) {
    for at in (0..width).step_by(LANES) {
        I::store(x.add(at), I::mul(I::load(x.add(at)), I::splat(factor)));
    }
}

impl Head<'_> {
    /// Where the input of `token`, counted from `kernel - 1` before this call's first, has `channel`.
    #[inline(always)]
    unsafe fn history(&self, token: usize, channel: usize) -> *const f32 {
        let sizes = &self.weights.sizes;
        let (before, channels) = (sizes.kernel - 1, sizes.channels());
        if token < before {
            let at = token * channels + channel;
            self.conv.part(at..at + LANES).as_ptr()
        } else {
            self.input.qkv.as_ptr().add((token - before) * channels + channel)
        }
    }

    /// `silu` of the convolution for tokens `first..first + count`, into `to` `[token][width]`.
    #[inline(always)]
    unsafe fn convolve<I: Isa>(
        &self,
        first: usize,
        count: usize,
        channel: usize,
        width: usize,
        to: *mut f32,
    ) {
        let sizes = &self.weights.sizes;
        let taps = self.weights.taps.as_ptr();
        for at in (0..width).step_by(LANES) {
            for token in 0..count {
                let mut sum = I::splat(0.0);
                for tap in 0..sizes.kernel {
                    let w = I::load(taps.add(tap * sizes.channels() + channel + at));
                    sum = I::fma(w, I::load(self.history(first + token + tap, channel + at)), sum);
                }
                I::store(to.add(token * width + at), silu::<I>(sum));
            }
        }
    }

    #[inline(always)]
    unsafe fn remember<I: Isa>(&self, channel: usize, width: usize) {
        let sizes = &self.weights.sizes;
        for at in (0..width).step_by(LANES) {
            for slot in 0..sizes.kernel - 1 {
                // From old to new, so that nothing is overwritten before it has moved.
                let x = I::load(self.history(self.tokens + slot, channel + at));
                let place = slot * sizes.channels() + channel + at;
                I::store(self.conv.part(place..place + LANES).as_mut_ptr(), x);
            }
        }
    }

    /// The rule, the norm and the gate of one value head over one block.
    #[inline(always)]
    unsafe fn value_head<I: Isa>(&self, first: usize, block: usize, head: usize, scratch: &Scratch) {
        let Self { weights, input, .. } = self;
        let sizes = weights.sizes;
        let (key_dim, dim, heads) = (sizes.key_dim, sizes.value_dim, sizes.value_heads);
        let size = key_dim * dim;
        let state = self.state.part(head * size..(head + 1) * size).as_mut_ptr();
        let mut decay = [0f32; BLOCK];
        let mut beta = [0f32; BLOCK];
        for token in 0..block {
            let at = (first + token) * heads + head;
            decay[token] = weights.rate[head] * softplus(input.a[at] + weights.dt_bias[head]);
            beta[token] = 1.0 / (1.0 + (-input.b[at]).exp());
        }
        // The outputs take the place of the values.
        let tokens =
            rule::Tokens { q: scratch.q, k: scratch.k, v: scratch.v, decay: &decay[..block], beta: &beta };
        if block == 1 {
            rule::one::<I>(&tokens, state, key_dim, dim);
        } else {
            rule::block::<I>(&tokens, state, key_dim, dim, scratch.rule);
        }
        for token in 0..block {
            let place = ((first + token) * heads + head) * dim;
            let out = self.out.part(place..place + dim).as_mut_ptr();
            let gate = input.z.as_ptr().add(place);
            let row = scratch.v.add(token * dim);
            crate::norm::rms::<I>(row, weights.norm.as_ptr(), dim, weights.eps, 1.0, out);
            for at in (0..dim).step_by(LANES) {
                I::store(out.add(at), I::mul(I::load(out.add(at)), silu::<I>(I::load(gate.add(at)))));
            }
        }
    }
}

/// `ln(1 + e^x)` without overflow.
fn softplus(x: f32) -> f32 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests;
