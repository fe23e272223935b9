//! What a comparison is judged by: the metrics, what change of each matters, how sure it has to be, and what is known
//! about the noise of each device.

use std::collections::BTreeMap;

use dyno_suites::{Definitions, Direction, RelevantChange};
use serde::{Deserialize, Serialize};

use super::gather::CellSides;
use crate::claims::paired::PAIRED_METRIC;

/// The usual chance of a false answer.
const ALPHA: f64 = 0.05;

#[derive(Debug, Clone)]
pub struct Terms<'a> {
    /// The chance of any false alarm over all rows together.
    pub alpha: f64,
    /// How often these numbers may be looked at before the answer counts: each look spends a part of the chance of
    /// calling different things the same.
    pub looks: u32,
    /// Metrics to hold against each other; every one that has a better direction where nothing is said.
    pub watch: Option<Vec<Watch>>,
    pub floors: &'a Floors,
}

impl<'a> Terms<'a> {
    /// Every metric, by its own smallest relevant change.
    pub fn usual(floors: &'a Floors) -> Self {
        Self { alpha: ALPHA, looks: 1, watch: None, floors }
    }

    /// The chance of a false "same" that each look may take.
    pub(super) fn alpha_same(&self) -> f64 {
        ALPHA / f64::from(self.looks.max(1))
    }

    /// The metrics of this cell, in the order in which its case lists them.
    pub(super) fn watches(&self, cell: &CellSides<'_>, definitions: &Definitions) -> Vec<Watch> {
        let case = definitions.case(&format!("{}/{}", cell.cell.suite, cell.cell.case));
        let yields = case.map_or_else(|_| cell.metrics(), |(_, case)| case.metrics.clone());
        let watch = |metric: &String| match &self.watch {
            Some(watched) => watched.iter().find(|watch| watch.metric == *metric).cloned(),
            None => Watch::usual(metric, definitions),
        };
        yields.iter().filter_map(watch).collect()
    }
}

/// One metric and the change of it that matters.
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    pub metric: String,
    pub direction: Direction,
    pub relevant: RelevantChange,
    /// The candidate has to be shown to be no worse than by the relevant change; being much better is no matter.
    pub no_worse: bool,
}

impl Watch {
    /// By the metric's own definition; nothing for metrics that are neither good nor bad.
    pub fn usual(metric: &str, definitions: &Definitions) -> Option<Self> {
        let found = definitions.metric(metric).ok().filter(|found| found.direction != Direction::Neutral)?;
        Some(Self {
            metric: metric.to_owned(),
            direction: found.direction,
            relevant: found.relevant,
            no_worse: false,
        })
    }

    pub(super) fn is_by_item(&self) -> bool {
        self.metric == PAIRED_METRIC
    }
}

/// How a device's numbers stray when nothing changed, by device id.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Floors {
    pub devices: BTreeMap<String, DeviceFloors>,
}

/// By metric. Deviations are of logarithms: shares of the value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DeviceFloors {
    /// What interleaved comparisons of equals stray by beyond what their pairs show.
    pub paired: BTreeMap<String, Spread>,
    /// What means of sessions of one build stray by.
    pub sessions: BTreeMap<String, Spread>,
}

/// A standard deviation and how well it is known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    pub deviation: f64,
    pub freedom: f64,
}

impl Floors {
    pub(super) fn paired(&self, device_id: &str, metric: &str) -> Option<Spread> {
        self.devices.get(device_id)?.paired.get(metric).copied()
    }

    pub(super) fn sessions(&self, device_id: &str, metric: &str) -> Option<Spread> {
        self.devices.get(device_id)?.sessions.get(metric).copied()
    }
}
