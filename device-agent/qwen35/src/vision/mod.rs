//! Pictures: from encoded bytes to vectors in a prompt. `picture` holds pixels, `fit` chooses a size,
//! `resample` scales, `patches` cuts, `tower` computes. Only `tower` touches the device.

mod fit;
mod patches;
mod picture;
mod resample;
mod settings;
mod tower;

use candle_core::Tensor;

use crate::error::{ModelError, Result};
use crate::model::{Qwen35, VisionFeatures};
pub use fit::{Size, fit_image, fit_video, sample_frames};
pub use patches::{PatchGrid, Patches};
pub use picture::Picture;
pub use resample::resize;
pub use settings::{ImageSettings, VideoSettings};
pub use tower::VisionTower;

impl VisionFeatures {
    /// The features of several pictures as those of one prompt, in the order of its placeholders.
    pub fn join(parts: &[Self]) -> Result<Self> {
        let rows: Vec<&Tensor> = parts.iter().map(|part| &part.rows).collect();
        if rows.is_empty() {
            return Err(ModelError::refused("joining no pictures", "prompt with text alone"));
        }
        let grids = parts.iter().flat_map(|part| part.grids.iter().copied()).collect();
        Ok(Self { rows: Tensor::cat(&rows, 0)?, grids })
    }
}

impl Qwen35 {
    /// Computes the vectors that stand for one prepared image or video.
    pub fn see(&self, patches: &Patches) -> Result<VisionFeatures> {
        let tower = self.vision().ok_or_else(|| {
            ModelError::refused("seeing without a vision tower", "load the model with `vision`")
        })?;
        tower.see(patches)
    }
}
