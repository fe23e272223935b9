//! Claims judged from what was measured: exactly under their conditions, at their own tolerance, with three
//! answers. Every kind of test is one small function; what does not match is listed with what differs.

mod matching;
mod paired;
mod part;
mod refused;
mod runs;
mod sentence;
#[cfg(test)]
mod tests;
mod third_party;
mod units;
mod value;

use dyno_suites::{Claim, Definitions, Test};

use crate::cell::PlannedTrial;
use crate::derive::{Group, Judged};
use crate::foreign::{ForeignRow, ForeignSource};
use crate::verdict::{ClaimVerdict, Leaning, Verdict};

use part::Part;

/// Everything that claims are judged from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub(crate) definitions: &'a Definitions,
    pub(crate) groups: &'a [Group<'a>],
    pub(crate) judged: &'a [Judged<'a>],
    /// Planned trials that were never begun.
    pub(crate) without: &'a [(&'a str, &'a PlannedTrial)],
    pub(crate) foreign: &'a [(&'a ForeignSource, &'a [ForeignRow])],
}

pub(crate) fn judge_all(ground: &Ground<'_>) -> Vec<ClaimVerdict> {
    ground.definitions.claims().iter().map(|claim| judge(claim, ground)).collect()
}

fn judge(claim: &Claim, ground: &Ground<'_>) -> ClaimVerdict {
    let parts: Vec<Part> = claim.tests.iter().map(|test| test_of(claim, test, ground)).collect();
    let verdict = Verdict::all(parts.iter().map(|part| part.verdict));
    let leaning = if verdict == Verdict::CannotTell { leaning(&parts) } else { None };
    let mut differs: Vec<String> = Vec::new();
    for what in parts.iter().flat_map(|part| &part.differs) {
        if !differs.contains(what) {
            differs.push(what.clone());
        }
    }
    ClaimVerdict {
        claim: claim.id.clone(),
        number: claim.number,
        title: claim.title.clone(),
        statement: claim.said(),
        source: claim.said_by(),
        verdict,
        leaning,
        headline: sentence::headline(verdict, leaning, &parts),
        why: parts.iter().flat_map(|part| part.why.iter().cloned()).collect(),
        differs,
        evidence: parts.into_iter().flat_map(|part| part.evidence).collect(),
        decide_with: claim.decide_with(),
    }
}

fn test_of(claim: &Claim, test: &Test, ground: &Ground<'_>) -> Part {
    match test {
        Test::RateAbout { of, value, tolerance, .. } => {
            value::judge(claim, of, &value::Bound::About { value: *value, tolerance: *tolerance }, ground)
        }
        Test::RateAtLeast { of, value, .. } => {
            value::judge(claim, of, &value::Bound::AtLeast(*value), ground)
        }
        Test::ValueAtMost { of, value, .. } => value::judge(claim, of, &value::Bound::AtMost(*value), ground),
        Test::UnitShare { at, unit, at_least, .. } => units::share(claim, at, *unit, *at_least, ground),
        Test::ControlRuns { of, units, differs_by, .. } => {
            units::controls(claim, of, units, *differs_by, ground)
        }
        Test::RunsCorrectly { at } => runs::judge(claim, at, ground),
        Test::NonInferior { of, reference, margin, .. } => {
            paired::non_inferior(claim, of, reference, *margin, ground)
        }
        Test::PairedBetter { of, candidate, comparator, size_ratio_at_least, .. } => {
            paired::better(claim, of, candidate, comparator, *size_ratio_at_least, ground)
        }
        Test::TradeOff { switch, gain, cost, .. } => paired::trade_off(claim, *switch, gain, cost, ground),
        Test::RefusedEvidence { kinds, device_kinds, because } => {
            refused::evidence(claim, kinds, device_kinds, because, ground)
        }
        Test::NeedsSuite { suite, because } => refused::needs_suite(suite, because),
    }
}

/// Tests that wait for a suite say nothing; of the others all have to point the claim's way.
fn leaning(parts: &[Part]) -> Option<Leaning> {
    let speaking: Vec<&Part> = parts.iter().filter(|part| !part.waits_for_suite).collect();
    let leanings: Vec<Leaning> = speaking.iter().filter_map(|part| part.leaning).collect();
    if leanings.is_empty() {
        None
    } else if leanings.contains(&Leaning::Contradicted) {
        Some(Leaning::Contradicted)
    } else if leanings.len() == parts.len() && leanings.iter().all(|leaning| *leaning == Leaning::Indicated) {
        Some(Leaning::Indicated)
    } else {
        Some(Leaning::Unclear)
    }
}
