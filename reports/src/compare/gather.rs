//! The trials of both sides, put beside each other cell by cell: what was planned, what became of it, and which
//! two trials were measured next to each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::bundle::{Bundle, EventBody, Outcome, SessionId};
use crate::cell::{Cell, PlannedTrial, Side};
use crate::derive::{Fault, Judged, Replay};
use crate::paired_items::{Items, variant};
use crate::stats::{Fit, Placed};

/// A planned trial with the attempt that counts.
#[derive(Debug)]
pub(super) struct Visit<'a> {
    pub(super) run_id: &'a str,
    pub(super) planned: &'a PlannedTrial,
    /// The last valid attempt, else the last one; absent for a trial that was never begun.
    pub(super) attempt: Option<&'a Judged<'a>>,
}

/// One cell on both sides.
#[derive(Debug)]
pub(super) struct CellSides<'a> {
    /// As the candidate has it, or the base where the candidate has none; without its side.
    pub(super) cell: Cell,
    pub(super) base: Vec<Visit<'a>>,
    pub(super) candidate: Vec<Visit<'a>>,
}

/// What stands against a trial's numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    Valid,
    Never,
    Cut,
    Crashed(String),
    WrongOutput(String),
    Unsound(String),
}

impl<'a> Visit<'a> {
    pub(super) fn valid(&self) -> Option<&'a Judged<'a>> {
        self.attempt.filter(|one| one.is_valid())
    }

    pub(super) fn fate(&self) -> Fate {
        let Some(one) = self.attempt else { return Fate::Never };
        let wrong = one.faults.iter().find(|fault| matches!(fault, Fault::WrongOutput(_)));
        match (&one.outcome, wrong) {
            (_, Some(wrong)) => Fate::WrongOutput(wrong.what().to_owned()),
            (None, None) => Fate::Cut,
            (Some(Outcome::Done), None) => Fate::Valid,
            (Some(Outcome::Failed { failure }), None) => Fate::Crashed(failure.what.clone()),
            (Some(Outcome::Invalid { reasons }), None) => Fate::Unsound(reasons.join("; ")),
        }
    }

    /// Where it was measured: run, sitting (that of both sides where they took turns) and round.
    fn place(&self) -> Option<(&'a str, &'a SessionId, u32)> {
        let start = self.attempt?.attempted.session?.start;
        Some((self.run_id, start.beside.as_ref().unwrap_or(&start.session), self.planned.round))
    }

    pub(super) fn session(&self) -> Option<&'a SessionId> {
        Some(&self.attempt?.attempted.session?.start.session)
    }

    /// The mean of its passes, as a cell's own mean is made.
    pub(super) fn value(&self, metric: &str) -> Option<f64> {
        let values = &self.valid()?.values;
        let found = values.iter().find(|found| found.metric == metric && found.instrument.is_none())?;
        let figures = found.figures.iter();
        let placed: Vec<Placed> =
            figures.map(|figure| Placed { session: 0, trial: 0, value: figure.value }).collect();
        Some(Fit::of(&placed)?.value())
    }
}

impl<'a> CellSides<'a> {
    /// Valid trials of the same round in the same sitting.
    pub(super) fn pairs(&self) -> Vec<(&Visit<'a>, &Visit<'a>)> {
        let valid = |visit: &&Visit<'a>| visit.valid().is_some();
        let base: BTreeMap<_, &Visit<'a>> =
            self.base.iter().filter(valid).filter_map(|visit| Some((visit.place()?, visit))).collect();
        let candidates = self.candidate.iter().filter(valid);
        candidates.filter_map(|candidate| Some((*base.get(&candidate.place()?)?, candidate))).collect()
    }

    pub(super) fn side(&self, side: Side) -> &[Visit<'a>] {
        match side {
            Side::Base => &self.base,
            Side::Candidate => &self.candidate,
        }
    }

    pub(super) fn valid(&self, side: Side) -> impl Iterator<Item = &'a Judged<'a>> + '_ {
        self.side(side).iter().filter_map(Visit::valid)
    }

    /// What any valid trial of either side measured.
    pub(super) fn metrics(&self) -> Vec<String> {
        let both = self.valid(Side::Base).chain(self.valid(Side::Candidate));
        let found: BTreeSet<&str> =
            both.flat_map(|one| one.values.iter().map(|values| values.metric)).collect();
        found.into_iter().map(str::to_owned).collect()
    }

    pub(super) fn items(&self, side: Side) -> Items<'a> {
        let asked_as = variant(&self.cell, None);
        let answers = self.valid(side).flat_map(|one| &one.answers);
        answers
            .map(|answer| {
                let task = answer.asked().map_or("", |asked| asked.task.as_str());
                ((asked_as.clone(), task, answer.stored.item.as_str()), answer)
            })
            .collect()
    }
}

pub(crate) fn is_two_sided(bundle: &Bundle) -> bool {
    bundle.events.iter().any(|event| match &event.body {
        EventBody::Planned { trials, .. } => trials.iter().any(|trial| trial.cell.side.is_some()),
        _ => false,
    })
}

/// A run's trials with all their attempts, and the side they are of where the run as a whole is of one.
pub(super) type Trials<'a> = Vec<(&'a PlannedTrial, Vec<Judged<'a>>)>;

pub(super) fn cells<'a>(runs: &'a [(Option<Side>, &'a Replay<'a>, Trials<'a>)]) -> Vec<CellSides<'a>> {
    let compared_models = compared_models(runs);
    let mut cells: BTreeMap<Cell, CellSides<'a>> = BTreeMap::new();
    for (of_run, replay, trials) in runs {
        for (planned, attempts) in trials {
            let Some(side) = of_run.or(planned.cell.side) else { continue };
            let found = cells.entry(key(&planned.cell, &compared_models)).or_insert_with(|| CellSides {
                cell: Cell { side: None, ..planned.cell.clone() },
                base: Vec::new(),
                candidate: Vec::new(),
            });
            let attempt = attempts.iter().rev().find(|one| one.is_valid()).or(attempts.last());
            let visit = Visit { run_id: &replay.bundle.manifest.run_id, planned, attempt };
            match side {
                Side::Base => found.base.push(visit),
                Side::Candidate => {
                    if found.candidate.is_empty() {
                        found.cell = Cell { side: None, ..planned.cell.clone() };
                    }
                    found.candidate.push(visit);
                }
            }
        }
    }
    cells.into_values().collect()
}

/// What has to be equal for two cells to be the same question. Another version of the definition is found as a
/// difference, not as a missing cell.
fn key(cell: &Cell, compared_models: &BTreeSet<&str>) -> Cell {
    let model =
        if compared_models.contains(cell.model.as_str()) { String::new() } else { cell.model.clone() };
    Cell { side: None, suite_version: 0, case_version: 0, model, ..cell.clone() }
}

/// The two models that a run measured in turn: each side has exactly one that the other does not have.
fn compared_models<'a>(runs: &[(Option<Side>, &Replay<'a>, Trials<'a>)]) -> BTreeSet<&'a str> {
    let of_side = |side: Side| -> BTreeSet<&'a str> {
        let trials = runs.iter().flat_map(|(_, _, trials)| trials);
        let planned = trials.map(|(planned, _)| *planned).filter(|planned| planned.cell.side == Some(side));
        planned.map(|planned| planned.cell.model.as_str()).collect()
    };
    let (base, candidate) = (of_side(Side::Base), of_side(Side::Candidate));
    let one_each = base.difference(&candidate).count() == 1 && candidate.difference(&base).count() == 1;
    if one_each { base.symmetric_difference(&candidate).copied().collect() } else { BTreeSet::new() }
}

/// What a reader of the comparison must know about how it was put together.
pub(super) fn warnings(cells: &[CellSides<'_>]) -> Vec<String> {
    let mut warnings = Vec::new();
    let only = |side: Side| cells.iter().filter(|cell| cell.side(side.other()).is_empty()).count();
    for (side, count) in [Side::Candidate, Side::Base].map(|side| (side, only(side))) {
        if count > 0 {
            let (one, other) = (side.word(), side.other().word());
            warnings.push(format!("{count} cells were planned for the {one} and not for the {other}"));
        }
    }
    let base = cells.iter().flat_map(|cell| &cell.base);
    let lost = base.filter(|visit| visit.valid().is_none()).count();
    if lost > 0 {
        warnings.push(format!("{lost} trials of the base gave no valid number: their pairs are lost"));
    }
    warnings
}
