//! The key-value cache of one full attention layer: grown without quadratic copying, cloned for nothing.
//!
//! Clones share one buffer. A holder may write behind its own end in place while nobody else has written
//! there, or while it is the only holder; otherwise it first takes its own copy. So a snapshot costs a
//! pointer, and going back to it and reading on costs at most one copy.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use candle_core::{DType, Device, Tensor};

use crate::config::Attention;
use crate::error::{ModelError, Result};

/// Buffers of states without a stated context grow by at least this many tokens.
const GROWTH: usize = 256;
/// Bytes of one stored element.
pub(crate) const ELEMENT_BYTES: u64 = 4;

#[derive(Debug)]
struct Buffer {
    /// `[kv heads, capacity, head dim]` each.
    keys: Tensor,
    values: Tensor,
    capacity: usize,
    /// How many tokens any holder has written.
    written: AtomicUsize,
}

/// One layer's keys and values.
#[derive(Debug, Clone)]
pub struct KvCache {
    buffer: Option<Arc<Buffer>>,
    len: usize,
    context: Option<usize>,
    sizes: Attention,
    device: Device,
}

impl KvCache {
    /// With a `context`, the buffer is taken once at that size and holds no more.
    pub fn empty(sizes: Attention, context: Option<usize>, device: &Device) -> Self {
        Self { buffer: None, len: 0, context, sizes, device: device.clone() }
    }

    /// Bytes of a cache for `tokens` tokens.
    pub(crate) fn bytes_for(sizes: &Attention, tokens: usize) -> u64 {
        2 * (sizes.kv_heads * sizes.head_dim) as u64 * tokens as u64 * ELEMENT_BYTES
    }

    /// Bytes that are taken now.
    pub(crate) fn bytes(&self) -> u64 {
        self.buffer.as_ref().map_or(0, |buffer| Self::bytes_for(&self.sizes, buffer.capacity))
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Forgets all but the first `len` tokens.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Takes note when no other holder is left, so that a later clone does not force a copy.
    pub(crate) fn claim(&mut self) {
        if let Some(buffer) = self.buffer.as_mut().and_then(Arc::get_mut) {
            *buffer.written.get_mut() = self.len;
        }
    }

    /// Adds `keys` and `values` `[kv heads, T, head dim]`; returns everything held.
    pub fn append(&mut self, keys: &Tensor, values: &Tensor) -> Result<(Tensor, Tensor)> {
        let more = keys.dim(1)?;
        let needed = self.len + more;
        if let Some(context) = self.context.filter(|context| needed > *context) {
            return Err(ModelError::ContextFull { held: self.len, context, more });
        }
        self.claim();
        let buffer = match &self.buffer {
            Some(buffer) if buffer.capacity >= needed && buffer.reserve(self.len, needed) => buffer.clone(),
            _ => {
                let grown = Arc::new(self.grown(needed)?);
                self.buffer = Some(grown.clone());
                grown
            }
        };
        buffer.keys.slice_set(keys, 1, self.len)?;
        buffer.values.slice_set(values, 1, self.len)?;
        self.len = needed;
        self.held().ok_or_else(|| ModelError::refused("reading an empty cache", "append first"))
    }

    /// Views of everything held.
    pub(crate) fn held(&self) -> Option<(Tensor, Tensor)> {
        let buffer = self.buffer.as_ref()?;
        let keys = buffer.keys.narrow(1, 0, self.len).ok()?;
        Some((keys, buffer.values.narrow(1, 0, self.len).ok()?))
    }

    fn grown(&self, needed: usize) -> Result<Buffer> {
        let capacity =
            self.context.unwrap_or_else(|| needed.max(self.len + self.len / 2).next_multiple_of(GROWTH));
        let shape = (self.sizes.kv_heads, capacity, self.sizes.head_dim);
        let keys = Tensor::zeros(shape, DType::F32, &self.device)?;
        let values = Tensor::zeros(shape, DType::F32, &self.device)?;
        if self.len > 0
            && let Some((old_keys, old_values)) = self.held()
        {
            keys.slice_set(&old_keys.contiguous()?, 1, 0)?;
            values.slice_set(&old_values.contiguous()?, 1, 0)?;
        }
        Ok(Buffer { keys, values, capacity, written: AtomicUsize::new(needed) })
    }
}

impl Buffer {
    /// Claims the tokens `from..to` for one writer; fails where another holder has already written there.
    fn reserve(&self, from: usize, to: usize) -> bool {
        self.written.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Attention = Attention { heads: 1, kv_heads: 1, head_dim: 1 };

    fn push(cache: &mut KvCache, value: f32) -> Result<Vec<f32>> {
        let row = Tensor::new(&[[[value]]], &Device::Cpu)?;
        Ok(cache.append(&row, &row)?.0.flatten_all()?.to_vec1()?)
    }

    #[test]
    fn holders_of_one_buffer_never_see_each_others_tokens() -> Result<()> {
        let mut first = KvCache::empty(SIZES, None, &Device::Cpu);
        push(&mut first, 1.0)?;
        let mut second = first.clone();
        assert_eq!(push(&mut first, 2.0)?, [1.0, 2.0]);
        assert_eq!(push(&mut second, 3.0)?, [1.0, 3.0]);
        assert_eq!(push(&mut first, 4.0)?, [1.0, 2.0, 4.0]);
        assert_eq!(push(&mut second, 5.0)?, [1.0, 3.0, 5.0]);
        Ok(())
    }

    #[test]
    fn the_last_holder_writes_in_place_after_going_back() -> Result<()> {
        let mut cache = KvCache::empty(SIZES, None, &Device::Cpu);
        push(&mut cache, 1.0)?;
        let snapshot = cache.clone();
        push(&mut cache, 2.0)?;
        let before = cache.buffer.as_ref().map(Arc::as_ptr);
        cache = snapshot;
        assert_eq!(push(&mut cache, 3.0)?, [1.0, 3.0]);
        assert_eq!(before, cache.buffer.as_ref().map(Arc::as_ptr));
        Ok(())
    }

    #[test]
    fn buffers_are_replaced_seldom() -> Result<()> {
        let mut cache = KvCache::empty(SIZES, None, &Device::Cpu);
        let mut buffers = std::collections::BTreeSet::new();
        for value in 0..4000u16 {
            push(&mut cache, f32::from(value))?;
            buffers.insert(cache.buffer.as_ref().map_or(0, |buffer| buffer.capacity));
        }
        assert!(buffers.len() <= 10, "grew {} times", buffers.len());
        Ok(())
    }

    #[test]
    fn a_stated_context_is_taken_once_and_kept() -> Result<()> {
        let mut cache = KvCache::empty(SIZES, Some(2), &Device::Cpu);
        push(&mut cache, 1.0)?;
        assert_eq!(cache.bytes(), KvCache::bytes_for(&SIZES, 2));
        push(&mut cache, 2.0)?;
        assert!(matches!(
            push(&mut cache, 3.0),
            Err(ModelError::ContextFull { held: 2, context: 2, more: 1 })
        ));
        Ok(())
    }
}
