//! Whether a way leads through a small maze from the green cell to the red one. Half of the answers are
//! yes; the rationale of a yes is the shortest way.

use std::collections::VecDeque;

use super::draw::Draw;
use super::item::{Draft, Image, yes_no};
use super::raster::{BLACK, Canvas, GREEN, GREYS, RED};

/// Wall colours; the smallest mazes would soon run out of different pictures without them.
const WALLS: [[u8; 3]; 4] = [BLACK, [90, 90, 90], [100, 60, 20], [20, 30, 90]];

/// Cells along one side.
const fn side(level: u32) -> usize {
    match level {
        1 => 3,
        2 => 4,
        3 => 6,
        _ => 8,
    }
}

pub(super) fn draft(level: u32, draw: &mut Draw) -> Draft {
    let wanted = draw.coin();
    let side = side(level);
    loop {
        let mut walls: Vec<bool> = (0..side * side).map(|_| draw.below(8) < 3).collect();
        walls[0] = false;
        walls[side * side - 1] = false;
        let way = shortest_way(&walls, side);
        if way.is_some() == wanted {
            let rationale = way.unwrap_or_else(|| "blocked".to_owned());
            return Draft::text("Is there a way from green to red?", yes_no(wanted), rationale)
                .seeing(picture(&walls, side, draw))
                .yes_no();
        }
    }
}

/// Steps from the first cell to the last (L, R, U, D), found breadth first.
pub(super) fn shortest_way(walls: &[bool], side: usize) -> Option<String> {
    let mut ways: Vec<Option<String>> = vec![None; walls.len()];
    ways[0] = Some(String::new());
    let mut open = VecDeque::from([0]);
    while let Some(cell) = open.pop_front() {
        let (column, row) = (cell % side, cell / side);
        let steps = [
            (column + 1 < side, cell + 1, 'R'),
            (row + 1 < side, cell + side, 'D'),
            (column > 0, cell.wrapping_sub(1), 'L'),
            (row > 0, cell.wrapping_sub(side), 'U'),
        ];
        for (inside, next, letter) in steps {
            if inside && !walls[next] && ways[next].is_none() {
                ways[next] = ways[cell].as_ref().map(|way| format!("{way}{letter}"));
                open.push_back(next);
            }
        }
    }
    ways.pop().flatten()
}

fn picture(walls: &[bool], side: usize, draw: &mut Draw) -> Image {
    let pixels = if side <= 4 { 64 } else { 96 };
    let cell = pixels / side as u32;
    let (wall_rgb, floor_rgb) = (draw.pick(&WALLS), draw.pick(&GREYS));
    let mut canvas = Canvas::new(pixels, wall_rgb);
    for (at, &wall) in walls.iter().enumerate() {
        let (x, y) = ((at % side) as u32 * cell, (at / side) as u32 * cell);
        let rgb = match at {
            0 => GREEN.rgb,
            last if last + 1 == walls.len() => RED.rgb,
            _ if wall => wall_rgb,
            _ => floor_rgb,
        };
        canvas.rectangle(x, y, cell, cell, rgb);
    }
    canvas.finish()
}
