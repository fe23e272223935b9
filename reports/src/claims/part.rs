//! What one test of a claim came to.

use crate::verdict::{EvidenceLine, Leaning, Verdict};

#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) verdict: Verdict,
    pub(super) leaning: Option<Leaning>,
    pub(super) why: Vec<String>,
    pub(super) differs: Vec<String>,
    pub(super) evidence: Vec<EvidenceLine>,
    /// The beginning of a headline: who found what, where.
    pub(super) finding: Option<String>,
    /// As `finding`, from evidence that may only point.
    pub(super) pointer: Option<String>,
    /// What the claim states, such as `of 27 token/s`.
    pub(super) stated: String,
    pub(super) waits_for_suite: bool,
}

impl Part {
    pub(super) fn open() -> Self {
        Self {
            verdict: Verdict::CannotTell,
            leaning: None,
            why: Vec::new(),
            differs: Vec::new(),
            evidence: Vec::new(),
            finding: None,
            pointer: None,
            stated: String::new(),
            waits_for_suite: false,
        }
    }

    pub(super) fn because(mut self, why: impl Into<String>) -> Self {
        self.why.push(why.into());
        self
    }
}

/// Groups of one cell under different identities: those that decide have to agree.
pub(super) fn agree(verdicts: &[Verdict]) -> Verdict {
    match (verdicts.contains(&Verdict::Holds), verdicts.contains(&Verdict::Fails)) {
        (true, false) => Verdict::Holds,
        (false, true) => Verdict::Fails,
        _ => Verdict::CannotTell,
    }
}
