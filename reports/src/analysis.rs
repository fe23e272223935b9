//! Everything a page, a table or an export shows, in one value. Made from bundles by `derive` and `claims`,
//! read by `page` and `export`; whatever a reader sees stands here first.

use dyno_protocol::{BuildFacts, Conditions, DeviceFacts};
use serde::{Deserialize, Serialize};

use crate::bundle::{Manifest, Outcome, SessionId};
use crate::cell::{Cell, Skipped, TrialId};
use crate::evidence::Evidence;
use crate::foreign::{ForeignRow, ForeignSource};
use crate::quality::Quality;
use crate::verdict::ClaimVerdict;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    pub runs: Vec<RunRow>,
    pub sessions: Vec<SessionRow>,
    pub verdicts: Vec<ClaimVerdict>,
    pub summaries: Vec<Summary>,
    pub trials: Vec<TrialRow>,
    pub skipped: Vec<Skipped>,
    pub foreign: Vec<(ForeignSource, Vec<ForeignRow>)>,
    pub curves: Vec<Curve>,
    /// Answers of quality suites, put together and held against each other.
    #[serde(default)]
    pub quality: Quality,
    /// What a reader must know before believing any of it.
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    pub manifest: Manifest,
    /// The hash of the events as they were read.
    pub events_sha256: String,
    /// What could not be read, or is not as the manifest says.
    pub defects: Vec<String>,
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionRow {
    pub run_id: String,
    pub session: SessionId,
    pub device: String,
    pub runner: String,
    pub facts: DeviceFacts,
    pub evidence: Evidence,
    pub began_at: String,
    /// Sensor names with their first, lowest, highest and last reading.
    pub sensors: Vec<SensorRow>,
    pub ended_with: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SensorRow {
    pub name: String,
    pub source: String,
    pub samples: u32,
    pub first: f64,
    pub lowest: f64,
    pub highest: f64,
    pub last: f64,
}

/// One metric of one cell over all its valid trials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub cell: Cell,
    pub metric: String,
    pub evidence: Evidence,
    pub estimate: Estimate,
    /// Every value that went in, with the trial it came from, so that nothing is hidden in a mean.
    pub samples: Vec<Sample>,
    /// The share of the device's ceiling, where the metric has one.
    pub ceiling: Option<f64>,
    pub model_sha256: Option<String>,
}

/// A value and how sure it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    pub value: f64,
    /// The 95 % interval; absent when too few samples carry one, and then `warnings` says so.
    pub interval: Option<(f64, f64)>,
    pub passes: u32,
    pub trials: u32,
    pub sessions: u32,
    pub method: String,
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub run_id: String,
    pub session: SessionId,
    pub trial: TrialId,
    pub attempt: u32,
    pub pass: u32,
    pub value: f64,
}

/// One attempt at one planned trial, whatever became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialRow {
    pub run_id: String,
    pub trial: TrialId,
    pub cell: Cell,
    pub round: u32,
    /// Absent for a trial that was planned and never begun.
    pub attempt: Option<Attempt>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    pub attempt: u32,
    pub session: SessionId,
    /// Absent when the run was cut inside it.
    pub outcome: Option<Outcome>,
    pub prompt_sha256: Option<String>,
    pub prompt_text: Option<String>,
    pub output_text: Option<String>,
    pub model_sha256: Option<String>,
    pub format: Option<String>,
    pub unit_path: Option<String>,
    pub begin_conditions: Option<Conditions>,
    pub end_conditions: Option<Conditions>,
    pub build: Option<BuildFacts>,
    pub flags: Vec<String>,
    /// Metric values of this attempt, by metric id.
    pub values: Vec<(String, f64)>,
    /// Lines of `events.jsonl` that hold its raw observations: first and last.
    pub events: (u64, u64),
}

/// Something over time, for a chart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    pub title: String,
    pub run_id: String,
    pub session: SessionId,
    pub trial: Option<TrialId>,
    pub evidence: Evidence,
    pub x_unit: String,
    pub y_unit: String,
    pub points: Vec<(f64, f64)>,
}
