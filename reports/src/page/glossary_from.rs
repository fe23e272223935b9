//! The definitions in the page's words: units as people write them, claims as bands on an axis.

use dyno_suites::{Claim, Definitions, Direction, Metric, Test, Unit, Weights};

use crate::chart::Band;
use crate::readable;

use super::glossary::{ClaimWords, Glossary, MetricWords, ModelWords};

impl From<&Definitions> for Glossary {
    fn from(definitions: &Definitions) -> Self {
        let metrics =
            definitions.metrics().iter().map(|metric| (metric.id.clone(), metric_words(metric))).collect();
        let models = definitions
            .models()
            .iter()
            .map(|model| {
                let words = ModelWords {
                    parameters: model.parameters.map(|parameters| parameters.total()),
                    toy: matches!(model.weights, Weights::Embedded { .. }),
                };
                (model.id.clone(), words)
            })
            .collect();
        let mut glossary = Self { metrics, models, claims: std::collections::BTreeMap::new() };
        for claim in definitions.claims() {
            let bands = bands(claim, &glossary);
            glossary.claims.insert(claim.id.clone(), ClaimWords { bands });
        }
        glossary
    }
}

fn metric_words(metric: &Metric) -> MetricWords {
    let digits = Some(metric.digits as usize);
    let (unit, scale, decimals) = match metric.unit {
        Unit::TokensPerSecond => ("tok/s", 1.0, digits),
        Unit::Milliseconds => ("ms", 1.0, digits),
        Unit::Seconds => ("s", 1.0, digits),
        Unit::Bytes => ("MB", 1e-6, None),
        Unit::BytesPerSecond => ("GB/s", 1e-9, None),
        Unit::Percent => ("%", 1.0, digits),
        Unit::PercentPerHour => ("%/h", 1.0, digits),
        Unit::Joules => ("J", 1.0, digits),
        Unit::JoulesPerToken => ("J/tok", 1.0, digits),
        Unit::Watts => ("W", 1.0, digits),
        Unit::Ratio => ("%", 100.0, digits.map(|digits| digits.saturating_sub(2))),
        Unit::Score => ("score", 1.0, digits),
        Unit::Count => ("", 1.0, digits),
        Unit::Tokens => ("tok", 1.0, digits),
        Unit::TokensPerAnswer => ("tok/answer", 1.0, digits),
    };
    MetricWords {
        label: metric.title.clone(),
        unit: unit.to_owned(),
        scale,
        higher_is_better: match metric.direction {
            Direction::HigherIsBetter => Some(true),
            Direction::LowerIsBetter => Some(false),
            Direction::Neutral => None,
        },
        decimals,
        definition: metric.definition.clone(),
        quality: metric.unit == Unit::Score || metric.id == "accuracy",
    }
}

/// Tests that state a number, as bands. Other tests have no place on an axis.
fn bands(claim: &Claim, glossary: &Glossary) -> Vec<(String, Band)> {
    claim
        .tests
        .iter()
        .filter_map(|test| {
            let (metric, stated, low, high, how) = match test {
                Test::RateAbout { of, value, tolerance, .. } => {
                    let (low, high) = (value * (1.0 - tolerance), value * (1.0 + tolerance));
                    (&of.metric, *value, Some(low), Some(high), "about")
                }
                Test::RateAtLeast { of, value, .. } => (&of.metric, *value, Some(*value), None, "at least"),
                Test::ValueAtMost { of, value, .. } => (&of.metric, *value, None, Some(*value), "at most"),
                _ => return None,
            };
            let words = glossary.metric(metric);
            let shown = words.shown(stated);
            let tolerance = match (low, high) {
                (Some(low), Some(high)) => format!(" ({})", words.interval((low, high))),
                _ => String::new(),
            };
            let figure =
                readable::number(shown, if shown.fract() == 0.0 { 0 } else { readable::decimals_for(shown) });
            let label = format!("claimed: {how} {figure} {}{tolerance}", words.unit);
            Some((metric.clone(), Band { stated, low, high, label }))
        })
        .collect()
}
