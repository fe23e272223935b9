//! Intervals and estimates of one quantity over many sittings, against the truth of each.

use super::rows::{About, Row};

#[derive(Debug, Default)]
pub(super) struct Tally {
    covered: u64,
    intervals: u64,
    /// Of all values: the estimate over the truth, less one.
    errors: Vec<f64>,
    /// Sittings that gave no value.
    missing: u64,
}

/// An estimator that is off by more than this share is mended.
const BIAS: f64 = 0.03;

impl Tally {
    pub(super) fn add(&mut self, value: f64, interval: Option<(f64, f64)>, truth: f64) {
        self.errors.push(value / truth - 1.0);
        if let Some((low, high)) = interval {
            self.intervals += 1;
            self.covered += u64::from((low..=high).contains(&truth));
        }
    }

    pub(super) fn miss(&mut self) {
        self.missing += 1;
    }

    /// How often the intervals held the truth, and by how much the values were off.
    pub(super) fn rows(self, what: &str, wanted: (f64, f64)) -> Vec<Row> {
        let mut rows = Vec::new();
        let missing = if self.missing == 0 { String::new() } else { format!(" ({} without)", self.missing) };
        let what = format!("{what}{missing}");
        if self.intervals > 0 {
            rows.push(Row::share(About::Coverage, what.clone(), self.covered, self.intervals, Some(wanted)));
        }
        if !self.errors.is_empty() {
            rows.push(Row::mean(About::Bias, what, &self.errors, Some((-BIAS, BIAS))));
        }
        rows
    }
}
