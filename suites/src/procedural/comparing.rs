//! Which of two colours is larger, or more numerous. Each answer is right half of the time.

use super::draw::Draw;
use super::item::{Draft, Image};
use super::raster::{COLOURS, Canvas, Colour, GREYS, Shape};

pub(super) fn draft(level: u32, draw: &mut Draw) -> Draft {
    let pair = draw.distinct(&COLOURS, 2);
    // The winner is told apart from the order of naming by drawing that order on its own.
    let (winner, loser) = (pair[0], pair[1]);
    let mut named = [winner.name, loser.name];
    draw.shuffle(&mut named);
    let (question, image, rationale) = match level {
        1 => larger(winner, loser, 12, draw),
        2 => larger(winner, loser, 4, draw),
        3 => more(winner, loser, 3, draw),
        _ => more(winner, loser, 1, draw),
    };
    let prompt = format!("{question}, {} or {}?", named[0], named[1]);
    Draft::text(prompt, winner.name, rationale).seeing(image).among(named)
}

/// Two shapes side by side whose sizes differ by `gap` pixels or up to twice that.
fn larger(winner: Colour, loser: Colour, gap: u32, draw: &mut Draw) -> (&'static str, Image, String) {
    const HALF: u32 = 32;
    let mut canvas = Canvas::new(2 * HALF, draw.pick(&GREYS));
    let size = draw.between(4 + gap, 30);
    let small = size - draw.between(gap, (2 * gap).min(size - 4));
    let shape = draw.pick(&Shape::ALL);
    let winner_left = draw.coin();
    for (colour, extent, left) in [(winner, size, winner_left), (loser, small, !winner_left)] {
        let x = draw.below(HALF - extent) + if left { 0 } else { HALF };
        let y = draw.below(2 * HALF - extent);
        canvas.shape(shape, x, y, extent, colour.rgb);
    }
    let sides = if winner_left { [(winner, size), (loser, small)] } else { [(loser, small), (winner, size)] };
    let rationale = sides.map(|(colour, extent)| format!("{} {extent}", colour.name)).join(",");
    ("Which is bigger", canvas.finish(), rationale)
}

/// Squares of two colours in a grid, one colour leading by `lead` or, where it is one, by one or two.
fn more(winner: Colour, loser: Colour, lead: u32, draw: &mut Draw) -> (&'static str, Image, String) {
    const CELL: u32 = 16;
    const ACROSS: u32 = 6;
    let lead = if lead == 1 { draw.between(1, 2) } else { draw.between(lead, lead + 2) };
    let few = draw.between(1, 7);
    let many = few + lead;
    let every: Vec<u32> = (0..ACROSS * ACROSS).collect();
    let cells = draw.distinct(&every, (few + many) as usize);
    let mut canvas = Canvas::new(ACROSS * CELL, draw.pick(&GREYS));
    for (place, &cell) in cells.iter().enumerate() {
        let colour = if place < many as usize { winner } else { loser };
        let (x, y) = (cell % ACROSS * CELL + draw.below(4), cell / ACROSS * CELL + draw.below(4));
        canvas.shape(Shape::Square, x, y, 12, colour.rgb);
    }
    let mut counts = [(winner, many), (loser, few)];
    counts.sort_unstable_by_key(|(colour, _)| colour.name);
    let rationale = counts.map(|(colour, count)| format!("{} {count}", colour.name)).join(",");
    ("Which has more", canvas.finish(), rationale)
}
