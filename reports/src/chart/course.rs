//! A long trial over time: the rate on top, whatever else was read below it on the same clock, the device's own
//! word for its heat as bands behind, and marks where something began or ended.

use super::axis::Axis;
use super::svg::{Anchor, MarkShape, Svg};

#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    pub title: String,
    pub from_zero: bool,
    /// Lines with what they are called; the first panel's is the rate.
    pub lines: Vec<(String, Vec<(f64, f64)>)>,
}

/// A time that something lasted.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    pub from_s: f64,
    pub to_s: f64,
    /// Ends a class name of the style sheet: `nominal`, `fair`, `serious`, `critical`, `onset`.
    pub kind: &'static str,
    pub label: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CourseChart {
    pub id: String,
    pub title: String,
    pub description: String,
    pub panels: Vec<Panel>,
    /// Single points in the first panel, such as probes.
    pub marks: Vec<((f64, f64), String)>,
    pub shape: MarkShape,
    /// Behind all panels.
    pub bands: Vec<Span>,
    /// Moments, with what happened then.
    pub moments: Vec<(f64, String)>,
    /// A level in the first panel.
    pub level: Option<(f64, String)>,
}

const WIDTH: f64 = 600.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 582.0;
const TOP: f64 = 30.0;
const FIRST: f64 = 170.0;
const FURTHER: f64 = 76.0;
const GAP: f64 = 34.0;
const STRIP: f64 = 10.0;

impl CourseChart {
    /// The most lines of one panel.
    pub const MOST_LINES: usize = 4;

    pub fn draw(&self) -> String {
        let heights = self.panels.iter().enumerate().map(|(at, _)| if at == 0 { FIRST } else { FURTHER });
        let bottom = TOP + heights.clone().sum::<f64>() + GAP * self.panels.len().saturating_sub(1) as f64;
        let mut svg = Svg::new(WIDTH, bottom + 46.0);
        let seconds = self.across();
        let last_s = seconds.iter().copied().fold(0.0, f64::max);
        let (unit, scale) = if last_s > 300.0 { ("minutes", 60.0) } else { ("seconds", 1.0) };
        let across = Axis::covering(seconds.iter().map(|s| s / scale), true, LEFT, RIGHT);
        let x = |s: f64| across.at(s / scale);
        for band in &self.bands {
            let (from, to) = (x(band.from_s), x(band.to_s));
            let class = format!("c-state c-{}", band.kind);
            svg.rect((from, TOP), ((to - from).max(1.0), bottom - TOP), &class);
            if band.kind != "onset" {
                svg.rect(
                    (from, TOP - STRIP),
                    ((to - from).max(1.0), STRIP - 2.0),
                    &format!("c-strip c-{}", band.kind),
                );
            }
        }
        self.band_labels(&mut svg, &x);
        let mut top = TOP;
        for ((at, panel), height) in self.panels.iter().enumerate().zip(heights) {
            self.panel(&mut svg, at, panel, (top, top + height), &x);
            top += height + GAP;
        }
        for (at_s, what) in &self.moments {
            svg.line((x(*at_s), TOP), (x(*at_s), bottom), "c-moment");
            let (anchor, shift) =
                if x(*at_s) > RIGHT - 120.0 { (Anchor::End, -4.0) } else { (Anchor::Start, 4.0) };
            svg.label((x(*at_s) + shift, TOP + 11.0), anchor, "c-moment-label", what, 34);
        }
        for (value, label) in across.ticks() {
            svg.text((across.at(value), bottom + 16.0), Anchor::Middle, "c-tick", &label);
        }
        svg.line((LEFT, bottom), (RIGHT, bottom), "c-axis");
        svg.text((RIGHT, bottom + 34.0), Anchor::End, "c-unit", &format!("{unit} since the first prompt"));
        svg.finish(&self.id, &self.title, &self.description)
    }

    fn across(&self) -> Vec<f64> {
        let of_lines = self.panels.iter().flat_map(|panel| &panel.lines).flat_map(|(_, points)| points);
        of_lines.map(|point| point.0).chain(self.marks.iter().map(|(at, _)| at.0)).collect()
    }

    /// The names of states, where there is room for them.
    fn band_labels(&self, svg: &mut Svg, x: &dyn Fn(f64) -> f64) {
        for band in self.bands.iter().filter(|band| band.kind != "onset") {
            let (from, to) = (x(band.from_s), x(band.to_s));
            if to - from > 6.2 * band.label.len() as f64 {
                svg.text((f64::midpoint(from, to), TOP - STRIP - 4.0), Anchor::Middle, "c-tick", &band.label);
            }
        }
    }

    fn panel(
        &self,
        svg: &mut Svg,
        at: usize,
        panel: &Panel,
        (top, bottom): (f64, f64),
        x: &dyn Fn(f64) -> f64,
    ) {
        let values = panel.lines.iter().flat_map(|(_, points)| points).map(|point| point.1);
        let marks = self.marks.iter().filter(|_| at == 0).map(|(place, _)| place.1);
        let up = Axis::covering(values.chain(marks), panel.from_zero, bottom, top);
        let ticks = up.ticks();
        // A low panel has no room for every tick.
        let every = if bottom - top < 100.0 { ticks.len().div_ceil(3).max(1) } else { 1 };
        for (value, label) in ticks.iter().step_by(every) {
            svg.line((LEFT, up.at(*value)), (RIGHT, up.at(*value)), "c-grid");
            svg.text((LEFT - 7.0, up.at(*value) + 4.0), Anchor::End, "c-tick", label);
        }
        svg.label((LEFT, top - if at == 0 { 18.0 } else { 6.0 }), Anchor::Start, "c-unit", &panel.title, 90);
        for (number, (_, points)) in panel.lines.iter().take(Self::MOST_LINES).enumerate() {
            let path: Vec<(f64, f64)> = points
                .iter()
                .filter(|(s, value)| s.is_finite() && value.is_finite())
                .map(|(s, value)| (x(*s), up.at(*value)))
                .collect();
            svg.polyline(&path, &format!("c-line c-line-{}", number + 1));
        }
        if at == 0 {
            if let Some((level, what)) = &self.level {
                svg.line((LEFT, up.at(*level)), (RIGHT, up.at(*level)), "c-stated");
                svg.text((RIGHT, up.at(*level) - 5.0), Anchor::End, "c-stated-label", what);
            }
            for ((s, value), hover) in &self.marks {
                svg.mark((x(*s), up.at(*value)), 3.6, self.shape, hover);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_courses_draw_something_and_never_fail() {
        let line = |points: Vec<(f64, f64)>| Panel {
            title: "rate, <tok/s>".into(),
            from_zero: true,
            lines: vec![("a".into(), points)],
        };
        for points in
            [vec![], vec![(0.0, 0.0)], vec![(f64::NAN, 1.0), (1.0, f64::INFINITY)], vec![(5.0, 3.0); 3]]
        {
            let svg = CourseChart {
                id: "c".into(),
                title: "t".into(),
                description: "d".into(),
                panels: vec![line(points.clone()), line(points)],
                marks: vec![((1.0, 2.0), "probe".into())],
                shape: MarkShape::Square,
                bands: vec![Span { from_s: 0.0, to_s: 0.0, kind: "fair", label: "fair".into() }],
                moments: vec![(0.5, "the work ends".into())],
                level: Some((1.0, "plateau".into())),
            }
            .draw();
            assert!(svg.contains("&lt;tok/s&gt;") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
