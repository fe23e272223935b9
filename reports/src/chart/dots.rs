//! Dot-and-interval plots: one row for one cell, every sample as a faint dot, the estimate with its interval.

use super::axis::Axis;
use super::svg::{Anchor, MarkShape, Svg};

#[derive(Debug, Clone, PartialEq)]
pub struct DotRow {
    pub label: String,
    pub shape: MarkShape,
    pub value: f64,
    pub interval: Option<(f64, f64)>,
    pub samples: Vec<f64>,
    pub figure: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Dots {
    pub id: String,
    pub title: String,
    pub description: String,
    pub unit: String,
    /// Shares and rates read best from zero; small differences do not.
    pub from_zero: bool,
    pub rows: Vec<DotRow>,
}

const WIDTH: f64 = 600.0;
const PLOT_LEFT: f64 = 212.0;
const PLOT_RIGHT: f64 = 494.0;
const ROW: f64 = 25.0;
/// Faint dots beyond this many say nothing more and cost bytes.
const MOST_SAMPLES: usize = 40;

impl Dots {
    pub fn draw(&self) -> String {
        let (top, bottom) = (10.0, 10.0 + ROW * self.rows.len() as f64);
        let mut svg = Svg::new(WIDTH, bottom + 40.0);
        let values = self.rows.iter().flat_map(|row| {
            let (low, high) = row.interval.unwrap_or((row.value, row.value));
            row.samples.iter().take(MOST_SAMPLES).copied().chain([row.value, low, high])
        });
        let axis = Axis::covering(values, self.from_zero, PLOT_LEFT, PLOT_RIGHT);
        for (value, label) in axis.ticks() {
            let x = axis.at(value);
            svg.line((x, top), (x, bottom), "c-grid");
            svg.text((x, bottom + 16.0), Anchor::Middle, "c-tick", &label);
        }
        svg.line((PLOT_LEFT, bottom), (PLOT_RIGHT, bottom), "c-axis");
        svg.text((PLOT_RIGHT, bottom + 33.0), Anchor::End, "c-unit", &self.unit);
        for (index, row) in self.rows.iter().enumerate() {
            let y = top + ROW * (index as f64 + 0.5);
            svg.label((PLOT_LEFT - 14.0, y + 4.0), Anchor::End, "c-label", &row.label, 34);
            for sample in row.samples.iter().take(MOST_SAMPLES) {
                svg.faint_dot((axis.at(*sample), y));
            }
            if let Some((low, high)) = row.interval {
                svg.line((axis.at(low), y), (axis.at(high), y), "c-interval");
            }
            svg.mark((axis.at(row.value), y), 4.5, row.shape, &format!("{}: {}", row.label, row.figure));
            svg.text((PLOT_RIGHT + 16.0, y + 4.0), Anchor::Start, "c-value", &row.figure);
        }
        svg.finish(&self.id, &self.title, &self.description)
    }
}
