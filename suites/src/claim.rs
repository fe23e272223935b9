//! Claims: what somebody stated, where, under which conditions it is meant, and what would make it false.
//! Knows nothing of how a test is computed; `reports` evaluates each kind of test from summaries.

use serde::Serialize;

use crate::check::Later;
use crate::claim_test::Test;
use crate::conditions::Conditions;
use crate::decide::Decide;
use crate::loading::Fields;
use crate::words::words;

pub(crate) const CLAIM: &str = "claim";

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Claim {
    pub id: String,
    pub number: u32,
    pub version: u32,
    pub title: String,
    pub statement: String,
    pub wording: Wording,
    pub source: Source,
    /// In words: what a measurement would have to show for the claim to fail.
    pub false_when: String,
    /// All of them have to hold.
    pub tests: Vec<Test>,
    /// Where the claim is meant to hold. Evidence that does not match cannot decide it.
    pub conditions: Conditions,
    /// Kinds of evidence that may decide.
    pub decided_by: Vec<EvidenceKind>,
    /// Kinds that may point one way or the other without deciding.
    pub indicated_by: Vec<EvidenceKind>,
    pub decide: Decide,
}

words! {
    /// Whose words the statement is in.
    pub enum Wording {
        /// The source's own.
        Source = "source",
        /// Ours, of what the source says.
        Ours = "ours",
    }
}

words! {
    /// Where a number comes from.
    pub enum EvidenceKind {
        Measured = "measured",
        SyntheticWeights = "synthetic-weights",
        ThirdParty = "third-party",
        Simulated = "simulated",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    pub who: String,
    pub place: String,
    /// As the source gives it, where it gives one.
    pub date: Option<String>,
}

impl Claim {
    /// What is claimed, in quotation marks where they are the source's own words.
    pub fn said(&self) -> String {
        match self.wording {
            Wording::Source => format!("“{}”", self.statement),
            Wording::Ours => self.statement.clone(),
        }
    }

    /// Who says so, where and when, as far as it is known; and whose words they are if not theirs.
    pub fn said_by(&self) -> String {
        let Source { who, place, date } = &self.source;
        let date = date.as_ref().map(|date| format!(", {date}")).unwrap_or_default();
        let ours = if self.wording == Wording::Ours { "; in our words" } else { "" };
        format!("{who}, {place}{date}{ours}")
    }

    /// The command line that would decide it.
    pub fn decide_with(&self) -> String {
        self.decide.command_line()
    }

    /// Suites without which it cannot be told.
    pub fn missing_suites(&self) -> Vec<String> {
        let missing = |test: &Test| match test {
            Test::NeedsSuite { suite, .. } => Some(suite.clone()),
            _ => None,
        };
        self.tests.iter().filter_map(missing).collect()
    }

    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let id = fields.id();
        let version = fields.version();
        fields.declare(CLAIM, &id, Some(version), None, &["decide"]);
        let claim = Self {
            id,
            number: fields.whole("number", 1..=9999) as u32,
            version,
            title: fields.text("title"),
            statement: fields.text("statement"),
            wording: fields.word("wording"),
            source: fields.inside_needed("source", Source::read).unwrap_or_else(Source::stand_in),
            false_when: fields.text("false_when"),
            tests: fields.some("test", |key| fields.each(key, Test::read).into_iter().flatten().collect()),
            conditions: fields.inside("conditions", Conditions::read).unwrap_or_default(),
            decided_by: fields.some("decided_by", |key| fields.words(key)),
            indicated_by: fields.words("indicated_by"),
            decide: fields.inside_needed("decide", Decide::read).unwrap_or_default(),
        };
        fields.later("number", Later::Numbered { number: claim.number, claim: claim.id.clone() });
        for suite in &claim.decide.suites {
            fields.later("decide", Later::Runs { suite: suite.clone(), missing: claim.missing_suites() });
        }
        if claim.decided_by.contains(&EvidenceKind::ThirdParty) {
            fields.mistake(
                "decided_by",
                "results of other tools never decide a claim",
                Some("name them in `indicated_by`".to_owned()),
            );
        }
        for both in claim.indicated_by.iter().filter(|kind| claim.decided_by.contains(kind)) {
            let word = crate::words::Words::word(*both);
            fields.mistake("indicated_by", format!("`{word}` already decides"), None);
        }
        claim
    }
}

impl Source {
    fn read(fields: &Fields<'_>) -> Self {
        Self { who: fields.text("who"), place: fields.text("place"), date: fields.optional_text("date") }
    }

    fn stand_in() -> Self {
        Self { who: String::new(), place: String::new(), date: None }
    }
}
