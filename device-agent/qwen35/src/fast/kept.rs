//! Keys and values of one layer for the kernels. Clones share one buffer; whoever writes while it is shared takes
//! a copy first, so a snapshot costs a pointer, and going on from it at most one copy.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use dyno_kernels::{AttentionSizes, KeyValues, Processor};

use crate::config::Attention;
use crate::error::{ModelError, Result};

/// Buffers of states without a stated context grow by at least this many tokens.
const GROWTH: usize = 256;

#[derive(Debug, Clone)]
pub(crate) struct Kept {
    buffer: Option<Arc<KeyValues>>,
    len: usize,
    context: Option<usize>,
    sizes: AttentionSizes,
    processor: Arc<Processor>,
}

fn sizes(attention: Attention) -> AttentionSizes {
    let Attention { heads, kv_heads, head_dim } = attention;
    AttentionSizes { heads, kv_heads, dim: head_dim }
}

impl Kept {
    /// With a `context`, the buffer is taken once at that size and holds no more.
    pub(crate) fn empty(attention: Attention, context: Option<usize>, processor: &Arc<Processor>) -> Self {
        Self { buffer: None, len: 0, context, sizes: sizes(attention), processor: processor.clone() }
    }

    /// Buffers have room for a multiple of so many tokens.
    pub(crate) const GRANULE: usize = 16;

    /// Bytes of one token's keys and values.
    pub(crate) fn token_bytes(attention: Attention, processor: &Processor) -> u64 {
        KeyValues::bytes_per_token(processor, sizes(attention))
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.buffer.as_ref().map_or(0, |buffer| buffer.bytes())
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Forgets all but the first `len` tokens.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Room for `more` tokens behind those that are held, which are then held too once they are written.
    pub(super) fn extend(&mut self, more: usize) -> Result<&mut KeyValues> {
        let needed = self.len + more;
        if let Some(context) = self.context.filter(|context| needed > *context) {
            return Err(ModelError::ContextFull { held: self.len, context, more });
        }
        let capacity =
            self.context.unwrap_or_else(|| needed.max(self.len + self.len / 2).next_multiple_of(GROWTH));
        let is_ours = self.buffer.as_mut().and_then(Arc::get_mut).is_some_and(|own| own.capacity() >= needed);
        if !is_ours {
            self.buffer = Some(Arc::new(match &self.buffer {
                None => KeyValues::new(&self.processor, self.sizes, capacity),
                Some(shared) => shared.grown(&self.processor, self.len, capacity),
            }));
        }
        self.len = needed;
        self.buffer.as_mut().and_then(Arc::get_mut).ok_or_else(crate::layer::foreign_state)
    }

    pub(super) fn held(&self) -> Result<&KeyValues> {
        self.buffer.as_deref().ok_or_else(crate::layer::foreign_state)
    }

    /// Everything held as tensors `[kv heads, tokens, head dim]`, for checks.
    pub(crate) fn tensors(&self) -> Result<(Tensor, Tensor)> {
        let held = self.held()?;
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for head in 0..self.sizes.kv_heads {
            let (k, v) = held.read(head, self.len);
            keys.extend(k);
            values.extend(v);
        }
        let shape = (self.sizes.kv_heads, self.len, self.sizes.dim);
        Ok((Tensor::from_vec(keys, shape, &Device::Cpu)?, Tensor::from_vec(values, shape, &Device::Cpu)?))
    }
}
