//! Softmax attention over kept keys and values, from projections to gated outputs. Query heads that share keys
//! are worked on together, so that keys and values are read once for all of them.

mod cells;
mod few;
mod many;
mod prepare;

use std::cell::RefCell;

pub use cells::KeyValues;
pub use prepare::{Projections, prepare};

use crate::pages::Pages;
use crate::processor::Processor;
use crate::vector::LANES;
use cells::Cells;

/// Sizes of an attention layer. The head's width is whole registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttentionSizes {
    pub heads: usize,
    /// Divides `heads`; query head `h` reads key head `h / (heads / kv_heads)`.
    pub kv_heads: usize,
    pub dim: usize,
}

impl AttentionSizes {
    pub(crate) fn group(&self) -> usize {
        self.heads / self.kv_heads
    }
}

/// Up to so many query rows, each is answered for itself, in the same way however many there are.
const FEW: usize = crate::input::FEW;

thread_local! {
    static SCRATCH: RefCell<Pages<f32>> = RefCell::new(Pages::zeroed(0));
}

/// Room for `len` floats that this thread keeps.
fn with_scratch<T>(len: usize, work: impl FnOnce(&mut [f32]) -> T) -> T {
    SCRATCH.with_borrow_mut(|scratch| {
        if scratch.len() < len {
            *scratch = Pages::zeroed(len.next_multiple_of(4096));
        }
        work(&mut scratch[..len])
    })
}

/// Queries `[token][head][dim]`, ready and scaled, of the last tokens among the first `seen` kept; each sees no
/// token after its own. The result, of the same shape, is multiplied by the sigmoid of the gates.
///
/// `both` are the projections `[token][head][query dim, gate dim]` in which the gates lie.
pub fn attend(
    processor: &Processor,
    queries: &[f32],
    both: &[f32],
    kept: &KeyValues,
    seen: usize,
    partial: &mut Vec<f32>,
    out: &mut [f32],
) {
    let sizes = kept.sizes();
    let width = sizes.heads * sizes.dim;
    let tokens = queries.len() / width;
    assert!(tokens > 0 && queries.len() == tokens * width && out.len() == queries.len(), "whole tokens");
    assert!(both.len() == 2 * queries.len() && tokens <= seen && seen <= kept.capacity(), "kept tokens");
    let call = Call { queries, both, sizes, capacity: kept.capacity(), tokens, seen };
    match kept.cells() {
        Cells::Full { keys, values } if tokens <= FEW => {
            few::attend(processor, call, keys, values, partial, out);
        }
        Cells::Half { keys, values } if tokens <= FEW => {
            few::attend(processor, call, keys, values, partial, out);
        }
        Cells::Full { keys, values } => many::attend(processor, call, keys, values, out),
        Cells::Half { keys, values } => many::attend(processor, call, keys, values, out),
    }
}

/// What one call of [`attend`] is about.
#[derive(Clone, Copy)]
struct Call<'a> {
    queries: &'a [f32],
    both: &'a [f32],
    sizes: AttentionSizes,
    capacity: usize,
    tokens: usize,
    seen: usize,
}

impl Call<'_> {
    /// How many tokens the query row sees.
    fn seen_by(&self, token: usize) -> usize {
        self.seen - self.tokens + token + 1
    }

    /// Where the gate of a head lies in `both`.
    fn gate(&self, token: usize, head: usize) -> *const f32 {
        let at = ((token * self.sizes.heads + head) * 2 + 1) * self.sizes.dim;
        self.both[at..at + self.sizes.dim].as_ptr()
    }

    fn query(&self, token: usize, head: usize) -> *const f32 {
        let at = (token * self.sizes.heads + head) * self.sizes.dim;
        self.queries[at..at + self.sizes.dim].as_ptr()
    }

    /// Where the keys of a head begin: `[token / 16][dim][token % 16]`.
    fn keys(&self, kv_head: usize) -> usize {
        kv_head * self.capacity * self.sizes.dim
    }

    /// Where the values of a head begin: `[dim / 16][token][dim % 16]`.
    fn values(&self, kv_head: usize) -> usize {
        kv_head * self.capacity * self.sizes.dim
    }

    fn panels(&self) -> usize {
        self.sizes.dim / LANES
    }
}

#[cfg(test)]
mod tests;
