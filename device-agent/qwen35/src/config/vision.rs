//! The vision tower's part of the configuration.

use serde_json::Value;

use super::fields::Fields;
use crate::error::Result;

/// The vision tower's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VisionConfig {
    /// Transformer blocks.
    pub depth: usize,
    /// Width of a patch vector.
    pub hidden_size: usize,
    /// Attention heads.
    pub heads: usize,
    /// Inner width of a block's MLP.
    pub intermediate_size: usize,
    /// Colour channels.
    pub channels: usize,
    /// Side of a patch in pixels.
    pub patch: usize,
    /// Frames in a patch.
    pub temporal_patch: usize,
    /// Side in patches of the block that becomes one token.
    pub merge: usize,
    /// Width of the language model.
    pub out_hidden_size: usize,
    /// Side of the learned position table.
    pub table_side: usize,
}

impl VisionConfig {
    /// Width of one head.
    pub fn head_dim(&self) -> usize {
        self.hidden_size / self.heads
    }

    /// Values in one patch row: channels, frames, height, width.
    pub fn patch_values(&self) -> usize {
        self.channels * self.temporal_patch * self.patch * self.patch
    }

    pub(super) fn parse(fields: Fields<'_>) -> Result<Self> {
        let (config, taps) = Self::read(fields)?;
        if !taps.is_empty() {
            return fields
                .wrong("deepstack_visual_indexes", "deepstack is not supported by this engine, only []");
        }
        Ok(config)
    }

    /// The tower of a sibling family, with the blocks after which it is tapped for the language model's first layers.
    pub fn parse_tapped(json: &Value) -> Result<(Self, Vec<usize>)> {
        Self::read(Fields::of(json, "vision_config")?)
    }

    fn read(fields: Fields<'_>) -> Result<(Self, Vec<usize>)> {
        fields.only("hidden_act", fields.text("hidden_act")?, &"gelu_pytorch_tanh")?;
        let positions = fields.count("num_position_embeddings", 1..=1 << 20)?;
        let config = Self {
            depth: fields.count("depth", 1..=1024)?,
            hidden_size: fields.count("hidden_size", 1..=1 << 16)?,
            heads: fields.count("num_heads", 1..=1024)?,
            intermediate_size: fields.count("intermediate_size", 1..=1 << 17)?,
            channels: fields.count_or("in_channels", 3..=3, 3)?,
            patch: fields.count_or("patch_size", 1..=256, 16)?,
            temporal_patch: fields.count_or("temporal_patch_size", 1..=16, 2)?,
            merge: fields.count_or("spatial_merge_size", 1..=16, 2)?,
            out_hidden_size: fields.count("out_hidden_size", 1..=1 << 17)?,
            table_side: positions.isqrt(),
        };
        if config.table_side * config.table_side != positions {
            return fields.wrong("num_position_embeddings", format!("{positions} is not a square"));
        }
        // A head turns by height and width, each over pairs of dimensions.
        if !config.hidden_size.is_multiple_of(config.heads) || !config.head_dim().is_multiple_of(4) {
            let problem = format!(
                "{} heads do not split {} into heads of a multiple of 4",
                config.heads, config.hidden_size
            );
            return fields.wrong("num_heads", problem);
        }
        let taps = fields.counts("deepstack_visual_indexes", 0..=config.depth - 1)?.unwrap_or_default();
        Ok((config, taps))
    }
}
