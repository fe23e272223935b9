//! Bar charts: which bar is highest, and how high a bar is. Every answer is equally often right.

use super::draw::Draw;
use super::item::Draft;
use super::raster::{BLACK, COLOURS, Canvas, WHITE};

/// How many answers a level's question has.
pub(super) const fn answers(level: u32) -> u32 {
    match level {
        1 => 3,
        2 | 3 => 5,
        _ => 9,
    }
}

const fn bars(level: u32) -> u32 {
    match level {
        1 => 3,
        2 => 5,
        3 => 4,
        _ => 6,
    }
}

pub(super) fn draft(level: u32, draw: &mut Draw) -> Draft {
    let count = bars(level);
    let tallest = if level <= 3 { 5 } else { 9 };
    let asked = draw.below(count) as usize;
    let mut heights: Vec<u32> = (0..count).map(|_| draw.between(1, tallest)).collect();
    let (prompt, answer) = if level <= 2 {
        // One bar stands alone at the top, and its place was drawn first.
        let top = draw.between(2, tallest);
        for height in &mut heights {
            *height = draw.between(1, top - 1);
        }
        heights[asked] = top;
        ("Which bar is highest?".to_owned(), asked + 1)
    } else {
        (format!("How high is bar {}?", asked + 1), heights[asked] as usize)
    };
    let listed: Vec<String> = heights.iter().map(u32::to_string).collect();
    Draft::text(prompt, answer.to_string(), listed.join(" "))
        .seeing(chart(&heights, tallest, if level <= 2 { 64 } else { 96 }, draw))
        .among(1..=answers(level))
}

/// Bars on a floor line, with a thin line at every whole height so that a value can be read off.
fn chart(heights: &[u32], tallest: u32, side: u32, draw: &mut Draw) -> super::Image {
    let mut canvas = Canvas::new(side, WHITE);
    let unit = (side - 8) / tallest;
    let slot = side / heights.len() as u32;
    let floor = side - 4;
    for step in 1..=tallest {
        canvas.rectangle(0, floor - step * unit, side, 1, [210, 210, 210]);
    }
    let colour = draw.pick(&COLOURS).rgb;
    let width = slot * draw.between(4, 7) / 8;
    let shift = draw.below(slot - width);
    for (place, &height) in heights.iter().enumerate() {
        canvas.rectangle(place as u32 * slot + shift, floor - height * unit, width, height * unit, colour);
    }
    canvas.rectangle(0, floor, side, 2, BLACK);
    canvas.finish()
}
