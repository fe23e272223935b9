//! The mixture of experts on kernels: every chosen expert runs once, on the tokens that chose it.

use std::sync::{Mutex, PoisonError};

use dyno_kernels::{Input, Processor, Product, Tiles, products};
use dyno_weights::Checkpoint;

use super::layer::Mlp;
use super::packing::{pack, tiles};
use super::scratch::Scratch;
use crate::config::Experts as Sizes;
use crate::error::Result;
use crate::moe::choose;

#[derive(Debug)]
pub(super) struct Experts {
    router: Tiles,
    routed: Vec<Mlp>,
    shared: Mlp,
    shared_gate: Tiles,
    sizes: Sizes,
    room: Mutex<Room>,
}

/// Inputs and outputs of one expert.
#[derive(Debug)]
struct Room {
    tokens: usize,
    input: Input,
    inner: [Input; 2],
    up: Vec<f32>,
    out: Vec<f32>,
}

impl Room {
    fn new(tokens: usize, hidden: usize, sizes: Sizes) -> Self {
        let widest = sizes.width.max(sizes.shared_width);
        Self {
            tokens,
            input: Input::new(tokens, hidden),
            inner: [Input::new(tokens, sizes.width), Input::new(tokens, sizes.shared_width)],
            up: vec![0.0; tokens * widest],
            out: vec![0.0; tokens * hidden],
        }
    }
}

impl Experts {
    pub(super) fn load(
        processor: &Processor,
        weights: &Checkpoint,
        prefix: &str,
        h: usize,
        sizes: Sizes,
    ) -> Result<Self> {
        let shared = format!("{prefix}.shared_expert");
        let device = candle_core::Device::Cpu;
        let stored = weights.experts(&format!("{prefix}.experts"), sizes.count, sizes.width, h, &device)?;
        let three = stored.gate.iter().zip(&stored.up).zip(&stored.down);
        let experts = three
            .map(|((gate, up), down)| {
                let [gate, up, down] = [gate, up, down].map(|linear| pack(processor, linear));
                Ok(Mlp { gate: gate?, up: up?, down: down? })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            router: tiles(processor, weights, &format!("{prefix}.gate.weight"), sizes.count, h)?,
            routed: experts,
            shared: Mlp::load(processor, weights, &shared, h, sizes.shared_width)?,
            shared_gate: tiles(processor, weights, &format!("{shared}_gate.weight"), 1, h)?,
            sizes,
            room: Mutex::new(Room::new(1, h, sizes)),
        })
    }

    /// From the normed rows in the scratch to what is added to the residual stream.
    pub(super) fn forward(&self, processor: &Processor, scratch: &mut Scratch) {
        let Scratch { normed, added, .. } = scratch;
        let (rows, h) = (normed.rows(), normed.cols());
        let added = &mut added[..rows * h];
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        if room.tokens < rows {
            *room = Room::new(rows, h, self.sizes);
        }
        let Room { input, inner, up, out, .. } = &mut *room;
        let mut routes = vec![0f32; rows * self.sizes.count];
        let mut shared = vec![0f32; rows];
        products(
            processor,
            normed,
            &mut [
                Product { weights: &self.router, out: &mut routes },
                Product { weights: &self.shared_gate, out: &mut shared },
            ],
        );
        self.shared.forward(processor, normed, &mut inner[1], up, added);
        for (row, gate) in added.chunks_exact_mut(h).zip(&shared) {
            let weight = 1.0 / (1.0 + (-gate).exp());
            for x in row {
                *x *= weight;
            }
        }
        let mut chosen = vec![Vec::new(); self.sizes.count];
        for (token, row) in routes.chunks_exact_mut(self.sizes.count).enumerate() {
            softmax(row);
            for (expert, weight) in choose(row, self.sizes.per_token, self.sizes.normalise) {
                chosen[expert].push((token, weight));
            }
        }
        for (expert, tokens) in self.routed.iter().zip(chosen).filter(|(_, tokens)| !tokens.is_empty()) {
            let to = input.fill(tokens.len());
            for (to, (token, _)) in to.chunks_exact_mut(h).zip(&tokens) {
                to.copy_from_slice(&normed.values()[token * h..(token + 1) * h]);
            }
            let out = &mut out[..tokens.len() * h];
            expert.forward(processor, input, &mut inner[0], up, out);
            for (row, (token, weight)) in out.chunks_exact(h).zip(&tokens) {
                let to = &mut added[token * h..(token + 1) * h];
                for (to, x) in to.iter_mut().zip(row) {
                    *to += weight * x;
                }
            }
        }
    }
}

fn softmax(row: &mut [f32]) {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for x in &mut *row {
        *x = (*x - largest).exp();
    }
    let total: f32 = row.iter().sum();
    for x in row {
        *x /= total;
    }
}
