//! Finding things in a picture: connected areas of one colour, with their extent.

use crate::procedural::Image;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) rgb: [u8; 3],
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) right: u32,
    pub(super) bottom: u32,
    pub(super) pixels: u32,
}

impl Area {
    pub(super) const fn extent(&self) -> u32 {
        self.bottom - self.top + 1
    }

    pub(super) fn shape(&self) -> &'static str {
        let percent_filled = 100 * self.pixels / (self.extent() * (self.right - self.left + 1));
        match percent_filled {
            95.. => "square",
            68..95 => "circle",
            _ => "triangle",
        }
    }

    pub(super) fn colour(&self) -> &'static str {
        match self.rgb {
            [220, 40, 40] => "red",
            [40, 80, 220] => "blue",
            [30, 160, 60] => "green",
            [240, 200, 30] => "yellow",
            other => panic!("{other:?} is no shape's colour"),
        }
    }
}

pub(super) fn pixel(image: &Image, x: u32, y: u32) -> [u8; 3] {
    let at = 3 * (y * image.width + x) as usize;
    image.rgb[at..at + 3].try_into().unwrap()
}

/// Areas of one colour other than the background, in reading order of their first pixel.
pub(super) fn areas(image: &Image, background: [u8; 3]) -> Vec<Area> {
    let mut seen = vec![false; (image.width * image.height) as usize];
    let mut found = Vec::new();
    for y in 0..image.height {
        for x in 0..image.width {
            if !seen[(y * image.width + x) as usize] && pixel(image, x, y) != background {
                found.push(flood(image, x, y, &mut seen));
            }
        }
    }
    found
}

fn flood(image: &Image, x: u32, y: u32, seen: &mut [bool]) -> Area {
    let rgb = pixel(image, x, y);
    let mut area = Area { rgb, left: x, top: y, right: x, bottom: y, pixels: 0 };
    let mut open = vec![(x, y)];
    while let Some((x, y)) = open.pop() {
        let at = (y * image.width + x) as usize;
        if seen[at] || pixel(image, x, y) != rgb {
            continue;
        }
        seen[at] = true;
        area.pixels += 1;
        (area.left, area.right) = (area.left.min(x), area.right.max(x));
        (area.top, area.bottom) = (area.top.min(y), area.bottom.max(y));
        open.extend([(x.wrapping_sub(1), y), (x + 1, y), (x, y.wrapping_sub(1)), (x, y + 1)]);
        open.retain(|&(x, y)| x < image.width && y < image.height);
    }
    area
}

/// The colour most pixels have.
pub(super) fn background(image: &Image) -> [u8; 3] {
    let mut counts = std::collections::BTreeMap::new();
    for rgb in image.rgb.chunks_exact(3) {
        *counts.entry(rgb).or_insert(0_u32) += 1;
    }
    let (rgb, _) = counts.into_iter().max_by_key(|&(_, count)| count).unwrap();
    rgb.try_into().unwrap()
}
