//! Reading drawn digits and letters. The rationale spells them one by one.

use super::draw::Draw;
use super::glyphs::DRAWABLE;
use super::item::Draft;
use super::raster::{BLACK, COLOURS, Canvas, GREYS};

pub(super) fn chance(level: u32) -> f64 {
    match level {
        1 => 0.1,
        2 => 1.0 / f64::from(DRAWABLE.len() as u32),
        3 => 0.01,
        _ => 0.0,
    }
}

pub(super) fn draft(level: u32, draw: &mut Draw) -> Draft {
    let (digits, all) = (&DRAWABLE.as_bytes()[..10], DRAWABLE.as_bytes());
    let (alphabet, length, side, smallest, largest) = match level {
        1 => (digits, 1, 64, 6, 6),
        2 => (all, 1, 64, 3, 7),
        3 => (digits, 2, 64, 3, 4),
        4 => (all, 3, 96, 3, 4),
        _ => (all, 6, 96, 2, 2),
    };
    let text: String = (0..length).map(|_| char::from(draw.pick(alphabet))).collect();
    let scale = draw.between(smallest, largest);
    let (width, height) = ((6 * length - 1) * scale, 7 * scale);
    let ink = if draw.coin() { BLACK } else { draw.pick(&COLOURS[..3]).rgb };
    let mut canvas = Canvas::new(side, draw.pick(&GREYS));
    // The first level's digit stays near the middle; all others may lie anywhere.
    let (x, y) = if level == 1 {
        ((side - width) / 2 - 4 + draw.below(9), (side - height) / 2 - 4 + draw.below(9))
    } else {
        (draw.below(side - width + 1), draw.below(side - height + 1))
    };
    canvas.text(&text, x, y, scale, ink);
    let spelled: Vec<String> = text.chars().map(String::from).collect();
    let draft = Draft::text("Read it.", text, spelled.join(" ")).seeing(canvas.finish());
    if level == 1 { draft.among(0..10) } else { draft }
}
