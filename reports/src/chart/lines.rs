//! Lines over time and cumulative shares, drawn by plotters and recoloured to follow the page.

use plotters::prelude::*;

use super::axis::tick_label;
use super::svg::wrap;
use crate::readable;

#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub label: String,
    pub points: Vec<(f64, f64)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct LineChart {
    pub id: String,
    pub title: String,
    pub description: String,
    pub x_label: String,
    pub y_label: String,
    pub series: Vec<Series>,
}

const SIZE: (u32, u32) = (600, 280);
/// More points than pixels cannot be seen.
const MOST_POINTS: usize = 360;

/// Colours that stand for names of the style sheet until the drawing is done.
const INK: RGBColor = RGBColor(1, 1, 1);
const GRID: RGBColor = RGBColor(2, 2, 2);
const LINES: [RGBColor; 6] = [
    RGBColor(3, 1, 1),
    RGBColor(3, 1, 2),
    RGBColor(3, 1, 3),
    RGBColor(3, 1, 4),
    RGBColor(3, 1, 5),
    RGBColor(3, 1, 6),
];
const NAMES: [(&str, &str); 8] = [
    ("#010101", "var(--muted)"),
    ("#020202", "var(--rule)"),
    ("#030101", "var(--line-1)"),
    ("#030102", "var(--line-2)"),
    ("#030103", "var(--line-3)"),
    ("#030104", "var(--line-4)"),
    ("#030105", "var(--line-5)"),
    ("#030106", "var(--line-6)"),
];

impl LineChart {
    /// The most series in one chart: more lines than colours cannot be told apart.
    pub const MOST_SERIES: usize = LINES.len();

    /// Nothing when no series has two points.
    pub fn draw(&self) -> Option<String> {
        let series: Vec<Series> = self
            .series
            .iter()
            .take(Self::MOST_SERIES)
            .map(|series| Series { label: series.label.clone(), points: thin(&series.points) })
            .filter(|series| series.points.len() > 1)
            .collect();
        let (x_range, y_range) = ranges(&series)?;
        let mut drawn = String::new();
        // Drawing into a string cannot fail: there is no device behind it.
        self.paint(&mut drawn, &series, x_range, y_range).ok()?;
        let body = drawn.split_once('>')?.1.trim().strip_suffix("</svg>")?;
        let mut body = body.to_owned();
        for (colour, name) in NAMES {
            body = body.replace(colour, name);
        }
        let size = (f64::from(SIZE.0), f64::from(SIZE.1));
        Some(wrap(&self.id, size, &self.title, &self.description, &body))
    }

    fn paint(
        &self,
        into: &mut String,
        series: &[Series],
        x_range: std::ops::Range<f64>,
        y_range: std::ops::Range<f64>,
    ) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
        let label = || TextStyle::from(("sans-serif", 12)).color(&INK);
        let area = SVGBackend::with_string(into, SIZE).into_drawing_area();
        let x_decimals = decimals(&x_range);
        let y_decimals = decimals(&y_range);
        let mut chart = ChartBuilder::on(&area)
            .margin(8)
            .margin_right(18)
            .x_label_area_size(42)
            .y_label_area_size(56)
            .build_cartesian_2d(x_range, y_range)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID.stroke_width(1))
            .axis_style(INK.stroke_width(1))
            .x_labels(7)
            .y_labels(6)
            .x_desc(readable::clean(&self.x_label))
            .y_desc(readable::clean(&self.y_label))
            .x_label_formatter(&|value| tick_label(*value, x_decimals))
            .y_label_formatter(&|value| tick_label(*value, y_decimals))
            .label_style(label())
            .axis_desc_style(label())
            .draw()?;
        for (series, colour) in series.iter().zip(LINES) {
            chart.draw_series(LineSeries::new(series.points.iter().copied(), colour.stroke_width(2)))?;
        }
        area.present()
    }
}

fn ranges(series: &[Series]) -> Option<(std::ops::Range<f64>, std::ops::Range<f64>)> {
    let points = || series.iter().flat_map(|series| series.points.iter());
    let bounds = |values: Vec<f64>| {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // Values so far apart that their distance overflows cannot be drawn to scale.
        (low <= high && (high - low).is_finite()).then_some((low, high))
    };
    let (left, right) = bounds(points().map(|point| point.0).collect())?;
    let (low, high) = bounds(points().map(|point| point.1).collect())?;
    let width = if right > left { right - left } else { 1.0 };
    // A rate is read from zero unless it never comes near it.
    let low = if low >= 0.0 && low < high * 0.9 { 0.0 } else { low };
    let height = if high > low { high - low } else { high.abs().max(1.0) };
    Some((left..left + width, low..low + height * 1.06))
}

fn decimals(range: &std::ops::Range<f64>) -> usize {
    let step = (range.end - range.start) / 6.0;
    if step >= 1.0 || step <= 0.0 { 0 } else { (-step.log10()).ceil().clamp(0.0, 6.0) as usize }
}

/// Keeps the lowest and highest point of each stretch, so that no spike is lost.
fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let points: Vec<(f64, f64)> =
        points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    if points.len() <= MOST_POINTS {
        return points;
    }
    let stretch = points.len().div_ceil(MOST_POINTS / 2);
    points
        .chunks(stretch)
        .flat_map(|chunk| {
            let low = (0..chunk.len()).min_by(|&a, &b| chunk[a].1.total_cmp(&chunk[b].1)).unwrap_or(0);
            let high = (0..chunk.len()).max_by(|&a, &b| chunk[a].1.total_cmp(&chunk[b].1)).unwrap_or(0);
            let (first, second) = if low <= high { (low, high) } else { (high, low) };
            if first == second { vec![chunk[first]] } else { vec![chunk[first], chunk[second]] }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>) -> LineChart {
        LineChart {
            id: "c".into(),
            title: "rate".into(),
            description: "rate over time".into(),
            x_label: "s".into(),
            y_label: "tok/s".into(),
            series: vec![Series { label: "a <b>".into(), points }],
        }
    }

    #[test]
    fn a_spike_survives_thinning() {
        let mut points: Vec<(f64, f64)> = (0..10_000).map(|i| (f64::from(i), 1.0)).collect();
        points[7_777].1 = 99.0;
        let thinned = thin(&points);
        assert!(thinned.len() <= MOST_POINTS + 2);
        assert!(thinned.iter().any(|point| point.1 > 98.0));
    }

    #[test]
    fn colours_are_the_style_sheets() {
        let svg = chart(vec![(0.0, 30.0), (1.0, 20.0)]).draw().unwrap();
        assert!(svg.contains("var(--line-1)"), "{svg}");
        assert!(!svg.contains("#0"), "a colour of plotters is left: {svg}");
    }

    #[test]
    fn odd_values_draw_nothing_or_something_but_never_fail() {
        for points in
            [vec![], vec![(0.0, 0.0)], vec![(f64::NAN, 1.0); 5], vec![(0.0, f64::MAX), (1.0, f64::MIN)]]
        {
            assert!(chart(points).draw().is_none());
        }
        assert!(chart(vec![(0.0, 5.0), (0.0, 5.0)]).draw().is_some());
        assert!(chart(vec![(0.0, -1e-300), (1e-300, 1e-300)]).draw().is_some());
    }
}
