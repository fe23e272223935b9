//! Two sides held against each other, cell by cell and metric by metric: what was paired, what differs besides what
//! was meant to, the effect with its interval, and what can be said about it.
//!
//! Pure: from bundles, definitions and terms to one value. Policies, exit codes and display are others' work.

mod differences;
mod draft;
mod gather;
mod judge;
mod terms;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use dyno_suites::Definitions;
use serde::{Deserialize, Serialize};

use crate::analysis::Estimate;
use crate::bundle::{Bundle, Metered};
use crate::cell::{Cell, Side};
use crate::derive::{self, Replay};
use crate::evidence::Evidence;

pub(crate) use gather::is_two_sided;
pub use terms::{DeviceFloors, Floors, Spread, Terms, Watch};

/// Everything that a comparison found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    pub base: Vec<String>,
    pub candidate: Vec<String>,
    /// What differs between the two sides, meant or not.
    pub differences: Vec<Difference>,
    /// In the order of cells and, within a cell, of the metrics that were asked for.
    pub rows: Vec<Row>,
    /// The chance of any false alarm over all rows together.
    pub alpha: f64,
    /// Rows that carry a test: they share that chance.
    pub tests: u32,
    pub warnings: Vec<String>,
}

/// Something that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Difference {
    pub what: String,
    pub base: String,
    pub candidate: String,
    /// Numbers that differ in this are not compared.
    pub refuses: bool,
}

/// One metric of one cell on both sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// As the candidate has it, without its side.
    pub cell: Cell,
    pub metric: String,
    pub evidence: Evidence,
    pub base: Option<Estimate>,
    pub candidate: Option<Estimate>,
    pub effect: Option<Effect>,
    pub judgement: Judgement,
    /// What stands in the way of an answer, or of trusting the numbers at all.
    pub problem: Option<Problem>,
    /// One sentence each.
    pub why: Vec<String>,
}

/// What the candidate changed, and how sure that is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "four plain answers to four questions")]
pub struct Effect {
    /// A share of the base where `relative`, else in the metric's unit; positive when the candidate's value is higher.
    pub change: f64,
    pub relative: bool,
    /// The 95 % interval of the change.
    pub interval: Option<(f64, f64)>,
    /// The standard error; of the logarithm where `relative`.
    pub error: Option<f64>,
    /// The smallest change that matters, in the same measure.
    pub margin: f64,
    /// Pairs, or items, or sessions of the side that has fewer.
    pub repetitions: u32,
    pub paired: bool,
    pub method: String,
    /// Two-sided, alone and among all tests of the comparison.
    pub p: f64,
    pub p_adjusted: f64,
    /// Outside the noise, the device's own noise floor included.
    pub significant: bool,
    /// At least as large as what matters.
    pub relevant: bool,
    /// The standard deviation of the device's noise floor that went in.
    pub floor: Option<f64>,
}

/// The only four things that are said about a metric of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    Regressed,
    Improved,
    /// Shown to differ by less than what matters.
    Same,
    CannotTell,
}

impl Judgement {
    pub fn word(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Improved => "improved",
            Self::Same => "same within margin",
            Self::CannotTell => "cannot tell",
        }
    }
}

/// Why a row has no answer, or none from its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    /// The candidate has no result where the base has one.
    Missing,
    /// The base has no result to compare with.
    NoBase,
    /// The base was never asked for this cell.
    New,
    /// The candidate failed where it was to be measured.
    Crashed,
    /// What came out of the candidate is wrong: its speed is the speed of nothing.
    WrongOutput,
    /// The measurement itself was not sound.
    Unsound,
    /// The two sides began at different heat, or one of them throttled.
    Hot,
    /// Device, system or circumstances are not the same.
    Mismatched,
    /// Different sessions, and nothing known about how sessions of one build differ.
    Unpaired,
    /// Too few repetitions to carry an interval.
    TooFew,
    /// More repetitions would tell.
    Undecided,
}

impl Problem {
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::NoBase => "no base",
            Self::New => "new",
            Self::Crashed => "crashed",
            Self::WrongOutput => "wrong output",
            Self::Unsound => "unsound",
            Self::Hot => "hot",
            Self::Mismatched => "mismatched",
            Self::Unpaired => "unpaired",
            Self::TooFew => "too few",
            Self::Undecided => "undecided",
        }
    }

    /// Whether measuring both sides in turn on the device could give an answer.
    pub fn is_mended_by_measuring(self) -> bool {
        match self {
            Self::Hot | Self::Mismatched | Self::Unpaired | Self::TooFew | Self::Undecided => true,
            Self::Missing | Self::NoBase | Self::New | Self::Crashed | Self::WrongOutput | Self::Unsound => {
                false
            }
        }
    }
}

/// Where the two sides of a comparison come from: runs that measured both in turn, and runs of one of them.
#[derive(Debug, Clone)]
pub struct Sides<'a> {
    both: Vec<&'a Bundle>,
    base: Vec<&'a Bundle>,
    candidate: Vec<&'a Bundle>,
}

impl<'a> Sides<'a> {
    pub fn new(
        both: impl IntoIterator<Item = &'a Bundle>,
        base: impl IntoIterator<Item = &'a Bundle>,
        candidate: impl IntoIterator<Item = &'a Bundle>,
    ) -> Result<Self, SidesError> {
        let sides = Self {
            both: both.into_iter().collect(),
            base: base.into_iter().collect(),
            candidate: candidate.into_iter().collect(),
        };
        let id = |bundle: &Bundle| bundle.manifest.run_id.clone();
        if let Some(one) = sides.both.iter().find(|bundle| !is_two_sided(bundle)) {
            return Err(SidesError::OneSided { run: id(one) });
        }
        let mut alone = sides.base.iter().chain(&sides.candidate);
        if let Some(both) = alone.find(|bundle| is_two_sided(bundle)) {
            return Err(SidesError::TwoSided { run: id(both) });
        }
        Ok(sides)
    }

    /// Runs that measured both sides in turn.
    pub fn interleaved(both: impl IntoIterator<Item = &'a Bundle>) -> Result<Self, SidesError> {
        Self::new(both, [], [])
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SidesError {
    #[error(
        "{run} measured one side only: name the other run too, or measure both with `dyno run --against BASE`"
    )]
    OneSided { run: String },
    #[error("{run} holds both sides already: give it alone, or as a further run")]
    TwoSided { run: String },
}

/// Holds the sides against each other under these terms.
pub fn compare(sides: &Sides<'_>, definitions: &Definitions, terms: &Terms<'_>) -> Comparison {
    let Sides { both, base, candidate } = sides;
    let ids = |one: &[&Bundle]| both.iter().chain(one).map(|bundle| bundle.manifest.run_id.clone()).collect();
    let parts = [(None, both), (Some(Side::Base), base), (Some(Side::Candidate), candidate)];
    let replays: Vec<(Option<Side>, Replay<'_>)> = parts
        .into_iter()
        .flat_map(|(side, bundles)| bundles.iter().copied().map(move |bundle| (side, Replay::of(bundle))))
        .collect();
    let meters: Vec<&Metered> = replays.iter().flat_map(|(_, replay)| &replay.meters).copied().collect();
    let runs: Vec<_> = replays
        .iter()
        .map(|(side, replay)| (*side, replay, derive::judge_run(replay, definitions, &meters)))
        .collect();
    let cells = gather::cells(&runs);
    let mut drafts = Vec::new();
    let of_runs = differences::of_runs(base, candidate);
    let mut differences: BTreeSet<Difference> = of_runs.iter().cloned().collect();
    for cell in &cells {
        let differing = differences::of_cell(cell);
        let refusing: Vec<&Difference> =
            of_runs.iter().chain(&differing).filter(|found| found.refuses).collect();
        let watches = terms.watches(cell, definitions);
        drafts.extend(watches.iter().filter_map(|watch| draft::of(cell, watch, &refusing, terms)));
        differences.extend(differing);
    }
    let warnings = gather::warnings(&cells);
    let (rows, tests) = judge::all(drafts, terms);
    Comparison {
        base: ids(base),
        candidate: ids(candidate),
        differences: differences.into_iter().collect(),
        rows,
        alpha: terms.alpha,
        tests,
        warnings,
    }
}
