//! Metrics, models and claims in the page's words: what it needs of the definitions, and what it says
//! about things that no definition names.

use std::collections::BTreeMap;

use crate::chart::Band;
use crate::readable;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Glossary {
    pub metrics: BTreeMap<String, MetricWords>,
    pub models: BTreeMap<String, ModelWords>,
    /// By claim id.
    pub claims: BTreeMap<String, ClaimWords>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct MetricWords {
    pub label: String,
    /// The unit on the page.
    pub unit: String,
    /// From the stored value to the page's unit, such as bytes to megabytes.
    pub scale: f64,
    pub higher_is_better: Option<bool>,
    pub decimals: Option<usize>,
    pub definition: String,
    /// Answers of a model rather than speed, heat or memory.
    pub quality: bool,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelWords {
    pub parameters: Option<u64>,
    /// One of our own tiny models: real training, no real knowledge.
    pub toy: bool,
}

/// What a claim states, metric by metric.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClaimWords {
    pub bands: Vec<(String, Band)>,
}

impl Glossary {
    pub(super) fn metric(&self, id: &str) -> MetricWords {
        self.metrics.get(id).cloned().unwrap_or_else(|| MetricWords {
            label: id.replace('_', " "),
            unit: String::new(),
            scale: 1.0,
            higher_is_better: None,
            decimals: None,
            definition: String::new(),
            quality: false,
        })
    }

    pub(super) fn is_toy(&self, model: &str) -> bool {
        self.models.get(model).is_some_and(|model| model.toy)
    }

    pub(super) fn parameters(&self, model: &str) -> Option<u64> {
        self.models.get(model).and_then(|model| model.parameters)
    }

    pub(super) fn band(&self, claim: &str, metric: &str) -> Option<&Band> {
        self.claims.get(claim)?.bands.iter().find(|(of, _)| of == metric).map(|(_, band)| band)
    }
}

impl MetricWords {
    fn decimals_of(&self, shown: f64) -> usize {
        self.decimals.unwrap_or_else(|| readable::decimals_for(shown))
    }

    /// A stored value in the page's unit, for axes.
    pub(super) fn shown(&self, stored: f64) -> f64 {
        stored * self.scale
    }

    /// The value without its unit, which stands in the header.
    pub(super) fn value(&self, value: f64) -> String {
        let shown = self.shown(value);
        readable::number(shown, self.decimals_of(shown))
    }

    pub(super) fn interval(&self, interval: (f64, f64)) -> String {
        let shown = (self.shown(interval.0), self.shown(interval.1));
        readable::interval(shown, self.decimals_of(shown.0.abs().max(shown.1.abs())))
    }

    /// Value, unit and interval in one line, for charts and sentences.
    pub(super) fn figure(&self, value: f64, interval: Option<(f64, f64)>) -> String {
        let mut figure = self.value(value);
        if let Some(interval) = interval {
            figure = format!("{figure} ({})", self.interval(interval));
        }
        figure
    }

    pub(super) fn direction(&self) -> &'static str {
        match self.higher_is_better {
            Some(true) => "higher is better",
            Some(false) => "lower is better",
            None => "neither direction is better",
        }
    }
}
