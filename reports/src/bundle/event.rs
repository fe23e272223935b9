//! What happened, in order. Events say nothing about display and are never edited.

use dyno_protocol::{DeviceFacts, Failure, Prompt, Record};
use dyno_scoring::{Question, Response};
use serde::{Deserialize, Serialize};

use crate::cell::{Cell, PlannedTrial, Skipped, TrialId};
use crate::evidence::Evidence;
use crate::foreign::{ForeignRow, ForeignSource};

/// One line of `events.jsonl`. `seq` counts from zero without gaps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    pub seq: u64,
    pub body: EventBody,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", content = "of", rename_all = "kebab-case", deny_unknown_fields)]
pub enum EventBody {
    /// Everything that was meant to be measured. A trial here without an ending is an unfinished one.
    Planned {
        trials: Vec<PlannedTrial>,
        skipped: Vec<Skipped>,
    },
    SessionBegan(Box<SessionStart>),
    SessionEnded {
        session: SessionId,
        failure: Option<Failure>,
    },
    /// `attempt` counts from one; a repeated trial keeps its earlier attempts visible.
    /// `expected_ids` are the first greedy ids that a right engine gives, where they are known.
    TrialBegan {
        trial: TrialId,
        attempt: u32,
        session: SessionId,
        prompt: Option<Prompt>,
        expected_ids: Option<Vec<u32>>,
    },
    Observed {
        trial: TrialId,
        attempt: u32,
        record: Record,
    },
    /// Items of a quality trial, as they were answered. An attempt may have several of these events; items that an
    /// earlier attempt of the trial had answered by the same weights are not asked again.
    Answered {
        trial: TrialId,
        attempt: u32,
        answers: Vec<ItemAnswer>,
    },
    /// Written last and synced: what is before it on disk is whole.
    TrialEnded {
        trial: TrialId,
        attempt: u32,
        outcome: Outcome,
    },
    /// The agent's clock and the host's time of day, read together: what aligns stamps with the readings of
    /// instruments that know only the time of day. An agent that is launched again has a clock of its own.
    ClockRead {
        session: SessionId,
        agent_ns: u64,
        unix_ns: u64,
        /// The question and its answer took this long: the two readings are not further apart.
        within_ns: u64,
    },
    /// A short decode that shows how fast the device is now.
    Probed(Box<Probed>),
    /// A gate or a cool-down: what was waited for, how long, and whether it came.
    Waited {
        session: SessionId,
        /// The trial that had to wait.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trial: Option<TrialId>,
        what: String,
        /// When the waiting began, on the agent's clock.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        begin_ns: Option<u64>,
        waited_ns: u64,
        reached: bool,
    },
    Noted {
        what: String,
    },
    /// Measurements of another tool.
    Imported {
        source: ForeignSource,
        rows: Vec<ForeignRow>,
    },
    /// What a meter outside of a device recorded.
    Metered(Box<Metered>),
    /// The run was taken up again after an interruption.
    Resumed {
        at: String,
    },
    RunEnded,
}

/// An unbroken sitting on one device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub String);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionStart {
    pub session: SessionId,
    /// The device's name in the plan's cells.
    pub device: String,
    /// How it was reached.
    pub runner: String,
    pub facts: DeviceFacts,
    /// What kind of evidence this device can give at best.
    pub evidence: Evidence,
    pub began_at: String,
    /// The session of the other side, where two builds are measured in turn: both are one sitting on the device,
    /// and what was measured next to each other in it makes a pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<SessionId>,
}

/// Readings of a meter, by the time of day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metered {
    /// The device that it measured, as cells name it.
    pub device: String,
    pub file: String,
    pub sha256: String,
    /// Seconds that were added to the file's times to make them the host's.
    pub offset_s: f64,
    pub readings: Vec<MeterReading>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeterReading {
    pub unix_ns: u64,
    pub watts: f64,
}

/// A probe with everything that was observed: its rate is derived like any other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probed {
    pub session: SessionId,
    pub why: ProbeReason,
    /// The configuration that was probed, as a cell of the suite whose probe it is.
    pub cell: Cell,
    pub records: Vec<Record>,
    /// Why there is no rate, where the probe went wrong.
    pub failure: Option<Failure>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ProbeReason {
    /// The anchor at the start of a sitting, and the cold reference of its configuration.
    Start,
    /// The anchor at the end: what it lost since the start is the drift of the sitting.
    End,
    /// The cold reference of a further configuration.
    Reference,
    /// Whether this attempt may begin.
    Gate { trial: TrialId, attempt: u32 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Outcome {
    /// Measured, and nothing speaks against its numbers.
    Done,
    /// Measured, but its numbers stay out of every verdict, for these reasons; or kept from beginning at a gate.
    Invalid { reasons: Vec<String> },
    /// Not measured.
    Failed { failure: Failure },
}

/// One item of a quality suite and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemAnswer {
    /// Unique within the task's version: what answers of two models are paired by.
    pub item: String,
    /// Items that share a text or a picture are not independent of each other.
    pub cluster: Option<String>,
    /// What was read from the output; absent where no answer could be read.
    pub answer: Option<String>,
    /// As judged when it was asked. A reader that has `asked` and the task's rules judges again.
    pub right: bool,
    /// The output ended at the token cap.
    pub truncated: bool,
    /// The output went round in circles.
    pub looped: bool,
    /// Generated tokens, hidden reasoning included.
    pub tokens: u32,
    /// Everything that is needed to judge it again; absent where only the verdict is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Box<Asked>>,
}

/// How an item was asked, and what came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    pub task: String,
    pub task_version: u32,
    pub question: Question,
    pub response: Response,
    /// How often the best fixed answer would be right, where that is known.
    pub chance: Option<f64>,
    /// The rendered prompt, where it has words.
    pub prompt: Option<String>,
    /// The hash of the rendered prompt's words, ids and pictures.
    pub prompt_sha256: String,
    /// Which template rendered it.
    pub template: String,
    /// The weights that answered.
    pub model_sha256: String,
    /// Ids of the output, where they are known.
    pub token_ids: Vec<u32>,
    /// From handing over the prompt to the end of the answer; absent where it came from the cache.
    pub took_ns: Option<u64>,
    /// The same model, engine, unit and settings had answered the same prompt in an earlier run.
    pub cached: bool,
}
