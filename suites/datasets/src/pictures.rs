//! Pictures of data sets: decoded within bounds, made smaller where the task says so.

use std::io::Cursor;

use dyno_suites::task::Picture;
use image::imageops::FilterType;
use image::{DynamicImage, ImageReader, Limits, RgbImage, RgbaImage};
use image_webp::WebPDecoder;

/// A side of a picture; larger ones are mistakes or attacks.
const LONGEST_SIDE: u32 = 16_384;
/// What decoding one picture may take.
const MOST_MEMORY: u64 = 1 << 30;

/// Decodes a picture of any format that the hub's sets hold. Transparency is dropped, as the references drop it.
pub(crate) fn decode(bytes: &[u8], most_pixels: Option<u32>) -> Result<Picture, String> {
    let picture = if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        webp(bytes)?
    } else {
        png_or_jpeg(bytes)?
    };
    let picture = match most_pixels {
        Some(most) => smaller(picture, most),
        None => picture,
    };
    Ok(Picture { width: picture.width(), height: picture.height(), rgb: picture.to_rgb8().into_raw() })
}

fn png_or_jpeg(bytes: &[u8]) -> Result<DynamicImage, String> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(MOST_MEMORY);
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(|error| error.to_string())?;
    reader.limits(limits);
    reader.decode().map_err(|error| error.to_string())
}

fn webp(bytes: &[u8]) -> Result<DynamicImage, String> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let (width, height) = decoder.dimensions();
    let size = decoder.output_buffer_size().filter(|_| width.max(height) <= LONGEST_SIDE);
    let mut pixels = vec![0; size.ok_or("it is too large")?];
    decoder.set_memory_limit(MOST_MEMORY as usize);
    decoder.read_image(&mut pixels).map_err(|error| error.to_string())?;
    let picture = if decoder.has_alpha() {
        RgbaImage::from_raw(width, height, pixels).map(DynamicImage::from)
    } else {
        RgbImage::from_raw(width, height, pixels).map(DynamicImage::from)
    };
    picture.ok_or_else(|| "it has too few pixels".to_owned())
}

/// At most so many pixels, the sides in proportion.
fn smaller(picture: DynamicImage, most: u32) -> DynamicImage {
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let share = (f64::from(most) / (width * height)).sqrt();
    if share >= 1.0 {
        return picture;
    }
    let side = |length: f64| ((length * share) as u32).max(1);
    picture.resize_exact(side(width), side(height), FilterType::CatmullRom)
}
