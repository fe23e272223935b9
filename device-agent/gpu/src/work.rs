//! Memory that every call uses and none keeps: taken once, as large as the longest piece of a prompt needs.

use dyno_qwen35::config::TextConfig;

use crate::error::Result;
use crate::gpu::{Buffer, Gpu};
use crate::kernel::Scalar;
use crate::layer::SHARES;

/// Tokens of a prompt that pass through the layers together. A multiple of every kernel's block.
pub(crate) const CHUNK: usize = 512;
/// Logits that one threadgroup looks through.
pub(crate) const LOGITS_SHARE: usize = 4096;

#[derive(Debug)]
pub(crate) struct Work {
    /// The residual stream.
    pub(crate) x: Buffer,
    pub(crate) normed: Buffer,
    /// Joint projections.
    pub(crate) row: Buffer,
    /// Convolved and normed inputs of the delta rule, and what comes out of it.
    pub(crate) mixed: Buffer,
    pub(crate) delta_out: Buffer,
    /// What a mixer hands to its output projection.
    pub(crate) mixed_out: Buffer,
    pub(crate) queries: Buffer,
    pub(crate) inner: Buffer,
    /// Attention's shares of a long context.
    pub(crate) sums: Buffer,
    pub(crate) share_weights: Buffer,
    pub(crate) logits: Buffer,
    pub(crate) best: Buffer,
    pub(crate) best_ids: Buffer,
    pub(crate) text: TextConfig,
}

impl Work {
    pub(crate) fn new(gpu: &mut impl Gpu, text: &TextConfig, inner: usize, kind: Scalar) -> Result<Self> {
        let (a, l) = (text.attention, text.linear);
        let width = a.heads * a.head_dim;
        let delta_row = l.conv_channels() + l.value_width() + 2 * l.value_heads;
        let full_row = 2 * width + 2 * a.kv_heads * a.head_dim;
        let mut tokens = |values: usize, bytes: usize| gpu.buffer(CHUNK * values * bytes);
        let kind = kind.bytes();
        let parts = text.vocab_size.div_ceil(LOGITS_SHARE);
        Ok(Self {
            x: tokens(text.hidden_size, kind)?,
            normed: tokens(text.hidden_size, kind)?,
            row: tokens(delta_row.max(full_row), kind)?,
            mixed: tokens(l.conv_channels(), 4)?,
            delta_out: tokens(l.value_width(), 4)?,
            mixed_out: tokens(width.max(l.value_width()), kind)?,
            queries: tokens(width, kind)?,
            inner: tokens(inner, kind)?,
            sums: gpu.buffer(SHARES * width * 4)?,
            share_weights: gpu.buffer(SHARES * a.heads * 2 * 4)?,
            logits: gpu.buffer(text.vocab_size * 4)?,
            best: gpu.buffer(parts * 4)?,
            best_ids: gpu.buffer(parts * 4)?,
            text: text.clone(),
        })
    }
}
