//! How pictures are prepared. The defaults are the published ones; a checkpoint's own
//! `preprocessor_config.json` and `video_preprocessor_config.json` override them.

use serde_json::Value;

use crate::error::{ModelError, Result};

/// Preparation of still images.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageSettings {
    /// The fewest pixels after resizing.
    pub min_pixels: u64,
    /// The most pixels after resizing; lowering it is the documented way to save tokens.
    pub max_pixels: u64,
    /// Subtracted from each channel.
    pub mean: [f32; 3],
    /// Divides each channel.
    pub std: [f32; 3],
}

/// Preparation of videos. The pixel bounds hold over all frames together.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoSettings {
    /// Bounds on pixels, mean and deviation.
    pub image: ImageSettings,
    /// Frames taken per second.
    pub fps: f64,
    /// The fewest frames taken, where there are as many.
    pub min_frames: usize,
    /// The most frames taken.
    pub max_frames: usize,
}

impl Default for ImageSettings {
    fn default() -> Self {
        Self { min_pixels: 65_536, max_pixels: 16_777_216, mean: [0.5; 3], std: [0.5; 3] }
    }
}

impl Default for VideoSettings {
    fn default() -> Self {
        let image = ImageSettings { min_pixels: 4_096, max_pixels: 25_165_824, ..ImageSettings::default() };
        Self { image, fps: 2.0, min_frames: 4, max_frames: 768 }
    }
}

impl ImageSettings {
    /// The defaults overridden by a `preprocessor_config.json`.
    pub fn parse(json: &Value) -> Result<Self> {
        Self::default().overridden(json)
    }

    fn overridden(mut self, json: &Value) -> Result<Self> {
        // `size` holds pixel counts under names that suggest edges; old files say what they mean.
        let size = json.get("size").unwrap_or(&Value::Null);
        for (value, target) in [
            (size.get("shortest_edge").or(json.get("min_pixels")), &mut self.min_pixels),
            (size.get("longest_edge").or(json.get("max_pixels")), &mut self.max_pixels),
        ] {
            if let Some(value) = value.filter(|value| !value.is_null()) {
                *target = value
                    .as_u64()
                    .filter(|pixels| (1..=1 << 40).contains(pixels))
                    .ok_or_else(|| wrong("size", format!("expected a count of pixels, found {value}")))?;
            }
        }
        if self.min_pixels > self.max_pixels {
            return Err(wrong("size", format!("asks for {} to {} pixels", self.min_pixels, self.max_pixels)));
        }
        for (key, target) in [("image_mean", &mut self.mean), ("image_std", &mut self.std)] {
            if let Some(value) = json.get(key).filter(|value| !value.is_null()) {
                *target = triple(value)
                    .ok_or_else(|| wrong(key, format!("expected three numbers, found {value}")))?;
            }
        }
        if self.std.iter().any(|std| *std <= 0.0) {
            return Err(wrong("image_std", "must be above zero"));
        }
        Ok(self)
    }
}

impl VideoSettings {
    /// The defaults overridden by a `video_preprocessor_config.json`.
    pub fn parse(json: &Value) -> Result<Self> {
        let mut settings = Self::default();
        settings.image = settings.image.overridden(json)?;
        if let Some(fps) = json.get("fps").and_then(Value::as_f64) {
            settings.fps = fps;
        }
        let count = |key: &str| json.get(key).and_then(Value::as_u64).map(|frames| frames as usize);
        settings.min_frames = count("min_frames").unwrap_or(settings.min_frames);
        settings.max_frames = count("max_frames").unwrap_or(settings.max_frames);
        if !(settings.fps > 0.0 && settings.fps <= 1e4) || settings.max_frames == 0 {
            return Err(wrong("fps", "frames per second and max_frames must be above zero"));
        }
        Ok(settings)
    }
}

fn triple(value: &Value) -> Option<[f32; 3]> {
    let numbers: Option<Vec<f32>> = value.as_array()?.iter().map(|n| n.as_f64().map(|n| n as f32)).collect();
    numbers?.try_into().ok()
}

fn wrong(key: &str, problem: impl Into<String>) -> ModelError {
    ModelError::config(format!("preprocessor_config.{key}"), problem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_published_file_equals_the_defaults() -> Result<()> {
        let published = json!({
            "size": {"shortest_edge": 65536, "longest_edge": 16_777_216},
            "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
        });
        assert_eq!(ImageSettings::parse(&published)?, ImageSettings::default());
        Ok(())
    }

    #[test]
    fn hostile_files_are_refused() {
        for bad in [
            json!({"size": {"shortest_edge": 0}}),
            json!({"size": {"shortest_edge": 10, "longest_edge": 5}}),
            json!({"image_std": [0.5, 0.0, 0.5]}),
            json!({"image_mean": [0.5]}),
        ] {
            assert!(ImageSettings::parse(&bad).is_err(), "{bad}");
        }
        assert!(VideoSettings::parse(&json!({"fps": 0})).is_err());
    }
}
