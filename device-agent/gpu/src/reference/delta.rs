//! The gated delta rule, token by token.

use super::{Call, sigmoid, silu};
use crate::kernel::Scalar::F32;

/// Sizes of a layer and the places in a row of its joint projection.
#[derive(Clone, Copy)]
struct Layer {
    key_heads: usize,
    value_heads: usize,
    share: usize,
    dk: usize,
    dv: usize,
}

impl Layer {
    fn channels(self) -> usize {
        2 * self.key_heads * self.dk + self.value_heads * self.dv
    }

    fn gate(self) -> usize {
        self.channels()
    }

    fn strength(self) -> usize {
        self.gate() + self.value_heads * self.dv
    }

    fn decay(self) -> usize {
        self.strength() + self.value_heads
    }

    fn stride(self) -> usize {
        self.decay() + self.value_heads
    }

    fn key_head(self, head: usize) -> usize {
        head / self.share % self.key_heads
    }
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn unit(x: &[f64]) -> Vec<f64> {
    let length = (x.iter().map(|v| v * v).sum::<f64>() + 1e-6).sqrt();
    x.iter().map(|v| v / length).collect()
}

/// One head's rule on one token; `cells` is `[dv][dk]`. Returns the output.
fn advance(cells: &mut [f64], q: &[f64], k: &[f64], v: &[f64], decay: f64, strength: f64) -> Vec<f64> {
    let row = |(cells, v): (&mut [f64], &f64)| {
        let read: f64 = cells.iter().zip(k).map(|(s, k)| s * decay * k).sum();
        let delta = strength * (v - read);
        cells.iter_mut().zip(k).for_each(|(s, k)| *s = *s * decay + k * delta);
        cells.iter().zip(q).map(|(s, q)| s * q).sum()
    };
    cells.chunks_exact_mut(k.len()).zip(v).map(row).collect()
}

fn gated(out: &[f64], norm: &[f64], gate: &[f64], eps: f64) -> Vec<f64> {
    let mean = out.iter().map(|v| v * v).sum::<f64>() / out.len() as f64;
    let length = 1.0 / (mean + eps).sqrt();
    out.iter().zip(norm).zip(gate).map(|((o, n), g)| o * length * n * silu(*g)).collect()
}

impl Call<'_> {
    fn many(&self, arg: usize, kind: crate::Scalar, from: usize, count: usize) -> Vec<f64> {
        (from..from + count).map(|i| self.get(arg, kind, i)).collect()
    }

    fn put(&mut self, arg: usize, kind: crate::Scalar, from: usize, values: &[f64]) {
        for (i, value) in values.iter().enumerate() {
            self.set(arg, kind, from + i, *value);
        }
    }
}

/// row, taps, ring, rate, dt bias, norm, state, y, key heads, value heads, share, token, eps
pub(super) fn step(call: &mut Call<'_>) {
    let kind = call.scalar(0);
    let layer = Layer {
        key_heads: call.size(8),
        value_heads: call.size(9),
        share: call.size(10),
        dk: call.int(1) as usize,
        dv: call.int(2) as usize,
    };
    let (token, eps, channels) = (call.size(11), call.number(12), layer.channels());
    let row = call.many(0, kind, 0, layer.stride());
    let mixed: Vec<f64> = (0..channels)
        .map(|c| {
            let before = |t: usize| {
                call.get(1, F32, t * channels + c) * call.get(2, F32, (token + 1 + t) % 4 * channels + c)
            };
            silu(row[c] * call.get(1, F32, 3 * channels + c) + (0..3).map(before).sum::<f64>())
        })
        .collect();
    call.put(2, F32, token % 4 * channels, &row[..channels]);
    for head in 0..layer.value_heads {
        let (dk, dv, key) = (layer.dk, layer.dv, layer.key_head(head));
        let q = unit(&mixed[key * dk..][..dk]).iter().map(|v| v / (dk as f64).sqrt()).collect::<Vec<_>>();
        let k = unit(&mixed[(layer.key_heads + key) * dk..][..dk]);
        let v = &mixed[2 * layer.key_heads * dk + head * dv..][..dv];
        let decay = call.get(3, F32, head) * softplus(row[layer.decay() + head] + call.get(4, F32, head));
        let strength = sigmoid(row[layer.strength() + head]);
        let mut cells = call.many(6, F32, head * dv * dk, dv * dk);
        let out = advance(&mut cells, &q, &k, v, decay.exp(), strength);
        call.put(6, F32, head * dv * dk, &cells);
        let norm = call.many(5, F32, 0, dv);
        let y = gated(&out, &norm, &row[layer.gate() + head * dv..][..dv], eps);
        call.put(7, kind, head * dv, &y);
    }
}

/// rows, taps, ring, mixed, key heads, value heads, token
pub(super) fn inputs(call: &mut Call<'_>) {
    let kind = call.scalar(0);
    let layer = Layer {
        key_heads: call.size(4),
        value_heads: call.size(5),
        share: 1,
        dk: call.int(1) as usize,
        dv: call.int(2) as usize,
    };
    let (first, channels) = (call.size(6), layer.channels());
    for token in 0..call.groups[1] as usize {
        let mut mixed: Vec<f64> = (0..channels)
            .map(|c| {
                let input = |t: usize| {
                    if token + t >= 3 {
                        call.get(0, kind, (token + t - 3) * layer.stride() + c)
                    } else {
                        call.get(2, F32, (first + token + t + 1) % 4 * channels + c)
                    }
                };
                silu((0..4).map(|t| call.get(1, F32, t * channels + c) * input(t)).sum())
            })
            .collect();
        let (keys, dk) = (layer.key_heads * layer.dk, layer.dk);
        for (i, head) in mixed[..2 * keys].chunks_exact_mut(dk).enumerate() {
            let scale = if i < layer.key_heads { (dk as f64).sqrt() } else { 1.0 };
            let normed = unit(head);
            head.iter_mut().zip(normed).for_each(|(to, v)| *to = v / scale);
        }
        call.put(3, F32, token * channels, &mixed);
    }
}

/// rows, mixed, ring, rate, dt bias, state, out, key heads, value heads, share, first, tokens
pub(super) fn rule(call: &mut Call<'_>) {
    let kind = call.scalar(0);
    let layer = Layer {
        key_heads: call.size(7),
        value_heads: call.size(8),
        share: call.size(9),
        dk: call.int(1) as usize,
        dv: call.int(2) as usize,
    };
    let (first, tokens, channels) = (call.size(10), call.size(11), layer.channels());
    for head in 0..layer.value_heads {
        let (dk, dv, key) = (layer.dk, layer.dv, layer.key_head(head));
        let mut cells = call.many(5, F32, head * dv * dk, dv * dk);
        for token in 0..tokens {
            let at = token * channels;
            let q = call.many(1, F32, at + key * dk, dk);
            let k = call.many(1, F32, at + (layer.key_heads + key) * dk, dk);
            let v = call.many(1, F32, at + 2 * layer.key_heads * dk + head * dv, dv);
            let of = |place: usize| call.get(0, kind, token * layer.stride() + place + head);
            let decay = call.get(3, F32, head) * softplus(of(layer.decay()) + call.get(4, F32, head));
            let out = advance(&mut cells, &q, &k, &v, decay.exp(), sigmoid(of(layer.strength())));
            call.put(6, F32, (token * layer.value_heads + head) * dv, &out);
        }
        call.put(5, F32, head * dv * dk, &cells);
    }
    for token in tokens.saturating_sub(4)..tokens {
        let row = call.many(0, kind, token * layer.stride(), channels);
        call.put(2, F32, (first + token) % 4 * channels, &row);
    }
}

/// rows, out, norm, y, key heads, value heads, eps
pub(super) fn outputs(call: &mut Call<'_>) {
    let kind = call.scalar(0);
    let layer = Layer {
        key_heads: call.size(4),
        value_heads: call.size(5),
        share: 1,
        dk: call.int(1) as usize,
        dv: call.int(2) as usize,
    };
    let (eps, dv) = (call.number(6), layer.dv);
    for token in 0..call.groups[1] as usize {
        for head in 0..layer.value_heads {
            let at = (token * layer.value_heads + head) * dv;
            let (out, norm) = (call.many(1, F32, at, dv), call.many(2, F32, 0, dv));
            let gate = call.many(0, kind, token * layer.stride() + layer.gate() + head * dv, dv);
            call.put(3, kind, at, &gated(&out, &norm, &gate, eps));
        }
    }
}
