//! The kept keys and values of one layer, laid out for the kernels: keys sixteen tokens beside each other,
//! values sixteen columns beside each other.

use super::AttentionSizes;
use crate::pages::Pages;
use crate::processor::Processor;
use crate::small::Cell;
use crate::vector::LANES;

/// Keys `[kv head][token / 16][dim][token % 16]`, values `[kv head][dim / 16][token][dim % 16]`.
#[derive(Debug, Clone)]
pub(super) enum Cells {
    /// f32
    Full { keys: Pages<f32>, values: Pages<f32> },
    /// f16
    Half { keys: Pages<u16>, values: Pages<u16> },
}

/// Room for the keys and values of a number of tokens.
#[derive(Debug, Clone)]
pub struct KeyValues {
    sizes: AttentionSizes,
    capacity: usize,
    cells: Cells,
}

impl KeyValues {
    /// Room for at least `tokens` tokens, in the precision that the processor's arithmetic asks for.
    pub fn new(processor: &Processor, sizes: AttentionSizes, tokens: usize) -> Self {
        assert!(sizes.dim.is_multiple_of(LANES), "whole registers");
        let capacity = tokens.next_multiple_of(LANES);
        let len = sizes.kv_heads * capacity * sizes.dim;
        let cells = if processor.is_fast() {
            Cells::Half { keys: Pages::zeroed(len), values: Pages::zeroed(len) }
        } else {
            Cells::Full { keys: Pages::zeroed(len), values: Pages::zeroed(len) }
        };
        Self { sizes, capacity, cells }
    }

    /// Bytes that one token's keys and values take.
    pub fn bytes_per_token(processor: &Processor, sizes: AttentionSizes) -> u64 {
        let element = if processor.is_fast() { 2 } else { 4 };
        2 * (sizes.kv_heads * sizes.dim) as u64 * element
    }

    pub fn sizes(&self) -> AttentionSizes {
        self.sizes
    }

    /// How many tokens have room.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> u64 {
        let cells = 2 * (self.sizes.kv_heads * self.capacity * self.sizes.dim) as u64;
        match self.cells {
            Cells::Full { .. } => 4 * cells,
            Cells::Half { .. } => 2 * cells,
        }
    }

    #[must_use]
    /// The first `len` tokens in room for at least `tokens`.
    pub fn grown(&self, processor: &Processor, len: usize, tokens: usize) -> Self {
        let mut grown = Self::new(processor, self.sizes, tokens.max(len));
        let (from, to) = (self.capacity, grown.capacity);
        match (&self.cells, &mut grown.cells) {
            (Cells::Full { keys, values }, Cells::Full { keys: new_keys, values: new_values }) => {
                move_over(self.sizes, (from, to), len, keys, new_keys, values, new_values);
            }
            (Cells::Half { keys, values }, Cells::Half { keys: new_keys, values: new_values }) => {
                move_over(self.sizes, (from, to), len, keys, new_keys, values, new_values);
            }
            _ => unreachable!("one processor has one arithmetic"),
        }
        grown
    }

    pub(super) fn cells(&self) -> &Cells {
        &self.cells
    }

    /// Keeps one head's key and value of the token at `at`.
    pub(super) fn keep(&mut self, at: usize, kv_head: usize, key: &[f32], value: &[f32]) {
        let place = Place { sizes: self.sizes, capacity: self.capacity, at, kv_head };
        match &mut self.cells {
            Cells::Full { keys, values } => place.keep(keys, values, key, value),
            Cells::Half { keys, values } => place.keep(keys, values, key, value),
        }
    }

    /// One head's keys and values of the first `len` tokens as floats, `[token][dim]` each.
    pub fn read(&self, kv_head: usize, len: usize) -> (Vec<f32>, Vec<f32>) {
        let AttentionSizes { dim, .. } = self.sizes;
        let (mut out_keys, mut out_values) = (Vec::with_capacity(len * dim), Vec::with_capacity(len * dim));
        for at in 0..len {
            let place = Place { sizes: self.sizes, capacity: self.capacity, at, kv_head };
            for column in 0..dim {
                let (key, value) = (place.key(column), place.value(column));
                let (key, value) = match &self.cells {
                    Cells::Full { keys, values } => (keys[key], values[value]),
                    Cells::Half { keys, values } => {
                        (crate::vector::from_f16(keys[key]), crate::vector::from_f16(values[value]))
                    }
                };
                out_keys.push(key);
                out_values.push(value);
            }
        }
        (out_keys, out_values)
    }
}

/// Where one token of one head lies.
#[derive(Clone, Copy)]
struct Place {
    sizes: AttentionSizes,
    capacity: usize,
    at: usize,
    kv_head: usize,
}

impl Place {
    fn key(self, column: usize) -> usize {
        let (dim, block) = (self.sizes.dim, self.at / LANES);
        self.kv_head * self.capacity * dim + (block * dim + column) * LANES + self.at % LANES
    }

    fn value(self, column: usize) -> usize {
        let panel = column / LANES * self.capacity;
        self.kv_head * self.capacity * self.sizes.dim + (panel + self.at) * LANES + column % LANES
    }

    fn keep<T: Cell>(self, keys: &mut [T], values: &mut [T], key: &[f32], value: &[f32]) {
        for (column, key) in key.iter().enumerate() {
            keys[self.key(column)] = T::of(*key);
        }
        for (column, value) in value.iter().enumerate() {
            values[self.value(column)] = T::of(*value);
        }
    }
}

fn move_over<T: Cell>(
    sizes: AttentionSizes,
    (from, to): (usize, usize),
    len: usize,
    keys: &[T],
    new_keys: &mut [T],
    values: &[T],
    new_values: &mut [T],
) {
    let head = |capacity: usize| capacity * sizes.dim;
    let kept = len.next_multiple_of(LANES);
    for kv_head in 0..sizes.kv_heads {
        // Blocks of tokens follow each other, so the keys move as one.
        let (old, new) = (kv_head * head(from), kv_head * head(to));
        let moved = kept * sizes.dim;
        new_keys[new..new + moved].copy_from_slice(&keys[old..old + moved]);
        for panel in 0..sizes.dim / LANES {
            let (old, new) = (old + panel * from * LANES, new + panel * to * LANES);
            let moved = kept * LANES;
            new_values[new..new + moved].copy_from_slice(&values[old..old + moved]);
        }
    }
}
