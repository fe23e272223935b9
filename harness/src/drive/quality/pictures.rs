//! Pictures for the agent: within the task's limit, as pixels.

use dyno_protocol::ImageData;
use dyno_suites::task::Picture;

/// Made smaller where it has more pixels than the task allows, its shape kept.
pub(super) fn within(picture: &Picture, most_pixels: Option<u32>) -> ImageData {
    let whole = || ImageData { width: picture.width, height: picture.height, rgb: picture.rgb.clone() };
    let pixels = u64::from(picture.width) * u64::from(picture.height);
    let Some(most) = most_pixels.map(u64::from).filter(|most| pixels > *most) else { return whole() };
    let scale = (most as f64 / pixels as f64).sqrt();
    let side = |length: u32| ((f64::from(length) * scale).floor() as u32).max(1);
    let (width, height) = (side(picture.width), side(picture.height));
    let Some(buffer) = image::RgbImage::from_raw(picture.width, picture.height, picture.rgb.clone()) else {
        return whole();
    };
    let filter = image::imageops::FilterType::CatmullRom;
    let small = image::imageops::resize(&buffer, width, height, filter);
    ImageData { width, height, rgb: small.into_raw() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_made_smaller_only_where_it_is_too_large() {
        let picture = Picture { width: 40, height: 20, rgb: vec![7; 40 * 20 * 3] };
        for most in [None, Some(800)] {
            assert_eq!(within(&picture, most).rgb, picture.rgb);
        }
        let small = within(&picture, Some(200));
        assert_eq!((small.width, small.height), (20, 10));
        assert!(small.rgb.iter().all(|byte| *byte == 7));
        assert_eq!(small.rgb.len(), 20 * 10 * 3);
    }
}
