//! Quality against speed, memory as area. What no other point beats on both axes is joined by a line.

use super::axis::Axis;
use super::svg::{Anchor, MarkShape, Svg};

#[derive(Debug, Clone, PartialEq)]
pub struct FrontierPoint {
    pub label: String,
    pub shape: MarkShape,
    pub speed: f64,
    pub quality: f64,
    pub memory_bytes: Option<f64>,
    pub figure: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Frontier {
    pub id: String,
    pub title: String,
    pub description: String,
    pub speed_unit: String,
    pub quality_unit: String,
    pub points: Vec<FrontierPoint>,
}

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 330.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 580.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 282.0;

impl Frontier {
    /// Indices of the points that no other point beats on both axes, from slow to fast.
    pub fn efficient(points: &[FrontierPoint]) -> Vec<usize> {
        let beaten = |index: usize| {
            let this = &points[index];
            points.iter().any(|other| {
                other.speed >= this.speed
                    && other.quality >= this.quality
                    && (other.speed > this.speed || other.quality > this.quality)
            })
        };
        let mut indices: Vec<usize> = (0..points.len()).filter(|&index| !beaten(index)).collect();
        indices.sort_by(|&a, &b| points[a].speed.total_cmp(&points[b].speed));
        indices
    }

    pub fn draw(&self) -> String {
        let mut svg = Svg::new(WIDTH, HEIGHT);
        let across = Axis::covering(self.points.iter().map(|point| point.speed), true, LEFT, RIGHT);
        let up = Axis::covering(self.points.iter().map(|point| point.quality), true, BOTTOM, TOP);
        for (value, label) in across.ticks() {
            let x = across.at(value);
            svg.line((x, TOP), (x, BOTTOM), "c-grid");
            svg.text((x, BOTTOM + 17.0), Anchor::Middle, "c-tick", &label);
        }
        for (value, label) in up.ticks() {
            let y = up.at(value);
            svg.line((LEFT, y), (RIGHT, y), "c-grid");
            svg.text((LEFT - 8.0, y + 4.0), Anchor::End, "c-tick", &label);
        }
        svg.text((RIGHT, BOTTOM + 36.0), Anchor::End, "c-unit", &self.speed_unit);
        svg.text((LEFT - 50.0, TOP - 7.0), Anchor::Start, "c-unit", &self.quality_unit);
        let edge: Vec<(f64, f64)> = Self::efficient(&self.points)
            .into_iter()
            .map(|index| (across.at(self.points[index].speed), up.at(self.points[index].quality)))
            .collect();
        svg.polyline(&edge, "c-frontier");
        let most = self.points.iter().filter_map(|point| point.memory_bytes).fold(0.0, f64::max);
        let mut placed: Vec<(f64, f64)> = Vec::new();
        for point in &self.points {
            let share = point.memory_bytes.filter(|_| most > 0.0).map_or(0.1, |bytes| bytes / most);
            let at = (across.at(point.speed), up.at(point.quality));
            svg.mark(
                at,
                3.5 + 8.0 * share.max(0.0).sqrt(),
                point.shape,
                &format!("{}: {}", point.label, point.figure),
            );
            let (anchor, x) =
                if at.0 > RIGHT - 180.0 { (Anchor::End, at.0 - 15.0) } else { (Anchor::Start, at.0 + 15.0) };
            let y = free_place(&placed, (x, at.1 + 4.0));
            placed.push((x, y));
            svg.label((x, y), anchor, "c-label", &point.label, 30);
        }
        svg.finish(&self.id, &self.title, &self.description)
    }
}

/// Labels close to each other go one below the other.
fn free_place(placed: &[(f64, f64)], (x, mut y): (f64, f64)) -> f64 {
    const WIDE: f64 = 190.0;
    const HIGH: f64 = 13.0;
    while placed.iter().any(|other| (other.0 - x).abs() < WIDE && (other.1 - y).abs() < HIGH) && y < BOTTOM {
        y += HIGH;
    }
    y
}
