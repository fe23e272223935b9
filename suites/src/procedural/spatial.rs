//! Where one shape lies as seen from another. Half of the answers are yes; several questions share a
//! picture.

use super::draw::Draw;
use super::item::{Draft, yes_no};
use super::raster::{COLOURS, Canvas, Colour, GREYS, Shape};

#[derive(Debug, Clone, Copy)]
struct Placed {
    colour: Colour,
    shape: Shape,
    column: u32,
    row: u32,
}

pub(super) fn draft(level: u32, scene: &mut Draw, question: &mut Draw) -> Draft {
    let placed = place(level, scene);
    let side = if level <= 2 { 64 } else { 96 };
    let cell = side / placed.len() as u32;
    let mut canvas = Canvas::new(side, scene.pick(&GREYS));
    for thing in &placed {
        let size = scene.between(cell * 5 / 8, cell * 7 / 8);
        let (x, y) = (scene.below(cell - size + 1), scene.below(cell - size + 1));
        canvas.shape(thing.shape, thing.column * cell + x, thing.row * cell + y, size, thing.colour.rgb);
    }

    let truth = question.coin();
    let sideways = level == 1 || question.coin();
    let two = question.distinct(&placed, 2);
    let before = |a: &Placed, b: &Placed| if sideways { a.column < b.column } else { a.row < b.row };
    let relation = match (sideways, question.coin()) {
        (true, true) => "left of",
        (true, false) => "right of",
        (false, true) => "above",
        (false, false) => "below",
    };
    let wants_before = matches!(relation, "left of" | "above");
    let (subject, object) =
        if (before(&two[0], &two[1]) == wants_before) == truth { (two[0], two[1]) } else { (two[1], two[0]) };
    let name = |thing: Placed| {
        if level <= 2 {
            thing.colour.name.to_owned()
        } else {
            format!("the {} {}", thing.colour.name, thing.shape.name())
        }
    };
    let prompt = format!("Is {} {relation} {}?", name(subject), name(object));
    let place_of = |thing: Placed| if sideways { thing.column + 1 } else { thing.row + 1 };
    let rationale = format!("{} {}", place_of(subject), place_of(object));
    Draft::text(prompt, yes_no(truth), rationale).seeing(canvas.finish()).yes_no()
}

/// Shapes on a square grid, no two in one row or one column, so that every relation is plain to see.
fn place(level: u32, scene: &mut Draw) -> Vec<Placed> {
    let count: u32 = if level <= 2 { 2 } else { level };
    let lines: Vec<u32> = (0..count).collect();
    let (columns, rows) = (scene.distinct(&lines, count as usize), scene.distinct(&lines, count as usize));
    // Two shapes differ in colour; among more, in colour and kind taken together.
    let kinds: Vec<(Colour, Shape)> =
        COLOURS.iter().flat_map(|&colour| Shape::ALL.map(|shape| (colour, shape))).collect();
    let looks = loop {
        let looks = scene.distinct(&kinds, count as usize);
        if level > 2 || looks[0].0 != looks[1].0 {
            break looks;
        }
    };
    let spots = columns.into_iter().zip(rows);
    looks
        .into_iter()
        .zip(spots)
        .map(|((colour, shape), (column, row))| Placed { colour, shape, column, row })
        .collect()
}
