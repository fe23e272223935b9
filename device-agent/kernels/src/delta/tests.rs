//! The layer against its definition in f64, for one token and for many, on every machine.

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

fn weights(sizes: DeltaSizes, tiled: bool) -> DeltaWeights {
    DeltaWeights {
        sizes,
        taps: noise(1, sizes.kernel * sizes.channels()),
        rate: noise(2, sizes.value_heads).iter().map(|x| -x.abs() - 0.01).collect(),
        dt_bias: noise(3, sizes.value_heads),
        norm: noise(4, sizes.value_dim),
        eps: 1e-6,
        tiled,
    }
}

/// The definition, token by token.
struct Slow {
    conv: Vec<f64>,
    state: Vec<f64>,
}

impl Slow {
    fn token(&mut self, w: &DeltaWeights, qkv: &[f32], z: &[f32], a: &[f32], b: &[f32]) -> Vec<f64> {
        let s = w.sizes;
        let channels = s.channels();
        self.conv.extend(qkv.iter().map(|x| f64::from(*x)));
        let silu = |x: f64| x / (1.0 + (-x).exp());
        let mixed: Vec<f64> = (0..channels)
            .map(|c| {
                silu(
                    (0..s.kernel)
                        .map(|t| f64::from(w.taps[t * channels + c]) * self.conv[t * channels + c])
                        .sum(),
                )
            })
            .collect();
        self.conv.drain(..channels);
        let keys = s.key_heads * s.key_dim;
        let unit = |x: &[f64]| -> Vec<f64> {
            let length = (x.iter().map(|x| x * x).sum::<f64>() + 1e-6).sqrt();
            x.iter().map(|x| x / length).collect()
        };
        let mut out = Vec::new();
        for head in 0..s.value_heads {
            let key = if w.tiled { head % s.key_heads } else { head / (s.value_heads / s.key_heads) };
            let q = unit(&mixed[key * s.key_dim..(key + 1) * s.key_dim]);
            let k = unit(&mixed[keys + key * s.key_dim..keys + (key + 1) * s.key_dim]);
            let v = &mixed[2 * keys + head * s.value_dim..2 * keys + (head + 1) * s.value_dim];
            let decay = (f64::from(w.rate[head]) * f64::from(a[head] + w.dt_bias[head]).exp().ln_1p()).exp();
            let beta = 1.0 / (1.0 + f64::from(-b[head]).exp());
            let state = &mut self.state[head * s.key_dim * s.value_dim..(head + 1) * s.key_dim * s.value_dim];
            for x in state.iter_mut() {
                *x *= decay;
            }
            let column = |state: &[f64], x: &[f64], j: usize| -> f64 {
                (0..s.key_dim).map(|i| state[i * s.value_dim + j] * x[i]).sum()
            };
            let delta: Vec<f64> = (0..s.value_dim).map(|j| beta * (v[j] - column(state, &k, j))).collect();
            for i in 0..s.key_dim {
                for j in 0..s.value_dim {
                    state[i * s.value_dim + j] += k[i] * delta[j];
                }
            }
            let root = (s.key_dim as f64).sqrt();
            let o: Vec<f64> = (0..s.value_dim).map(|j| column(state, &q, j) / root).collect();
            let mean = o.iter().map(|x| x * x).sum::<f64>() / s.value_dim as f64;
            for (j, x) in o.iter().enumerate() {
                let gate = silu(f64::from(z[head * s.value_dim + j]));
                out.push(x / (mean + f64::from(w.eps)).sqrt() * f64::from(w.norm[j]) * gate);
            }
        }
        out
    }
}

#[test]
fn blocks_and_single_tokens_are_what_the_rule_says() {
    let square = DeltaSizes { key_heads: 2, value_heads: 2, key_dim: 128, value_dim: 128, kernel: 4 };
    let odd = DeltaSizes { key_heads: 2, value_heads: 6, key_dim: 32, value_dim: 48, kernel: 3 };
    for (sizes, tiled) in [(square, false), (odd, false), (odd, true)] {
        let w = weights(sizes, tiled);
        let tokens = 75;
        let (channels, width) = (sizes.channels(), sizes.value_heads * sizes.value_dim);
        let (qkv, z) = (noise(5, tokens * channels), noise(6, tokens * width));
        let (a, b) = (noise(7, tokens * sizes.value_heads), noise(8, tokens * sizes.value_heads));
        let mut slow = Slow {
            conv: vec![0.0; (sizes.kernel - 1) * channels],
            state: vec![0.0; sizes.value_heads * sizes.key_dim * sizes.value_dim],
        };
        let right: Vec<f64> = (0..tokens)
            .flat_map(|t| {
                let heads = t * sizes.value_heads..(t + 1) * sizes.value_heads;
                let (qkv, z) = (&qkv[t * channels..(t + 1) * channels], &z[t * width..(t + 1) * width]);
                slow.token(&w, qkv, z, &a[heads.clone()], &b[heads])
            })
            .collect();
        for machine in Machine::all() {
            let processor = Processor::new(2, machine, Arithmetic::Exact);
            for cuts in [vec![tokens], vec![1; tokens], vec![1, 2, 40, 3, 29], vec![33, 42]] {
                let mut memory = DeltaMemory::empty(&sizes);
                let mut out = vec![0f32; tokens * width];
                let mut first = 0;
                for count in &cuts {
                    let last = first + count;
                    let heads = first * sizes.value_heads..last * sizes.value_heads;
                    let input = DeltaInput {
                        qkv: &qkv[first * channels..last * channels],
                        z: &z[first * width..last * width],
                        a: &a[heads.clone()],
                        b: &b[heads],
                    };
                    gated_delta(&processor, &w, input, &mut memory, &mut out[first * width..last * width]);
                    first = last;
                }
                let gap = |ours: &[f32], theirs: &[f64]| {
                    ours.iter().zip(theirs).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max)
                };
                assert!(gap(&out, &right) < 1e-4, "{machine}, {sizes:?}, {cuts:?}: {}", gap(&out, &right));
                let state = gap(&memory.state, &slow.state);
                assert!(state < 1e-5, "{machine}, {sizes:?}, {cuts:?}: state off by {state}");
                assert!(gap(&memory.conv, &slow.conv) == 0.0, "{machine}: the convolution's last inputs");
            }
        }
    }
}
