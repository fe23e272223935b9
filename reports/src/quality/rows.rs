//! What a reader sees of answers, as values.

use dyno_protocol::ComputeUnit;
use serde::{Deserialize, Serialize};

use super::published::PublishedContest;
use crate::evidence::Evidence;
use crate::verdict::Verdict;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// What each configuration got right of each task.
    pub tasks: Vec<TaskRow>,
    /// One configuration against another, on the items both were asked.
    pub comparisons: Vec<Comparison>,
    /// Models against models at least four times their size.
    pub contests: Vec<Contest>,
    /// What makers publish of such contests; third-party, beside what was measured.
    pub published: Vec<PublishedContest>,
    /// Every item with what each configuration said.
    pub items: Vec<InspectedItem>,
}

/// What answered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    pub model: String,
    pub quant: String,
    pub engine: String,
    pub unit: ComputeUnit,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskRow {
    pub suite: String,
    pub case: String,
    /// `text` or `pictures`.
    pub subject: String,
    /// Thinking, cap: how the items were asked.
    pub asked_as: String,
    pub by: Configuration,
    pub evidence: Evidence,
    /// On how many devices the items were spread.
    pub devices: u32,
    pub items: u64,
    /// Items that hang together count once here.
    pub clusters: u64,
    pub right: u64,
    pub accuracy: f64,
    pub interval: Option<(f64, f64)>,
    pub method: String,
    pub answered: u64,
    /// Over the items for which an answer could be read.
    pub accuracy_answered: Option<f64>,
    /// What the best fixed answer would get.
    pub chance: Option<f64>,
    pub truncated: u64,
    pub looped: u64,
    pub refused: u64,
    pub from_cache: u64,
    pub tokens_per_answer: f64,
    pub seconds_per_correct: Option<f64>,
    /// The share of right answers by the task's other rules.
    pub by_other_rules: Vec<(String, f64)>,
    pub trials: Vec<String>,
}

/// What is compared with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A quantization against the reference precision: not worse by the margin.
    Quantization,
    /// A compute unit against the processor: not worse by the margin.
    Unit,
    /// An engine against ours on the same model: not worse by the margin.
    Engine,
    /// A smaller model against a larger one: better, or not worse.
    Size,
    /// Thinking against not thinking.
    Thinking,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Quantization => "quantization",
            Self::Unit => "unit",
            Self::Engine => "engine",
            Self::Size => "size",
            Self::Thinking => "thinking",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    pub kind: Kind,
    pub suite: String,
    pub case: String,
    pub subject: String,
    pub asked_as: String,
    pub base: Configuration,
    pub candidate: Configuration,
    pub evidence: Evidence,
    pub items: u64,
    pub clusters: u64,
    /// Items that only one of them got right.
    pub only_base: u64,
    pub only_candidate: u64,
    /// The candidate's share of right answers less the base's.
    pub difference: f64,
    pub interval: Option<(f64, f64)>,
    /// A seeded bootstrap over clusters, to be held beside the interval.
    pub bootstrap: Option<(f64, f64)>,
    /// Two-sided: the exact test of discordant pairs, or over clusters.
    pub p: f64,
    /// After Holm, over the tasks of the same two configurations.
    pub p_holm: f64,
    /// What the verdict is about: not worse by this much, or better.
    pub margin: Option<f64>,
    pub verdict: Verdict,
    pub says: String,
    /// What so many items show with 80 % power.
    pub smallest_detectable: f64,
    /// Further items that would show a difference like this one, if it is the true one.
    pub more_items: Option<u64>,
    /// A screen and no proof: how often both gave the same answer.
    pub same_answer: f64,
    /// A screen and no proof: the share of the output's leading tokens that are the same, where ids are known.
    pub same_tokens: Option<f64>,
    /// A screen and no proof: the mean divergence of the candidate's choice among options from the base's, in nats.
    pub divergence: Option<f64>,
}

/// How much larger the comparator is, counted in every way that is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ratios {
    pub total: Option<f64>,
    /// Of the parameters that are read for a token.
    pub active: Option<f64>,
    pub without_embedding: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contest {
    pub candidate: Configuration,
    pub comparator: Configuration,
    /// `text`, `pictures`.
    pub subject: String,
    pub ratios: Ratios,
    pub evidence: Evidence,
    pub tasks: Vec<ContestTask>,
    pub items: u64,
    /// Over all tasks.
    pub difference: f64,
    pub interval: Option<(f64, f64)>,
    /// Whether the candidate is better, over all tasks.
    pub verdict: Verdict,
    /// What the verdict hinges on: choices under which it would be another one.
    pub hinges_on: Vec<String>,
    pub says: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContestTask {
    pub suite: String,
    pub case: String,
    pub asked_as: String,
    pub items: u64,
    pub candidate_right: u64,
    pub comparator_right: u64,
    pub difference: f64,
    pub interval: Option<(f64, f64)>,
    pub p_holm: f64,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InspectedItem {
    pub suite: String,
    pub case: String,
    pub asked_as: String,
    pub item: String,
    pub prompt: String,
    pub expected: String,
    pub answers: Vec<InspectedAnswer>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InspectedAnswer {
    pub by: Configuration,
    /// As it was read; the output's beginning where nothing could be.
    pub said: String,
    pub right: bool,
    /// Cut, looped, refused, from the cache.
    pub marks: Vec<String>,
}
