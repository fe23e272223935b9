//! The product of a sweep: one row for each way to run a model on a device, with its size, speed, memory, energy
//! and quality side by side. It lays estimates next to each other and compares nothing.

use std::collections::BTreeMap;

use dyno_protocol::ComputeUnit;

use crate::analysis::{Analysis, Summary};
use crate::cell::Cell;
use crate::evidence::Evidence;

/// One way to run a model.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepRow<'a> {
    pub model: &'a str,
    pub quant: &'a str,
    pub engine: &'a str,
    pub unit: ComputeUnit,
    pub device: &'a str,
    /// The worst kind among its numbers.
    pub evidence: Evidence,
    /// What the weights take on the disk or in memory, as the engine said when it loaded them.
    pub weight_bytes: Option<u64>,
    /// By the column's metric.
    pub values: BTreeMap<&'static str, SweepValue>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SweepValue {
    pub value: f64,
    pub interval: Option<(f64, f64)>,
    /// How many summaries went in: more than one only for quality, which is a mean over tasks.
    pub of: usize,
}

/// A column: the metric, and the place that speaks for it where several do.
struct Pick {
    metric: &'static str,
    case: &'static str,
    /// The mean over all places instead.
    is_mean: bool,
}

const fn at(metric: &'static str, case: &'static str) -> Pick {
    Pick { metric, case, is_mean: false }
}

/// In the order of the columns: speed, memory, heat, energy, quality.
const PICKS: [Pick; 9] = [
    at("decode_rate", "decode"),
    at("prefill_rate", "prefill"),
    at("ttft", "chat"),
    at("load_cold", "load-cold"),
    at("peak_footprint", "decode"),
    at("peak_resident", "decode"),
    at("retained_share", ""),
    at("gross_energy_per_token", ""),
    Pick { metric: "accuracy", case: "", is_mean: true },
];

/// The metrics of the columns.
pub fn metrics() -> impl Iterator<Item = &'static str> {
    PICKS.iter().map(|pick| pick.metric)
}

/// Rows by model, weights and way; nothing where there is only one way, because then there is nothing to look up.
pub fn rows(analysis: &Analysis) -> Vec<SweepRow<'_>> {
    type Key<'a> = (&'a str, &'a str, &'a str, ComputeUnit, &'a str);
    let mut ways: BTreeMap<Key<'_>, Vec<&Summary>> = BTreeMap::new();
    for summary in &analysis.summaries {
        let Cell { model, quant, engine, unit, device, .. } = &summary.cell;
        if PICKS.iter().any(|pick| pick.metric == summary.metric) {
            ways.entry((model, quant, engine, *unit, device)).or_default().push(summary);
        }
    }
    if ways.len() < 2 {
        return Vec::new();
    }
    ways.into_iter()
        .map(|((model, quant, engine, unit, device), summaries)| SweepRow {
            model,
            quant,
            engine,
            unit,
            device,
            evidence: summaries.iter().map(|summary| summary.evidence).max().unwrap_or(Evidence::Measured),
            weight_bytes: weight_bytes(analysis, summaries[0]),
            values: PICKS.iter().filter_map(|pick| Some((pick.metric, pick.of(&summaries)?))).collect(),
        })
        .collect()
}

fn weight_bytes(analysis: &Analysis, like: &Summary) -> Option<u64> {
    let mut rows = analysis.trials.iter().filter(|row| row.cell.is_configured_as(&like.cell));
    rows.find_map(|row| row.attempt.as_ref()?.weight_bytes)
}

impl Pick {
    fn of(&self, summaries: &[&Summary]) -> Option<SweepValue> {
        let here = || summaries.iter().filter(|summary| summary.metric == self.metric);
        if self.is_mean {
            let of = here().count();
            let value = here().map(|summary| summary.estimate.value).sum::<f64>() / of.max(1) as f64;
            let interval = if of == 1 { here().next()?.estimate.interval } else { None };
            return (of > 0).then_some(SweepValue { value, interval, of });
        }
        // The named case speaks first, and of its variants the one with the least context.
        let chosen = here().min_by_key(|summary| {
            let deepest = summary.cell.axes.values().filter_map(|value| value.parse::<u64>().ok()).max();
            (summary.cell.case != self.case, deepest.unwrap_or(0))
        })?;
        Some(SweepValue { value: chosen.estimate.value, interval: chosen.estimate.interval, of: 1 })
    }
}
