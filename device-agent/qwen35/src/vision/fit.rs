//! Which size a picture is brought to, and which frames of a video are taken. Pure arithmetic; rounding is
//! half to even, as in the reference.

use super::settings::{ImageSettings, VideoSettings};
use crate::error::{ModelError, Result};

/// The steepest aspect ratio that is accepted.
const MAX_ASPECT: f64 = 200.0;

/// Height and width in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Rows.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
}

/// The size of a still image: multiples of `factor`, pixel count within bounds, aspect nearly kept.
pub fn fit_image(size: Size, factor: usize, settings: &ImageSettings) -> Result<Size> {
    check_aspect(size)?;
    Ok(fit(size, 1.0, 1.0, factor, settings))
}

/// The size of every frame of a video of `frames` frames; the bounds hold over all frames together.
pub fn fit_video(
    size: Size,
    frames: usize,
    factor: usize,
    temporal_factor: usize,
    settings: &VideoSettings,
) -> Result<Size> {
    if frames < temporal_factor {
        return Err(ModelError::Media {
            media: format!("a video of {frames} frames"),
            problem: format!("is shorter than the {temporal_factor} frames of one patch"),
        });
    }
    let small = (factor as f64 / size.height as f64).max(factor as f64 / size.width as f64);
    let size = if small > 1.0 {
        let scaled = |side: usize| (side as f64 * small) as usize;
        Size { height: scaled(size.height), width: scaled(size.width) }
    } else {
        size
    };
    check_aspect(size)?;
    let even = (frames as f64 / temporal_factor as f64).round_ties_even() * temporal_factor as f64;
    Ok(fit(size, frames as f64, even, factor, &settings.image))
}

fn check_aspect(size: Size) -> Result<()> {
    let (long, short) = (size.height.max(size.width), size.height.min(size.width));
    if short == 0 || long as f64 / short as f64 > MAX_ASPECT {
        return Err(ModelError::Media {
            media: format!("a picture of {} x {} pixels", size.width, size.height),
            problem: format!("is empty or steeper than {MAX_ASPECT} to 1; crop it"),
        });
    }
    Ok(())
}

/// `frames` weighs the source, `counted_frames` the result.
fn fit(size: Size, frames: f64, counted_frames: f64, factor: usize, settings: &ImageSettings) -> Size {
    let (height, width, step) = (size.height as f64, size.width as f64, factor as f64);
    let rounded = |side: f64| (side / step).round_ties_even() * step;
    let (min, max) = (settings.min_pixels as f64, settings.max_pixels as f64);
    let pixels = counted_frames * rounded(height) * rounded(width);
    let source = frames * height * width;
    let side = |side: f64| {
        if pixels > max {
            step.max((side / (source / max).sqrt() / step).floor() * step)
        } else if pixels < min {
            (side * (min / source).sqrt() / step).ceil() * step
        } else {
            rounded(side)
        }
    };
    Size { height: side(height) as usize, width: side(width) as usize }
}

/// Which frames of a video of `total` frames at `fps` frames per second are taken, evenly spread.
pub fn sample_frames(total: usize, fps: f64, settings: &VideoSettings) -> Vec<usize> {
    let wanted = (total as f64 / fps * settings.fps) as usize;
    let count = wanted.max(settings.min_frames).min(settings.max_frames).min(total);
    match count {
        0 => Vec::new(),
        1 => vec![0],
        _ => {
            let step = (total - 1) as f64 / (count - 1) as f64;
            // The last point is exact however the step rounds.
            let at = |i: usize| {
                if i + 1 == count { total - 1 } else { (i as f64 * step).round_ties_even() as usize }
            };
            (0..count).map(at).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(height: usize, width: usize, min_pixels: u64, max_pixels: u64) -> (usize, usize) {
        let settings = ImageSettings { min_pixels, max_pixels, ..ImageSettings::default() };
        let size = fit_image(Size { height, width }, 32, &settings).expect("fits");
        (size.height, size.width)
    }

    #[test]
    fn halves_round_to_even() {
        // 48 / 32 = 1.5 -> 2; 80 / 32 = 2.5 -> 2.
        assert_eq!(fitted(48, 80, 1, 1 << 30), (64, 64));
    }

    #[test]
    fn the_pixel_count_is_brought_within_bounds() {
        assert_eq!(fitted(1000, 2000, 1, 256 * 256), (160, 352));
        assert_eq!(fitted(20, 30, 65_536, 1 << 30), (224, 320));
        assert_eq!(fitted(2, 400, 1, 1024), (32, 32));
        assert_eq!(fitted(33, 6000, 1, 65_536), (32, 3424));
    }

    /// Values of the reference video processor.
    #[test]
    fn a_videos_bounds_hold_over_all_its_frames() {
        for (frames, (height, width), (min_pixels, max_pixels), expected) in [
            (5, (50, 90), (4_096, 12_288), (32, 64)),
            (3, (1080, 1920), (4_096, 25_165_824), (1088, 1920)),
            (768, (1080, 1920), (4_096, 25_165_824), (128, 224)),
            (5, (10, 20), (4_096, 1 << 20), (32, 64)),
            (2, (33, 40), (65_536, 1 << 30), (192, 224)),
        ] {
            let image = ImageSettings { min_pixels, max_pixels, ..ImageSettings::default() };
            let settings = VideoSettings { image, ..VideoSettings::default() };
            let size = fit_video(Size { height, width }, frames, 32, 2, &settings).expect("fits");
            assert_eq!((size.height, size.width), expected, "{frames} frames of {height} x {width}");
        }
    }

    #[test]
    fn steep_and_empty_pictures_are_refused() {
        let settings = ImageSettings::default();
        for (height, width) in [(1, 201), (201, 1), (0, 5)] {
            assert!(fit_image(Size { height, width }, 32, &settings).is_err());
        }
    }

    #[test]
    fn frames_are_spread_over_the_whole_video() {
        let settings = VideoSettings::default();
        assert_eq!(sample_frames(100, 25.0, &settings), [0, 14, 28, 42, 57, 71, 85, 99]);
        assert_eq!(sample_frames(3, 25.0, &settings), [0, 1, 2]);
        assert_eq!(sample_frames(0, 25.0, &settings), Vec::<usize>::new());
        assert_eq!(sample_frames(1, 25.0, &settings), [0]);
    }
}
