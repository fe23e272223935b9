//! One number over sessions: a dot for each, lines where a new baseline begins, bands where something changed, and
//! marks for what people noted.

use super::axis::Axis;
use super::svg::{Anchor, MarkShape, Svg};

#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    pub id: String,
    pub title: String,
    pub description: String,
    pub unit: String,
    /// In the order of time; drawn at equal distances, because sessions are what repeats.
    pub dots: Vec<TimelineDot>,
    /// The first dot of each baseline but the first, with what began it.
    pub baselines: Vec<(usize, String)>,
    pub changes: Vec<TimelineChange>,
    /// The dot before which something was noted, with the note.
    pub notes: Vec<(usize, String)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TimelineDot {
    pub value: f64,
    pub shape: MarkShape,
    pub hover: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TimelineChange {
    /// First and last dot at which it may have happened.
    pub suspects: (usize, usize),
    pub label: String,
    /// Means on either side, drawn as levels over their dots.
    pub before: Level,
    pub after: Level,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    pub first: usize,
    pub last: usize,
    pub value: f64,
}

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 586.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 214.0;
/// Marks are for eyes: beyond this many dots they become points.
const FEW: usize = 120;
/// More dots than pixels cannot be seen.
const MOST: usize = 1_200;

impl Timeline {
    /// Nothing without dots.
    pub fn draw(&self) -> Option<String> {
        let values = self.dots.iter().map(|dot| dot.value);
        if !values.clone().any(f64::is_finite) {
            return None;
        }
        let axis = Axis::covering(values, false, BOTTOM, TOP);
        let last = (self.dots.len().max(2) - 1) as f64;
        let at = |dot: usize| LEFT + 10.0 + (RIGHT - LEFT - 20.0) * dot as f64 / last;
        let half = (RIGHT - LEFT - 20.0) / last / 2.0;
        let mut svg = Svg::new(WIDTH, HEIGHT);
        for change in &self.changes {
            let (from, to) = (at(change.suspects.0) - half, at(change.suspects.1) + half);
            let from = from.max(LEFT);
            svg.rect((from, TOP), ((to.min(RIGHT) - from).max(2.0), BOTTOM - TOP), "c-band");
        }
        for (value, label) in axis.ticks() {
            svg.line((LEFT, axis.at(value)), (RIGHT, axis.at(value)), "c-grid");
            svg.text((LEFT - 8.0, axis.at(value) + 4.0), Anchor::End, "c-tick", &label);
        }
        svg.line((LEFT, BOTTOM), (RIGHT, BOTTOM), "c-axis");
        for (dot, because) in &self.baselines {
            let x = at(*dot) - half;
            svg.line((x, TOP), (x, BOTTOM), "c-stated");
            svg.label((x + 4.0, BOTTOM - 6.0), Anchor::Start, "c-tick", because, 26);
        }
        for change in &self.changes {
            for level in [change.before, change.after] {
                let y = axis.at(level.value);
                svg.line((at(level.first), y), (at(level.last), y), "c-frontier");
            }
            let x = f64::midpoint(at(change.suspects.0), at(change.suspects.1));
            let anchor = if x > f64::midpoint(LEFT, RIGHT) { Anchor::End } else { Anchor::Start };
            svg.label((x, TOP - 8.0), anchor, "c-stated-label", &change.label, 60);
        }
        let stretch = self.dots.len().div_ceil(MOST).max(1);
        for (place, dot) in self.dots.iter().enumerate().filter(|(_, dot)| dot.value.is_finite()) {
            let point = (at(place), axis.at(dot.value));
            if self.dots.len() <= FEW {
                svg.mark(point, 3.2, dot.shape, &dot.hover);
            } else if place % stretch == 0 {
                svg.faint_dot(point);
            }
        }
        for (number, (dot, note)) in self.notes.iter().enumerate() {
            let x = at((*dot).min(self.dots.len() - 1));
            svg.line((x, BOTTOM), (x, BOTTOM + 8.0), "c-axis");
            svg.label((x, BOTTOM + 19.0), Anchor::Middle, "c-tick", &format!("({}) {note}", number + 1), 4);
        }
        svg.text((RIGHT, HEIGHT - 6.0), Anchor::End, "c-unit", "sessions, oldest first");
        svg.text((LEFT, HEIGHT - 6.0), Anchor::Start, "c-unit", &self.unit);
        Some(svg.finish(&self.id, &self.title, &self.description))
    }
}
