//! The release gate: a policy and what was compared become one verdict, and every output for people and pipelines is
//! made of that verdict alone.
//!
//! Pure: which day it is comes from the caller, and what should be measured next is said, not done.

mod decide;
mod github;
mod gitlab;
mod junit;
mod markdown;
mod next;
mod sarif;
mod words;

use dyno_suites::{Policy, Watched};
use serde::{Deserialize, Serialize};

pub use decide::decide;
pub use github::annotations;
pub use gitlab::code_quality;
pub use junit::junit;
pub use markdown::markdown;
pub use next::{Needed, Purpose};
pub use sarif::sarif;
pub use words::{cell as cell_words, text};

use crate::compare::{Difference, Floors, Judgement, Row, Terms, Watch};

/// What a gate says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    pub policy: String,
    pub title: String,
    pub verdict: Stop,
    /// One sentence.
    pub headline: String,
    pub base: Vec<String>,
    pub candidate: Vec<String>,
    pub rows: Vec<GateRow>,
    /// What the policy requires and nothing at hand answers.
    pub unmet: Vec<String>,
    pub differences: Vec<Difference>,
    pub warnings: Vec<String>,
    /// The chance of any false alarm over all rows together, and how many tests share it.
    pub alpha: f64,
    pub tests: u32,
    /// What would have to be measured to tell.
    pub needed: Vec<Needed>,
}

/// Whether something stops the release, and as what. The later one weighs more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    Passes,
    CannotTell,
    Regressed,
    /// The candidate crashed where the base ran.
    Trouble,
}

impl Stop {
    pub fn word(self) -> &'static str {
        match self {
            Self::Passes => "passes",
            Self::CannotTell => "cannot tell",
            Self::Regressed => "regressed",
            Self::Trouble => "crashed",
        }
    }
}

/// One metric of one cell and what it means for the release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateRow {
    #[serde(flatten)]
    pub row: Row,
    /// The judgement after confirmation; the row's own is that of the first look.
    pub verdict: Judgement,
    pub stop: Stop,
    pub confirmation: Confirmation,
    /// Who waves it through, why and until when; it then stops nothing.
    pub waived: Option<Waived>,
}

/// What a fresh run said about a regression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirmation {
    NotNeeded,
    /// Not made yet.
    Owed,
    Confirmed,
    /// The fresh run did not show it.
    Refuted,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waived {
    pub who: String,
    pub why: String,
    pub until: String,
}

/// The terms on which a policy wants its sides compared.
pub fn terms<'a>(
    policy: &Policy,
    definitions: &dyno_suites::Definitions,
    floors: &'a Floors,
    looks: u32,
) -> Terms<'a> {
    let watched = |watched: &Watched| {
        let usual = Watch::usual(&watched.metric, definitions)?;
        Some(Watch { relevant: watched.relevant.unwrap_or(usual.relevant), ..usual })
    };
    let quality = |margin: &dyno_suites::Margin| {
        let usual = Watch::usual(&margin.metric, definitions)?;
        let relevant = dyno_suites::RelevantChange::Absolute(margin.margin);
        Some(Watch { relevant, no_worse: true, ..usual })
    };
    let watch = policy.metrics.iter().filter_map(watched).chain(policy.quality.iter().filter_map(quality));
    Terms { alpha: policy.false_alarms, looks, watch: Some(watch.collect()), floors }
}
