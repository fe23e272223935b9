//! Release policies: which changes stop a release, how sure that has to be, and who may wave what through until
//! when. Knows nothing of how a change is computed; `reports` judges, and it is told which day it is.

use serde::Serialize;

use crate::case::CASE;
use crate::day::Day;
use crate::loading::Fields;
use crate::metric::{METRIC, RelevantChange, read_relevant};

pub(crate) const POLICY: &str = "policy";

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Policy {
    pub id: String,
    pub title: String,
    /// The chance of any false alarm over all cells and metrics together, when nothing changed.
    pub false_alarms: f64,
    /// A regression is reported only when a fresh interleaved run shows it again.
    pub confirm: bool,
    pub top_up: TopUp,
    /// Metrics that are held against their smallest relevant change.
    pub metrics: Vec<Watched>,
    /// Metrics of answers, paired by item, that must not be worse by their margin.
    pub quality: Vec<Margin>,
    /// Cells that have to be there on both sides.
    pub required: Vec<Required>,
    pub waivers: Vec<Waiver>,
}

/// What may be measured beyond the first run, when that cannot tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TopUp {
    /// Pairs of visits in one further run.
    pub rounds: u32,
    /// Further runs before the answer is "cannot tell".
    pub runs: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Watched {
    pub metric: String,
    /// In place of the metric's own smallest relevant change.
    pub relevant: Option<RelevantChange>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Margin {
    pub metric: String,
    /// In the metric's unit.
    pub margin: f64,
}

/// Cells by their names. All lists that say something have to match; an empty one matches anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Cells {
    /// As `suite/case`.
    pub cases: Vec<String>,
    /// As on the command line.
    pub models: Vec<String>,
    pub quants: Vec<String>,
    pub engines: Vec<String>,
    pub devices: Vec<String>,
}

/// Cells that have to be there, each with every metric of the policy that its case yields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Required {
    pub of: Cells,
}

/// Somebody's promise about what is known to be worse. After its last day it waives nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiver {
    pub who: String,
    pub why: String,
    /// The last day on which it counts.
    pub until: Day,
    pub of: Cells,
    /// None means every metric.
    pub metrics: Vec<String>,
}

impl Policy {
    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let id = fields.id();
        fields.declare(POLICY, &id, None, None, &[]);
        let policy = Self {
            id,
            title: fields.text("title"),
            false_alarms: fields.number("false_alarms", 0.0001..=0.2),
            confirm: fields.flag("confirm"),
            top_up: fields.inside_needed("top_up", TopUp::read).unwrap_or(TopUp { rounds: 1, runs: 0 }),
            metrics: fields.each("metric", Watched::read),
            quality: fields.each("quality", Margin::read),
            required: fields.each("require", |fields| Required { of: Cells::read(fields) }),
            waivers: fields.each("waiver", Waiver::read),
        };
        if policy.metrics.is_empty() && policy.quality.is_empty() {
            fields.mistake("metric", "a policy that watches no metric stops nothing", None);
        }
        for both in
            policy.quality.iter().filter(|one| policy.metrics.iter().any(|other| other.metric == one.metric))
        {
            fields.mistake("quality", format!("`{}` is watched twice", both.metric), None);
        }
        policy
    }
}

impl TopUp {
    fn read(fields: &Fields<'_>) -> Self {
        Self { rounds: fields.whole("rounds", 1..=1000) as u32, runs: fields.whole("runs", 0..=20) as u32 }
    }
}

impl Watched {
    fn read(fields: &Fields<'_>) -> Self {
        Self {
            metric: fields.reference("metric", METRIC),
            relevant: fields.inside("relevant", read_relevant),
        }
    }
}

impl Margin {
    fn read(fields: &Fields<'_>) -> Self {
        Self { metric: fields.reference("metric", METRIC), margin: fields.number("margin", 0.0001..=1.0) }
    }
}

impl Cells {
    fn read(fields: &Fields<'_>) -> Self {
        Self {
            cases: fields.references("cases", CASE),
            models: fields.texts("models"),
            quants: fields.texts("quants"),
            engines: fields.texts("engines"),
            devices: fields.texts("devices"),
        }
    }
}

impl Waiver {
    fn read(fields: &Fields<'_>) -> Self {
        Self {
            who: fields.text("who"),
            why: fields.text("why"),
            until: fields.day("until"),
            of: Cells::read(fields),
            metrics: fields.references("metrics", METRIC),
        }
    }
}
