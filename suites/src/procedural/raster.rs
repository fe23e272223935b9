//! Drawing without fonts, anti-aliasing or floating point, so a picture is the same bytes everywhere.

use super::glyphs;
use super::item::Image;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour {
    pub(super) name: &'static str,
    pub(super) rgb: [u8; 3],
}

pub(super) const RED: Colour = Colour { name: "red", rgb: [220, 40, 40] };
pub(super) const BLUE: Colour = Colour { name: "blue", rgb: [40, 80, 220] };
pub(super) const GREEN: Colour = Colour { name: "green", rgb: [30, 160, 60] };
pub(super) const YELLOW: Colour = Colour { name: "yellow", rgb: [240, 200, 30] };
pub(super) const COLOURS: [Colour; 4] = [RED, BLUE, GREEN, YELLOW];
pub(super) const BLACK: [u8; 3] = [20, 20, 20];
pub(super) const WHITE: [u8; 3] = [250, 250, 250];
pub(super) const GREYS: [[u8; 3]; 3] = [WHITE, [225, 225, 225], [200, 200, 200]];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Square,
    Circle,
    Triangle,
}

impl Shape {
    pub(super) const ALL: [Self; 3] = [Self::Square, Self::Circle, Self::Triangle];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Square => "square",
            Self::Circle => "circle",
            Self::Triangle => "triangle",
        }
    }
}

#[derive(Debug)]
pub(super) struct Canvas {
    side: u32,
    rgb: Vec<u8>,
}

impl Canvas {
    pub(super) fn new(side: u32, background: [u8; 3]) -> Self {
        Self { side, rgb: background.repeat((side * side) as usize) }
    }

    pub(super) fn finish(self) -> Image {
        Image { width: self.side, height: self.side, rgb: self.rgb }
    }

    fn dot(&mut self, x: u32, y: u32, rgb: [u8; 3]) {
        if x < self.side && y < self.side {
            let at = 3 * (y * self.side + x) as usize;
            self.rgb[at..at + 3].copy_from_slice(&rgb);
        }
    }

    pub(super) fn rectangle(&mut self, x: u32, y: u32, width: u32, height: u32, rgb: [u8; 3]) {
        for row in y..y + height {
            for column in x..x + width {
                self.dot(column, row, rgb);
            }
        }
    }

    /// A shape that fills a `size` by `size` box whose upper left corner is at `x`, `y`.
    pub(super) fn shape(&mut self, shape: Shape, x: u32, y: u32, size: u32, rgb: [u8; 3]) {
        for row in 0..size {
            for column in 0..size {
                // Distances from the middle of the box in half pixels, so that even sizes stay symmetric.
                let across = (2 * column + 1).abs_diff(size);
                let down = (2 * row + 1).abs_diff(size);
                let inside = match shape {
                    Shape::Square => true,
                    Shape::Circle => across * across + down * down <= size * size,
                    Shape::Triangle => across <= row + 1,
                };
                if inside {
                    self.dot(x + column, y + row, rgb);
                }
            }
        }
    }

    /// Letters and digits, five by seven cells each with one cell between, every cell `scale` pixels wide.
    pub(super) fn text(&mut self, text: &str, x: u32, y: u32, scale: u32, rgb: [u8; 3]) {
        for (place, symbol) in text.chars().enumerate() {
            let left = x + place as u32 * 6 * scale;
            for (row, cells) in glyphs::rows(symbol).iter().enumerate() {
                for (column, _) in cells.bytes().enumerate().filter(|(_, cell)| *cell == b'#') {
                    self.rectangle(left + column as u32 * scale, y + row as u32 * scale, scale, scale, rgb);
                }
            }
        }
    }
}
