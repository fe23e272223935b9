//! A picture to look at for its size: shapes on a ground, and nothing to answer.

use sha2::{Digest, Sha256};

use super::draw::Draw;
use super::item::Image;
use super::raster::{COLOURS, Canvas, GREYS, Shape};

const SHAPES: u32 = 12;
/// No part of a picture is smaller than this many pixels.
const LEAST: u32 = 8;

/// The same bytes for the same side and seed, everywhere.
pub fn sketch(side: u32, seed: u64) -> Image {
    let key = Sha256::digest(format!("dyno sketch {side} {seed}"));
    let mut draw = Draw::new(key.into(), 0);
    let mut canvas = Canvas::new(side, draw.pick(&GREYS));
    for _ in 0..SHAPES {
        let size = draw.between(LEAST.min(side), (side / 3).max(LEAST.min(side)));
        let (x, y) = (draw.below(side), draw.below(side));
        canvas.shape(draw.pick(&Shape::ALL), x, y, size, draw.pick(&COLOURS).rgb);
    }
    canvas.finish()
}

#[cfg(test)]
mod tests {
    use super::sketch;

    #[test]
    fn a_sketch_is_fixed_by_its_side_and_seed_and_is_not_blank() {
        let picture = sketch(64, 7);
        assert_eq!((picture.width, picture.height, picture.rgb.len()), (64, 64, 64 * 64 * 3));
        assert_eq!(picture, sketch(64, 7));
        assert_ne!(picture, sketch(64, 8));
        let colours: std::collections::BTreeSet<&[u8]> = picture.rgb.chunks(3).collect();
        assert!(colours.len() > 2, "{colours:?}");
        assert_eq!(sketch(33, 1).rgb.len(), 33 * 33 * 3);
    }
}
