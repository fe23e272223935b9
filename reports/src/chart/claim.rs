//! The number against the claim: what was claimed as a band, each piece of evidence as a mark with its interval.

use super::axis::Axis;
use super::svg::{Anchor, MarkShape, Svg};

/// What the claim says, on the axis of its metric. An open end is absent.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    pub stated: f64,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub label: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    pub label: String,
    pub shape: MarkShape,
    pub value: f64,
    pub interval: Option<(f64, f64)>,
    pub figure: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ClaimChart {
    pub id: String,
    pub title: String,
    pub description: String,
    pub unit: String,
    pub band: Option<Band>,
    pub marks: Vec<Mark>,
}

const WIDTH: f64 = 560.0;
const LEFT: f64 = 12.0;
const RIGHT: f64 = WIDTH - 12.0;
const ROW: f64 = 38.0;

impl ClaimChart {
    /// Nothing when there is nothing to draw.
    pub fn draw(&self) -> Option<String> {
        if self.marks.is_empty() {
            return None;
        }
        let top = if self.band.is_some() { 22.0 } else { 8.0 };
        let bottom = top + ROW * self.marks.len() as f64;
        let mut svg = Svg::new(WIDTH, bottom + 36.0);
        let axis = Axis::covering(self.values(), false, LEFT + 8.0, RIGHT - 8.0);
        self.draw_band(&mut svg, &axis, top);
        for (value, label) in axis.ticks() {
            let x = axis.at(value);
            svg.line((x, bottom), (x, bottom + 4.0), "c-axis");
            svg.text((x, bottom + 16.0), Anchor::Middle, "c-tick", &label);
        }
        svg.line((LEFT, bottom), (RIGHT, bottom), "c-axis");
        svg.text((RIGHT, bottom + 31.0), Anchor::End, "c-unit", &self.unit);
        for (index, mark) in self.marks.iter().enumerate() {
            let y = top + ROW * index as f64 + 24.0;
            svg.label((LEFT, y - 12.0), Anchor::Start, "c-label", &mark.label, 62);
            svg.text((RIGHT, y - 12.0), Anchor::End, "c-value", &mark.figure);
            if let Some((low, high)) = mark.interval {
                let (left, right) = (axis.at(low), axis.at(high));
                svg.line((left, y), (right, y), "c-interval");
                svg.line((left, y - 4.0), (left, y + 4.0), "c-interval");
                svg.line((right, y - 4.0), (right, y + 4.0), "c-interval");
            }
            svg.mark((axis.at(mark.value), y), 4.5, mark.shape, &format!("{}: {}", mark.label, mark.figure));
        }
        Some(svg.finish(&self.id, &self.title, &self.description))
    }

    fn values(&self) -> Vec<f64> {
        let marks = self.marks.iter().flat_map(|mark| {
            let (low, high) = mark.interval.unwrap_or((mark.value, mark.value));
            [mark.value, low, high]
        });
        let band = self.band.iter().flat_map(|band| [Some(band.stated), band.low, band.high]).flatten();
        marks.chain(band).collect()
    }

    fn draw_band(&self, svg: &mut Svg, axis: &Axis, top: f64) {
        let Some(band) = &self.band else { return };
        let (least, most) = axis.range();
        let (left, right) = (axis.at(band.low.unwrap_or(least)), axis.at(band.high.unwrap_or(most)));
        for index in 0..self.marks.len() {
            let y = top + ROW * index as f64 + 24.0;
            svg.rect((left, y - 7.0), ((right - left).max(1.0), 14.0), "c-band");
            svg.line((axis.at(band.stated), y - 7.0), (axis.at(band.stated), y + 7.0), "c-stated");
        }
        let x = axis.at(band.stated);
        let middle = f64::midpoint(LEFT, RIGHT);
        let (anchor, at) = if x > middle { (Anchor::End, x + 6.0) } else { (Anchor::Start, x - 6.0) };
        svg.label((at.clamp(LEFT, RIGHT), top - 9.0), anchor, "c-stated-label", &band.label, 48);
    }
}
