//! Everything a page, a table or an export shows, in one value. Made from bundles by `derive` and `claims`,
//! read by `page` and `export`; whatever a reader sees stands here first.

use dyno_protocol::{BuildFacts, Conditions, DeviceFacts, ThermalState};
use serde::{Deserialize, Serialize};

use crate::bundle::{Manifest, Outcome, ProbeReason, SessionId};
use crate::cell::{Cell, Skipped, TrialId};
use crate::compare::Comparison;
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
    /// Of trials of long work.
    pub courses: Vec<Course>,
    /// Answers of quality suites, put together and held against each other.
    #[serde(default)]
    pub quality: Quality,
    /// The two sides held against each other, where they were measured in turn or a comparison was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
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
    /// Short decodes that show how fast the device was at that moment.
    pub probes: Vec<ProbeRow>,
    /// Gates and cool-downs.
    pub waits: Vec<WaitRow>,
    /// What the probes lost or won from the start of the sitting to its end.
    pub drifts: Vec<Drift>,
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

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeRow {
    pub why: ProbeReason,
    /// The configuration that was probed.
    pub what: String,
    pub at_ns: Option<u64>,
    /// Tokens a second; absent where the probe gave none.
    pub rate: Option<f64>,
    pub failure: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WaitRow {
    pub what: String,
    pub begin_ns: Option<u64>,
    pub waited_ns: u64,
    pub reached: bool,
}

/// The rate of one configuration's probe at the start and at the end of a sitting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    pub what: String,
    pub from: f64,
    pub to: f64,
}

impl Drift {
    /// A sitting whose probe moved by this share measured a device that changed meanwhile.
    pub const NOTED: f64 = 0.05;

    pub fn share(&self) -> f64 {
        self.to / self.from - 1.0
    }

    pub fn is_noted(&self) -> bool {
        self.share().abs() > Self::NOTED
    }
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
    pub weight_bytes: Option<u64>,
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

/// One long trial over time, from the idle device before it to the recovered one after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Course {
    pub run_id: String,
    pub session: SessionId,
    pub trial: TrialId,
    pub attempt: u32,
    pub cell: Cell,
    pub evidence: Evidence,
    /// Seconds from the first prompt; decode rate in tokens a second.
    pub rate: Vec<(f64, f64)>,
    /// Short passes after the work.
    pub recovery: Vec<(f64, f64)>,
    /// When the last token of the work came.
    pub end_s: f64,
    /// From when on the rate falls, with the interval, where it does.
    pub onset_s: Option<(f64, Option<(f64, f64)>)>,
    pub plateau: Option<f64>,
    /// What the probe right before it was of its cold reference.
    pub gate_share: Option<f64>,
    /// What the device said of its own heat.
    pub states: Vec<StateSpan>,
    /// Temperatures, clocks, battery and power beside the rate.
    pub readings: Vec<CourseReading>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateSpan {
    pub from_s: f64,
    pub to_s: f64,
    pub state: ThermalState,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CourseReading {
    /// The sensor, or the instrument whose power it is.
    pub name: String,
    pub unit: String,
    pub points: Vec<(f64, f64)>,
}
