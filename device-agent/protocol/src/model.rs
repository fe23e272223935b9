//! Loading: which model, by which engine, on which unit; what it cost and what was found.

use serde::{Deserialize, Serialize};

use crate::Known;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct LoadSpec {
    /// The engine's name, as in the device's facts.
    pub engine: String,
    pub unit: ComputeUnit,
    pub source: ModelSource,
    /// The content hash the model must have; a model that differs is not run.
    pub expect_sha256: Option<String>,
    pub threads: Option<u32>,
    /// Load the vision tower too.
    pub vision: bool,
    /// Load the draft head too, where the checkpoint has one.
    pub draft_head: bool,
    /// Refuse when weights, state and context together would need more.
    pub memory_limit_bytes: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(tag = "source", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ModelSource {
    /// A model in the agent's store, by the hash of its file list.
    Stored { model_sha256: String },
    /// A folder or file that the agent can read in place. Local agents only.
    Path { path: String },
    /// Weights made from a seed on the device: the shape and speed of a model without its knowledge.
    Synthetic { config_json: String, seed: u64, format: String },
    /// A server that speaks the `OpenAI` interface.
    Server { url: String, model: String },
    /// Tokens and delays from a script.
    Script(Script),
}

/// An engine without a model, for tests of everything around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Output ids, repeated from the start when they run out.
    pub tokens: Vec<u32>,
    pub load_ns: u64,
    pub prefill_token_ns: u64,
    pub decode_token_ns: u64,
    pub fault: Option<ScriptFault>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(tag = "fault", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ScriptFault {
    /// The process ends at this token, counted over its whole life.
    DieAtToken {
        token: u64,
    },
    HangAtToken {
        token: u64,
    },
    FailAtToken {
        token: u64,
    },
    /// From this token on another id comes out.
    WrongIdsFromToken {
        token: u64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(rename_all = "kebab-case")]
pub enum ComputeUnit {
    Cpu,
    Gpu,
    /// The Neural Engine, with the CPU for what it cannot run.
    NeuralEngine,
    /// Left to the system.
    Any,
    /// Not on the device at all: a server answered.
    Remote,
}

/// One phase of a load, on the agent's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct LoadSpan {
    pub phase: String,
    pub begin_ns: u64,
    pub end_ns: u64,
}

/// Different things that are never pooled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(rename_all = "kebab-case")]
pub enum LoadRegime {
    /// This build of the agent never loaded this model on this device before.
    FirstEver,
    /// The first load of this process.
    Cold,
    /// This process had it loaded before.
    Warm,
    /// It was loaded already and stayed. The stamps are those of the load that brought it.
    Kept,
}

/// What a load found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct Loaded {
    pub begin_ns: u64,
    pub end_ns: u64,
    pub spans: Vec<LoadSpan>,
    pub regime: LoadRegime,
    /// The content hash of the weights that were loaded.
    pub model_sha256: String,
    pub engine: String,
    pub unit: ComputeUnit,
    /// The number format, such as `bf16` or `affine-4bit-g64`.
    pub format: String,
    pub parameters: u64,
    pub weight_bytes: u64,
    pub vocabulary: u32,
    pub context_limit: u32,
    pub vision: bool,
    /// What one decode token costs with an empty context.
    pub cost: Known<Cost>,
    pub evidence: UnitEvidence,
    pub memory: crate::Memory,
}

/// What the engine says one token costs, so that a rate can be shown against its ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct Cost {
    pub read_bytes: u64,
    pub flops: u64,
}

/// What is known about where the work ran. A preference is not evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct UnitEvidence {
    /// The code path, such as `candle-cpu avx512`.
    pub path: String,
    /// Operations by the unit they were planned or dispatched to, constants left out.
    pub operations: Known<Vec<(ComputeUnit, u64)>>,
    #[serde(serialize_with = "crate::finite::known")]
    pub dispatches_per_token: Known<f64>,
    pub notes: Vec<String>,
}
