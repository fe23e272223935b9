//! Decoded pictures: 8-bit RGB, rows from the top.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageReader, Limits};

use crate::error::{ModelError, Result};

/// The most bytes that decoding one file may take.
const DECODE_BYTES: u64 = 1 << 30;

/// An RGB picture or video frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Picture {
    /// From raw RGB bytes, three per pixel.
    pub fn new(width: usize, height: usize, rgb: Vec<u8>) -> Result<Self> {
        let bytes = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(3));
        if width == 0 || height == 0 || bytes != Some(rgb.len()) {
            return Err(ModelError::Media {
                media: format!("a {width} x {height} picture"),
                problem: format!("came with {} bytes, three per pixel are needed", rgb.len()),
            });
        }
        Ok(Self { width, height, rgb })
    }

    /// From a PNG or JPEG file's bytes; turned upright as its metadata asks, transparency dropped.
    pub fn decode(file: &[u8]) -> Result<Self> {
        let image = decode_upright(file).map_err(|problem| ModelError::Media {
            media: format!("an image file of {} bytes", file.len()),
            problem: format!("cannot be decoded: {problem}; PNG and JPEG are supported"),
        })?;
        let image = image.into_rgb8();
        Self::new(image.width() as usize, image.height() as usize, image.into_raw())
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Three bytes per pixel.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }
}

fn decode_upright(file: &[u8]) -> image::ImageResult<DynamicImage> {
    let mut reader = ImageReader::new(Cursor::new(file)).with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODE_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_png_comes_back_as_its_pixels() -> Result<()> {
        let rgb: Vec<u8> = (0..18).collect();
        let mut file = Cursor::new(Vec::new());
        let image = image::RgbImage::from_raw(3, 2, rgb.clone()).map(DynamicImage::from);
        image.expect("six pixels").write_to(&mut file, image::ImageFormat::Png).expect("writes to memory");
        assert_eq!(Picture::decode(file.get_ref())?, Picture::new(3, 2, rgb)?);
        Ok(())
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        assert!(Picture::decode(b"not an image").is_err());
        assert!(Picture::new(2, 2, vec![0; 11]).is_err());
        assert!(Picture::new(0, 2, vec![]).is_err());
        assert!(Picture::new(usize::MAX, 2, vec![]).is_err());
    }
}
