//! The only three things Dyno says about a claim, a comparison or a gate.

use serde::{Deserialize, Serialize};

use crate::evidence::Evidence;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Holds,
    Fails,
    CannotTell,
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Fails => "fails",
            Self::CannotTell => "cannot tell",
        }
    }

    /// Several tests of one claim: one failure fails it, and doubt about any of them is doubt about all.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let (mut any, mut doubt) = (false, false);
        for part in parts {
            any = true;
            match part {
                Self::Fails => return Self::Fails,
                Self::CannotTell => doubt = true,
                Self::Holds => {}
            }
        }
        if any && !doubt { Self::Holds } else { Self::CannotTell }
    }
}

/// What evidence that may not decide has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leaning {
    /// It points the claim's way.
    Indicated,
    /// It points the other way.
    Contradicted,
    /// It points both ways, or nowhere.
    Unclear,
}

/// The verdict on one claim, with everything a reader needs to disagree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimVerdict {
    pub claim: String,
    pub number: u32,
    pub title: String,
    pub statement: String,
    /// Who states it, and where.
    pub source: String,
    pub verdict: Verdict,
    /// What third-party or otherwise unfit evidence says, when the verdict cannot.
    pub leaning: Option<Leaning>,
    /// One sentence for a reader of news.
    pub headline: String,
    /// Why this verdict, precisely.
    pub why: Vec<String>,
    /// What of the evidence at hand does not match the claim's conditions.
    pub differs: Vec<String>,
    pub evidence: Vec<EvidenceLine>,
    /// The command that would decide it.
    pub decide_with: String,
}

/// One number that was weighed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceLine {
    pub kind: Evidence,
    pub what: String,
    pub metric: String,
    pub unit: String,
    pub value: f64,
    /// The 95 % interval, where there is one; third-party ranges are lowest and highest row.
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub samples: u32,
    /// Where to find it: trial ids or source rows.
    pub refers_to: Vec<String>,
    pub flags: Vec<String>,
}
