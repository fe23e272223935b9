//! Cutting pictures into patch rows: time, then merge blocks row by row, then the patches inside a block;
//! a row is channels, frames, pixel rows, pixels.

use super::fit::{Size, fit_image, fit_video};
use super::picture::Picture;
use super::resample::resize;
use super::settings::{ImageSettings, VideoSettings};
use crate::config::VisionConfig;
use crate::error::{ModelError, Result};
use crate::positions::TokenGrid;

/// Patches in time, height and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatchGrid {
    /// Temporal patches.
    pub time: usize,
    /// Patch rows.
    pub height: usize,
    /// Patches in a row.
    pub width: usize,
}

impl PatchGrid {
    /// Patches altogether.
    pub fn patches(&self) -> usize {
        self.time * self.height * self.width
    }
}

/// A prepared image or video: what the vision tower reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Patches {
    /// One row after another, `grid.patches()` of them.
    pub values: Vec<f32>,
    /// How the rows are laid out.
    pub grid: PatchGrid,
    merge: usize,
}

impl Patches {
    /// Prepares a still image; it fills all frames of its patches.
    pub fn image(picture: &Picture, config: &VisionConfig, settings: &ImageSettings) -> Result<Self> {
        let size = Size { height: picture.height(), width: picture.width() };
        let size = fit_image(size, config.patch * config.merge, settings)?;
        let plane = normalised(&resize(picture, size)?, settings);
        Self::cut(&vec![plane; config.temporal_patch], size, config)
    }

    /// Prepares the sampled frames of a video, all of one size. The last frame is repeated to fill its patch.
    pub fn video(frames: &[Picture], config: &VisionConfig, settings: &VideoSettings) -> Result<Self> {
        let Some((first, rest)) = frames.split_first() else {
            return Err(ModelError::Media {
                media: "a video".to_owned(),
                problem: "has no frames".to_owned(),
            });
        };
        let size = Size { height: first.height(), width: first.width() };
        if rest.iter().any(|frame| (frame.height(), frame.width()) != (size.height, size.width)) {
            return Err(ModelError::Media {
                media: "a video".to_owned(),
                problem: "has frames of several sizes".to_owned(),
            });
        }
        let factor = config.patch * config.merge;
        let size = fit_video(size, frames.len(), factor, config.temporal_patch, settings)?;
        let mut planes = frames
            .iter()
            .map(|frame| Ok(normalised(&resize(frame, size)?, &settings.image)))
            .collect::<Result<Vec<_>>>()?;
        while planes.len() % config.temporal_patch != 0 {
            planes.extend(planes.last().cloned());
        }
        Self::cut(&planes, size, config)
    }

    /// Rows that were cut elsewhere.
    pub fn from_rows(values: Vec<f32>, grid: PatchGrid, config: &VisionConfig) -> Result<Self> {
        let whole = grid.height.is_multiple_of(config.merge) && grid.width.is_multiple_of(config.merge);
        if !whole || grid.patches() == 0 || grid.patches() * config.patch_values() != values.len() {
            return Err(ModelError::Media {
                media: format!("patches of {} x {} x {}", grid.time, grid.height, grid.width),
                problem: format!("do not fit {} values or merge blocks of {}", values.len(), config.merge),
            });
        }
        Ok(Self { values, grid, merge: config.merge })
    }

    /// The language model's view: one grid per temporal patch.
    pub fn token_grids(&self) -> Vec<TokenGrid> {
        let grid = TokenGrid { height: self.grid.height / self.merge, width: self.grid.width / self.merge };
        vec![grid; self.grid.time]
    }

    /// Placeholders the prompt needs.
    pub fn tokens(&self) -> usize {
        self.grid.patches() / (self.merge * self.merge)
    }

    /// `planes` are frames of `[channel, height, width]`, a multiple of the temporal patch.
    pub(crate) fn cut(planes: &[Vec<f32>], size: Size, config: &VisionConfig) -> Result<Self> {
        let (patch, merge, frames) = (config.patch, config.merge, config.temporal_patch);
        let grid =
            PatchGrid { time: planes.len() / frames, height: size.height / patch, width: size.width / patch };
        let mut values = Vec::with_capacity(grid.patches() * config.patch_values());
        for clip in planes.chunks_exact(frames) {
            for (row, column) in block_order(grid, merge) {
                for channel in 0..config.channels {
                    for plane in clip {
                        for y in row * patch..(row + 1) * patch {
                            let start = (channel * size.height + y) * size.width + column * patch;
                            values.extend_from_slice(&plane[start..start + patch]);
                        }
                    }
                }
            }
        }
        Self::from_rows(values, grid, config)
    }
}

/// Rows and columns of one temporal patch's patches, in the order of the rows.
pub(super) fn block_order(grid: PatchGrid, merge: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..grid.height / merge).flat_map(move |block_row| {
        (0..grid.width / merge).flat_map(move |block_column| {
            (0..merge * merge).map(move |inside| {
                (block_row * merge + inside / merge, block_column * merge + inside % merge)
            })
        })
    })
}

/// `[channel, height, width]`, scaled to one and then centred, each step rounded to f32 as in the reference.
fn normalised(picture: &Picture, settings: &ImageSettings) -> Vec<f32> {
    let mut table = [[0f32; 256]; 3];
    for (channel, levels) in table.iter_mut().enumerate() {
        for (level, value) in levels.iter_mut().enumerate() {
            let scaled = (level as f64 * (1.0 / 255.0)) as f32;
            *value = (scaled - settings.mean[channel]) / settings.std[channel];
        }
    }
    (0..3)
        .flat_map(|c| picture.rgb().iter().skip(c).step_by(3).map(move |v| table[c][usize::from(*v)]))
        .collect()
}
