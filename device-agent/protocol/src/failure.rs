//! Failures as values: what went wrong on the device, for the operator and for the bundle.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[error("{what}")]
#[serde(deny_unknown_fields)]
pub struct Failure {
    pub kind: FailureKind,
    /// The thing that failed and how, in one sentence.
    pub what: String,
    /// What the operator can do about it, if anything is known.
    pub next_step: Option<String>,
}

impl Failure {
    pub fn new(kind: FailureKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), next_step: None }
    }

    #[must_use]
    pub fn with_next_step(mut self, next_step: impl Into<String>) -> Self {
        self.next_step = Some(next_step.into());
        self
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The secret did not match.
    Unauthorised,
    /// The peer asked for something this agent does not know or may not do.
    Refused,
    /// Another job is running.
    Busy,
    UnknownJob,
    /// The model cannot be read, is incomplete, or is not what its hash says.
    Model,
    /// The model or the context does not fit into memory.
    Memory,
    /// The prompt's ids are not those the device's own tokenizer gives for its text.
    PromptMismatch,
    /// The engine broke while running.
    Engine,
    /// Stopped on request.
    Cancelled,
    /// A time limit passed.
    TimedOut,
    /// The agent's process ended while the job was running.
    AgentDied,
    /// The device cannot store what it was given.
    Storage,
    /// The device was in a state in which this may not be measured: charging, hot, locked, in the background.
    Conditions,
}
