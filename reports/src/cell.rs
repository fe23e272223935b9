//! What a table row stands for: everything but the repetition.

use std::collections::BTreeMap;
use std::fmt;

use dyno_protocol::ComputeUnit;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The identity of a row. Two trials of one cell measure the same thing at different moments.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    pub suite: String,
    pub suite_version: u32,
    pub case: String,
    pub case_version: u32,
    /// As on the command line; the hash of what was loaded is in the events.
    pub model: String,
    pub quant: String,
    pub engine: String,
    pub unit: ComputeUnit,
    /// As on the command line; the device's own id is in the session.
    pub device: String,
    /// Further axes such as depth, thinking or token cap.
    pub axes: BTreeMap<String, String>,
    /// Of two builds or models that are measured in turn; absent in a run of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
}

/// One of the two that a comparison is between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    Base,
    Candidate,
}

impl Side {
    pub fn word(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Candidate => "candidate",
        }
    }

    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Base => Self::Candidate,
            Self::Candidate => Self::Base,
        }
    }
}

impl Cell {
    /// What sets it apart beyond model, format, engine, unit and device: its axes, and its side.
    pub fn settings(&self) -> Vec<(&str, &str)> {
        let axes = self.axes.iter().map(|(axis, value)| (axis.as_str(), value.as_str()));
        axes.chain(self.side.map(|side| ("side", side.word()))).collect()
    }
}

impl Cell {
    /// Whether both run the same weights in the same way, whatever they are made to do.
    pub fn is_configured_as(&self, other: &Self) -> bool {
        (&self.model, &self.quant, &self.engine, self.unit, &self.device, self.side)
            == (&other.model, &other.quant, &other.engine, other.unit, &other.device, other.side)
    }
}

/// One planned workload: a cell and the round in which it is visited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedTrial {
    pub id: TrialId,
    pub cell: Cell,
    /// Rounds visit every cell in a fresh random order, so that drift cannot pass for a difference.
    pub round: u32,
    pub expected_ns: u64,
}

impl PlannedTrial {
    pub fn new(cell: Cell, round: u32, expected_ns: u64) -> Self {
        Self { id: TrialId::of(&cell, round), cell, round, expected_ns }
    }
}

/// A combination that was asked for and cannot be run, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skipped {
    pub cell: Cell,
    pub reason: String,
}

/// Short, stable, and the same for the same cell and round in every run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrialId(pub String);

impl TrialId {
    fn of(cell: &Cell, round: u32) -> Self {
        let text = serde_json::to_string(&(cell, round)).expect("a cell is strings and numbers");
        let digest = Sha256::digest(text.as_bytes());
        Self(dyno_protocol::codec::hex(&digest[..6]))
    }
}

impl fmt::Display for TrialId {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}
