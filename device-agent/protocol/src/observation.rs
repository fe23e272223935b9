//! What the agent observed. Raw stamps on one monotonic clock; no rates, no averages.

use serde::{Deserialize, Serialize};

use crate::{Conditions, Failure, Loaded, SensorSample, UnitEvidence};

/// One line of a job's journal. `record` counts from zero without gaps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub record: u64,
    pub at_ns: u64,
    pub body: RecordBody,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(tag = "what", content = "of", rename_all = "kebab-case", deny_unknown_fields)]
pub enum RecordBody {
    Started {
        conditions: Conditions,
    },
    Loaded(Box<Loaded>),
    /// Warm-up is over; `agreed` says whether successive passes did.
    WarmedUp {
        step: u32,
        passes: u32,
        agreed: bool,
    },
    Generation(Box<GenerationPass>),
    Scoring(ScoringPass),
    Bandwidth(Bandwidth),
    Sensors {
        samples: Vec<SensorSample>,
    },
    Unloaded {
        step: u32,
    },
    /// Something the operator or the analysis should know: a lock, a notification, a fallback.
    Noticed {
        what: String,
    },
    /// The last record of every job. `None` means that every step was done.
    Ended {
        failure: Option<Failure>,
        conditions: Conditions,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(rename_all = "kebab-case")]
pub enum PassKind {
    WarmUp,
    Timed,
}

/// One pass over a prompt and the tokens after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct GenerationPass {
    pub step: u32,
    pub pass: u32,
    pub kind: PassKind,
    /// The hash of the prompt that was run.
    pub prompt_sha256: String,
    pub prompt_tokens: u32,
    /// Prompt tokens that came from a snapshot and were not read in this pass.
    pub reused_tokens: u32,
    /// When the prompt was handed to the engine.
    pub begin_ns: u64,
    /// Pictures through the tower, where there are any.
    pub vision: Option<PrefillChunk>,
    pub prefill: Vec<PrefillChunk>,
    pub token_ids: Vec<u32>,
    /// When each id was known, one stamp for one id.
    pub token_at_ns: Vec<u64>,
    /// When the engine was done. Not the end of any rate: rates close at the last token.
    pub end_ns: u64,
    pub finish: Finish,
    /// The output as text, where the engine has a tokenizer.
    pub text: Option<String>,
    /// False when the stamps are of stream chunks that may hold several tokens.
    pub stamps_are_tokens: bool,
    pub memory: Memory,
    pub evidence: UnitEvidence,
    pub speculation: Option<SpeculationFigures>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct PrefillChunk {
    pub tokens: u32,
    pub begin_ns: u64,
    pub end_ns: u64,
}

/// Why a generation stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(tag = "finish", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Finish {
    /// The model said that it was done.
    End,
    /// The token limit was reached.
    Length,
    /// The output went round in circles from this token on.
    Loop {
        from_token: u32,
        what: String,
    },
    /// The time of a sustained workload was over.
    TimeUp,
    Cancelled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct SpeculationFigures {
    pub drafted: u32,
    pub accepted: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct ScoringPass {
    pub step: u32,
    pub pass: u32,
    pub kind: PassKind,
    pub prompt_sha256: String,
    pub begin_ns: u64,
    pub end_ns: u64,
    pub continuations: Vec<ScoredContinuation>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct ScoredContinuation {
    /// Natural logarithm of each token's probability, finite: a model that gives anything else is broken, and
    /// its engine says so instead of answering.
    #[serde(serialize_with = "crate::finite::numbers")]
    pub token_log_probs: Vec<f32>,
    /// Whether each token was also the most likely one.
    pub greedy: Vec<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct Bandwidth {
    pub step: u32,
    pub pass: u32,
    pub kind: PassKind,
    pub read_bytes: u64,
    pub threads: u32,
    pub begin_ns: u64,
    pub end_ns: u64,
}

/// Memory by both measures: they tell different stories about mapped weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// What the system charges to the process: `phys_footprint` on Apple, anonymous and swapped pages on Linux.
    pub footprint_bytes: crate::Known<u64>,
    pub peak_footprint_bytes: crate::Known<u64>,
    /// All pages in memory, mapped files included.
    pub resident_bytes: crate::Known<u64>,
    pub peak_resident_bytes: crate::Known<u64>,
}
