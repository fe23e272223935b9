//! Work for the agent. A job is a list of steps that needs no host while it runs.

use serde::{Deserialize, Serialize};

use crate::{LoadSpec, Prompt, Sampling};

/// Chosen by the host, unique on the agent for as long as its journal is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(transparent)]
pub struct JobId(pub String);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct Job {
    pub id: JobId,
    pub steps: Vec<Step>,
    /// Time between sensor samples while the job runs; zero samples nothing.
    pub sensor_interval_ns: u64,
    /// The job fails with `TimedOut` when it is not done by then.
    pub deadline_ns: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(tag = "step", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Step {
    /// With `keep`, a model that is loaded already in just this way stays, and `Loaded` is recorded with
    /// the regime `Kept`: every trial carries what it ran on without paying for a load.
    Load {
        load: LoadSpec,
        keep: bool,
    },
    /// Runs one workload: warm-up passes first, then timed ones.
    Run {
        workload: Workload,
        warm_up: WarmUpRule,
        repeat: RepeatRule,
    },
    /// Does nothing for a while; sensors go on.
    Idle {
        duration_ns: u64,
    },
    Unload,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(tag = "workload", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Workload {
    /// Reads a prompt and generates tokens.
    Generate {
        prompt: Prompt,
        sampling: Sampling,
        stop: StopRule,
        /// How many leading prompt tokens may come from a snapshot taken in an earlier pass of this step.
        /// They are left out of the prefill's tokens and time. Zero reads the whole prompt every time.
        reuse_prefix: u32,
        /// The context to allocate, when it is to differ from what the prompt and the tokens need.
        allocate_context: Option<u32>,
        /// Draft with the model's own draft head; the output must stay the same.
        speculate: bool,
    },
    /// Generates again and again until the time is over; every generation is a pass of its own.
    Sustain { prompt: Prompt, sampling: Sampling, stop: StopRule, duration_ns: u64 },
    /// Log-likelihood of continuations after one shared prefix.
    Score { prefix: Prompt, continuations: Vec<Vec<u32>> },
    /// Reads this many bytes of memory with every core: the ceiling that decode rates are shown against.
    Bandwidth { bytes: u64 },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct StopRule {
    pub max_tokens: u32,
    /// Go on past the model's end-of-text tokens, so that every pass has the same length.
    pub ignore_end: bool,
    /// Stop where the text repeats itself without end.
    pub stop_on_loop: bool,
    /// Close an open reasoning block after this many tokens in it.
    pub thinking_budget: Option<u32>,
}

/// Warm-up goes on until successive passes agree, and says so when they never did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct WarmUpRule {
    pub min_passes: u32,
    pub max_passes: u32,
    /// Two successive passes agree when their durations differ by at most this share.
    #[serde(serialize_with = "crate::finite::number")]
    pub agree_within: f64,
}

/// Timed passes go on until the interval is narrow enough or the budget ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct RepeatRule {
    pub min_passes: u32,
    pub max_passes: u32,
    /// Enough when the half-width of the 95 % interval of the mean duration is at most this share of it.
    #[serde(serialize_with = "crate::finite::number")]
    pub half_width: f64,
    pub budget_ns: u64,
}

impl WarmUpRule {
    pub const NONE: Self = Self { min_passes: 0, max_passes: 0, agree_within: 0.0 };
}

impl RepeatRule {
    pub const ONCE: Self = Self { min_passes: 1, max_passes: 1, half_width: 0.0, budget_ns: u64::MAX };
}
