//! How many shapes there are, of all kinds, of one colour, or of one colour and kind. Every count is
//! equally often right.

use super::draw::Draw;
use super::item::Draft;
use super::raster::{COLOURS, Canvas, Colour, GREYS, RED, Shape};

/// The largest count asked for; the smallest is one.
pub(super) const fn most(level: u32) -> u32 {
    match level {
        1 => 3,
        2 | 4 => 5,
        3 => 9,
        _ => 4,
    }
}

pub(super) fn draft(level: u32, draw: &mut Draw) -> Draft {
    let wanted = draw.between(1, most(level));
    let colour = draw.pick(&COLOURS);
    let shape = draw.pick(&Shape::ALL);
    let mut placed: Vec<(Shape, Colour)> = Vec::new();
    for _ in 0..wanted {
        placed.push(match level {
            1 => (Shape::Square, RED),
            2 | 3 => (draw.pick(&Shape::ALL), draw.pick(&COLOURS)),
            4 => (draw.pick(&Shape::ALL), colour),
            _ => (shape, colour),
        });
    }
    let distractors = if level >= 4 { draw.between(1, 4) } else { 0 };
    while placed.len() < (wanted + distractors) as usize {
        let other = (draw.pick(&Shape::ALL), draw.pick(&COLOURS));
        let counts = other.1 == colour && (level == 4 || other.0 == shape);
        if !counts {
            placed.push(other);
        }
    }
    draw.shuffle(&mut placed);
    let (image, seen) = scatter(&placed, if level <= 2 { 64 } else { 96 }, draw);
    let (prompt, rationale) = match level {
        1..=3 => ("How many shapes?".to_owned(), (1..=wanted).map(|n| n.to_string()).collect()),
        4 => (format!("How many {}?", colour.name), seen.iter().map(|(_, c)| c.name.to_owned()).collect()),
        _ => {
            let listed = seen.iter().map(|(s, c)| format!("{} {}", c.name, s.name()));
            (format!("How many {} {}s?", colour.name, shape.name()), listed.collect::<Vec<_>>())
        }
    };
    Draft::text(prompt, wanted.to_string(), rationale.join(",")).seeing(image).among(1..=most(level))
}

/// Puts shapes into different cells of a grid, each somewhere in its cell, and returns them in reading order.
fn scatter(shapes: &[(Shape, Colour)], side: u32, draw: &mut Draw) -> (super::Image, Vec<(Shape, Colour)>) {
    const CELL: u32 = 20;
    let across = side / CELL;
    let every: Vec<u32> = (0..across * across).collect();
    let mut cells = draw.distinct(&every, shapes.len());
    cells.sort_unstable();
    let mut canvas = Canvas::new(side, draw.pick(&GREYS));
    for (&cell, &(shape, colour)) in cells.iter().zip(shapes) {
        let size = draw.between(10, 16);
        let (x, y) = (draw.below(CELL - size), draw.below(CELL - size));
        canvas.shape(shape, cell % across * CELL + 2 + x, cell / across * CELL + 2 + y, size, colour.rgb);
    }
    (canvas.finish(), shapes.to_vec())
}
