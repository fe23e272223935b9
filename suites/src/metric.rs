//! Metrics as data: what a number is called, what it is measured in, which way is better, and which stamps
//! it is made of. Knows nothing of how it is computed; `reports` has one function for each.

use serde::Serialize;

use crate::loading::Fields;
use crate::words::words;

pub(crate) const METRIC: &str = "metric";

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metric {
    pub id: String,
    pub version: u32,
    pub title: String,
    pub unit: Unit,
    pub direction: Direction,
    pub per: Per,
    /// Which stamps, in words: printed beside every number.
    pub definition: String,
    pub relevant: RelevantChange,
    /// Digits after the decimal point on pages.
    pub digits: u32,
}

words! {
    /// Units of stored values. Pages may scale them; files never do.
    pub enum Unit {
        TokensPerSecond = "token/s",
        Milliseconds = "ms",
        Seconds = "s",
        Bytes = "byte",
        BytesPerSecond = "byte/s",
        Percent = "percent",
        PercentPerHour = "percent/h",
        Joules = "joule",
        JoulesPerToken = "joule/token",
        Watts = "watt",
        /// A share or a quotient: one thing over another of the same unit.
        Ratio = "ratio",
        Score = "score",
        Count = "count",
        Tokens = "token",
        TokensPerAnswer = "token/answer",
    }
}

words! {
    pub enum Direction {
        HigherIsBetter = "higher-is-better",
        LowerIsBetter = "lower-is-better",
        Neutral = "neutral",
    }
}

words! {
    /// What one value of the metric describes.
    pub enum Per {
        Pass = "pass",
        Trial = "trial",
        Session = "session",
    }
}

/// The smallest change worth acting on, however certain it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RelevantChange {
    /// A share of the value compared with.
    Relative(f64),
    /// In the metric's own unit.
    Absolute(f64),
}

impl RelevantChange {
    /// The change in the metric's own unit, seen from this value.
    pub fn from(self, value: f64) -> f64 {
        match self {
            Self::Relative(share) => share * value.abs(),
            Self::Absolute(change) => change,
        }
    }
}

impl Metric {
    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let id = fields.id();
        let version = fields.version();
        fields.declare(METRIC, &id, Some(version), None, &[]);
        Self {
            id,
            version,
            title: fields.text("title"),
            unit: fields.word("unit"),
            direction: fields.word("direction"),
            per: fields.word("per"),
            definition: fields.text("definition"),
            relevant: fields
                .inside_needed("relevant", read_relevant)
                .unwrap_or(RelevantChange::Relative(0.0)),
            digits: fields.whole("digits", 0..=6) as u32,
        }
    }
}

pub(crate) fn read_relevant(fields: &Fields<'_>) -> RelevantChange {
    let relative = fields.optional_number("relative", &(0.0001..=1.0));
    let absolute = fields.optional_number("absolute", &(1e-9..=1e12));
    match (relative, absolute) {
        (Some(relative), None) => RelevantChange::Relative(relative),
        (None, Some(absolute)) => RelevantChange::Absolute(absolute),
        _ => {
            fields.mistake("relative", "a relevant change is either `relative` or `absolute`", None);
            RelevantChange::Relative(0.0)
        }
    }
}
