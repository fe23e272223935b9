//! A small writer of SVG. Colours are class names, so that light and dark are the style sheet's affair.

use std::fmt::Write;

use crate::readable;

/// The shape tells the kind of evidence without colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkShape {
    /// Measured: a full dot.
    Dot,
    /// Third party: an open ring.
    Ring,
    /// Synthetic weights: a diamond.
    Diamond,
    /// Simulated: an open square.
    Square,
}

impl MarkShape {
    pub fn of(evidence: crate::evidence::Evidence) -> Self {
        use crate::evidence::Evidence;
        match evidence {
            Evidence::Measured => Self::Dot,
            Evidence::ThirdParty => Self::Ring,
            Evidence::SyntheticWeights => Self::Diamond,
            Evidence::Simulated => Self::Square,
        }
    }
}

#[derive(Debug)]
pub(super) struct Svg {
    width: f64,
    height: f64,
    body: String,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

impl Svg {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.push(format_args!(
            r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
        ));
    }

    pub(super) fn rect(&mut self, at: (f64, f64), size: (f64, f64), class: &str) {
        let ((x, y), (width, height)) = (at, size);
        self.push(format_args!(
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}"/>"#
        ));
    }

    pub(super) fn mark(&mut self, (x, y): (f64, f64), radius: f64, shape: MarkShape, hover: &str) {
        let hover = readable::escape(hover);
        let open = match shape {
            MarkShape::Dot => format!(r#"<circle class="m-dot" cx="{x:.1}" cy="{y:.1}" r="{radius:.1}">"#),
            MarkShape::Ring => format!(r#"<circle class="m-ring" cx="{x:.1}" cy="{y:.1}" r="{radius:.1}">"#),
            MarkShape::Diamond => format!(
                r#"<path class="m-diamond" d="M{x:.1} {:.1}L{:.1} {y:.1}L{x:.1} {:.1}L{:.1} {y:.1}Z">"#,
                y - radius * 1.25,
                x + radius * 1.25,
                y + radius * 1.25,
                x - radius * 1.25,
            ),
            MarkShape::Square => format!(
                r#"<rect class="m-square" x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}">"#,
                x - radius * 0.9,
                y - radius * 0.9,
                radius * 1.8,
                radius * 1.8
            ),
        };
        let close = match shape {
            MarkShape::Dot | MarkShape::Ring => "circle",
            MarkShape::Diamond => "path",
            MarkShape::Square => "rect",
        };
        self.push(format_args!("{open}<title>{hover}</title></{close}>"));
    }

    pub(super) fn faint_dot(&mut self, (x, y): (f64, f64)) {
        self.push(format_args!(r#"<circle class="m-sample" cx="{x:.1}" cy="{y:.1}" r="2.2"/>"#));
    }

    pub(super) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, class: &str, words: &str) {
        let (anchor, words) = (anchor.word(), readable::escape(words));
        self.push(format_args!(
            r#"<text class="{class}" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{words}</text>"#
        ));
    }

    /// Text cut to a number of characters, with the whole of it on hover.
    pub(super) fn label(
        &mut self,
        (x, y): (f64, f64),
        anchor: Anchor,
        class: &str,
        words: &str,
        most: usize,
    ) {
        let (anchor, whole, cut) =
            (anchor.word(), readable::escape(words), readable::escape(&readable::cut(words, most)));
        self.push(format_args!(
            r#"<text class="{class}" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{cut}<title>{whole}</title></text>"#
        ));
    }

    pub(super) fn polyline(&mut self, points: &[(f64, f64)], class: &str) {
        let mut path = String::new();
        for (x, y) in points {
            let _ = write!(path, "{x:.1},{y:.1} ");
        }
        self.push(format_args!(r#"<polyline class="{class}" points="{}"/>"#, path.trim_end()));
    }

    pub(super) fn finish(self, id: &str, title: &str, description: &str) -> String {
        wrap(id, (self.width, self.height), title, description, &self.body)
    }

    fn push(&mut self, piece: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.body.write_fmt(piece);
    }
}

/// The outer element, the same for every chart.
pub(super) fn wrap(id: &str, size: (f64, f64), title: &str, description: &str, body: &str) -> String {
    let (width, height) = size;
    let (title, description) = (readable::escape(title), readable::escape(description));
    format!(
        r#"<svg class="chart" role="img" aria-labelledby="{id}-t {id}-d" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}"><title id="{id}-t">{title}</title><desc id="{id}-d">{description}</desc>{body}</svg>"#
    )
}
