//! Attention against its definition in f64, for few and many rows, on every machine.

use super::*;
use crate::machine::Machine;
use crate::processor::Arithmetic;

fn noise(seed: u32, len: usize) -> Vec<f32> {
    let mut x = seed.wrapping_mul(2_654_435_761) | 1;
    let next = || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (x >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// Everything that comes with some tokens.
struct Case {
    sizes: AttentionSizes,
    both: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    q_norm: Vec<f32>,
    k_norm: Vec<f32>,
    cos: Vec<f32>,
    sin: Vec<f32>,
    frequencies: usize,
}

impl Case {
    fn new(sizes: AttentionSizes, tokens: usize) -> Self {
        let frequencies = sizes.dim / 8;
        let angles = noise(9, tokens * frequencies);
        Self {
            sizes,
            both: noise(1, tokens * sizes.heads * 2 * sizes.dim).iter().map(|x| 3.0 * x).collect(),
            k: noise(2, tokens * sizes.kv_heads * sizes.dim),
            v: noise(3, tokens * sizes.kv_heads * sizes.dim),
            q_norm: noise(4, sizes.dim).iter().map(|x| 2.0 + x).collect(),
            k_norm: noise(5, sizes.dim).iter().map(|x| 2.0 + x).collect(),
            cos: angles.iter().map(|x| (3.0 * x).cos()).collect(),
            sin: angles.iter().map(|x| (3.0 * x).sin()).collect(),
            frequencies,
        }
    }

    fn tokens(&self) -> usize {
        self.k.len() / (self.sizes.kv_heads * self.sizes.dim)
    }

    fn part(&self, tokens: std::ops::Range<usize>) -> Projections<'_> {
        let of = |width: usize| tokens.start * width..tokens.end * width;
        let kv = of(self.sizes.kv_heads * self.sizes.dim);
        let turns = of(self.frequencies);
        Projections {
            both: &self.both[of(self.sizes.heads * 2 * self.sizes.dim)],
            k: &self.k[kv.clone()],
            v: &self.v[kv],
            q_norm: &self.q_norm,
            k_norm: &self.k_norm,
            eps: 1e-6,
            cos: &self.cos[turns.clone()],
            sin: &self.sin[turns],
            frequencies: self.frequencies,
        }
    }

    /// One head: normed, turned.
    fn head(&self, x: &[f32], scale: &[f32], token: usize) -> Vec<f64> {
        let mean = x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / x.len() as f64;
        let mut y: Vec<f64> =
            x.iter().zip(scale).map(|(x, s)| f64::from(*x) * f64::from(*s) / (mean + 1e-6).sqrt()).collect();
        for i in 0..self.frequencies {
            let at = token * self.frequencies + i;
            let (c, s) = (f64::from(self.cos[at]), f64::from(self.sin[at]));
            let (a, b) = (y[i], y[i + self.frequencies]);
            (y[i], y[i + self.frequencies]) = (a * c - b * s, a * s + b * c);
        }
        y
    }

    fn right(&self, token: usize, head: usize) -> Vec<f64> {
        let AttentionSizes { heads, kv_heads, dim } = self.sizes;
        let kv = head / (heads / kv_heads);
        let q_at = (token * heads + head) * 2 * dim;
        let q = self.head(&self.both[q_at..q_at + dim], &self.q_norm, token);
        let row = |t: usize| (t * kv_heads + kv) * dim..(t * kv_heads + kv + 1) * dim;
        let scores: Vec<f64> = (0..=token)
            .map(|t| {
                let k = self.head(&self.k[row(t)], &self.k_norm, t);
                q.iter().zip(&k).map(|(a, b)| a * b).sum::<f64>() / (dim as f64).sqrt()
            })
            .collect();
        let largest = scores.iter().copied().fold(f64::MIN, f64::max);
        let total: f64 = scores.iter().map(|s| (s - largest).exp()).sum();
        (0..dim)
            .map(|j| {
                let mixed: f64 = scores
                    .iter()
                    .enumerate()
                    .map(|(t, s)| (s - largest).exp() / total * f64::from(self.v[row(t)][j]))
                    .sum();
                mixed / (1.0 + f64::from(-self.both[q_at + dim + j]).exp())
            })
            .collect()
    }
}

fn run(processor: &Processor, case: &Case, cuts: &[usize]) -> Vec<f32> {
    let width = case.sizes.heads * case.sizes.dim;
    let mut kept = KeyValues::new(processor, case.sizes, 16);
    let mut out = vec![0f32; case.tokens() * width];
    let mut partial = Vec::new();
    let mut first = 0;
    for count in cuts {
        let last = first + count;
        if kept.capacity() < last {
            kept = kept.grown(processor, first, last + 7);
        }
        let mut queries = vec![0f32; count * width];
        let part = case.part(first..last);
        prepare(processor, part, first, &mut kept, &mut queries);
        let out = &mut out[first * width..last * width];
        attend(processor, &queries, part.both, &kept, last, &mut partial, out);
        first = last;
    }
    out
}

#[test]
fn few_and_many_rows_attend_as_defined() {
    let real = AttentionSizes { heads: 4, kv_heads: 1, dim: 256 };
    let small = AttentionSizes { heads: 6, kv_heads: 2, dim: 48 };
    for sizes in [real, small] {
        let tokens = 290;
        let case = Case::new(sizes, tokens);
        for machine in Machine::all() {
            for (arithmetic, gate) in [(Arithmetic::Exact, 2e-5), (Arithmetic::Fast, 5e-3)] {
                let processor = Processor::new(2, machine, arithmetic);
                for cuts in [vec![tokens], vec![17, 260, 1, 5, 1, 6], vec![3, 287]] {
                    let out = run(&processor, &case, &cuts);
                    for token in [0, 1, 15, 16, 17, 100, 255, 256, 257, 277, 280, tokens - 1] {
                        for head in 0..sizes.heads {
                            let right = case.right(token, head);
                            let at = (token * sizes.heads + head) * sizes.dim;
                            let gap = right
                                .iter()
                                .zip(&out[at..])
                                .map(|(a, b)| (a - f64::from(*b)).abs())
                                .fold(0.0, f64::max);
                            assert!(
                                gap < gate,
                                "{machine}, {arithmetic:?}, {sizes:?}, {cuts:?}, token {token}, head {head}: {gap:e}"
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn few_rows_attend_as_each_does_alone() {
    let case = Case::new(AttentionSizes { heads: 8, kv_heads: 2, dim: 64 }, 300);
    let processor = Processor::new(3, Machine::best(), Arithmetic::Fast);
    let alone: Vec<usize> = [290].into_iter().chain([1; 10]).collect();
    assert_eq!(run(&processor, &case, &[290, 3, 7]), run(&processor, &case, &alone));
}
