//! Whether a bundle is what its run left: hashes, numbers of events, plan against results. Says it in sentences.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::files::{self, DEFINITIONS, EVENTS, MANIFEST, SUMS};
use super::{Bundle, BundleError, DefectKind, EventBody, Outcome, RunStatus};
use crate::cell::TrialId;

/// What was found. A bundle is sound when nothing in it was changed or lost, and complete when every planned
/// trial has its result.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    pub run_id: String,
    pub problems: Vec<Problem>,
    pub planned: usize,
    pub skipped: usize,
    pub done: usize,
    pub invalid: usize,
    pub failed: usize,
    /// Planned trials that never ended.
    pub unfinished: Vec<TrialId>,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub kind: ProblemKind,
    /// One sentence for a person.
    pub what: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemKind {
    /// A file's content is not what was written.
    Changed,
    /// A file or event is gone.
    Missing,
    /// A file or event is there that nobody wrote down.
    Extra,
    /// A line or file cannot be read.
    Unreadable,
    /// The run did not come to its end, so parts of the bundle cannot be checked or are not there yet.
    Unfinished,
}

impl Verification {
    /// Nothing was changed, lost or added since it was written.
    pub fn is_sound(&self) -> bool {
        self.problems.iter().all(|problem| problem.kind == ProblemKind::Unfinished)
    }

    /// Every planned trial has its result, valid or not.
    pub fn is_complete(&self) -> bool {
        self.unfinished.is_empty()
            && self.problems.iter().all(|problem| problem.kind != ProblemKind::Unfinished)
    }

    /// The whole finding, one sentence a line.
    pub fn sentences(&self) -> Vec<String> {
        let mut lines = vec![match (self.is_sound(), self.is_complete()) {
            (true, true) => format!("{} is whole: every file is as it was written.", self.run_id),
            (true, false) => format!("{} is readable, but its run did not come to its end.", self.run_id),
            (false, _) => format!("{} is not as it was written.", self.run_id),
        }];
        if self.planned > 0 {
            lines.push(format!(
                "Of {} planned trials {} gave valid numbers, {} gave invalid ones, {} failed and {} never ended; {} \
                 more combinations were skipped when it was planned.",
                self.planned, self.done, self.invalid, self.failed, self.unfinished.len(), self.skipped
            ));
        }
        lines.extend(self.problems.iter().map(|problem| problem.what.clone()));
        lines
    }

    fn problem(&mut self, kind: ProblemKind, what: String) {
        self.problems.push(Problem { kind, what });
    }
}

/// Checks everything that can be checked without the machine the run came from.
pub fn verify(dir: &Path) -> Result<Verification, BundleError> {
    let bundle = Bundle::open(dir)?;
    let mut found = Verification {
        run_id: bundle.manifest.run_id.clone(),
        problems: Vec::new(),
        planned: 0,
        skipped: 0,
        done: 0,
        invalid: 0,
        failed: 0,
        unfinished: Vec::new(),
    };
    check_events(&bundle, &mut found);
    check_status(&bundle, &mut found);
    check_definitions(&bundle, &mut found);
    check_sums(dir, &bundle, &mut found)?;
    Ok(found)
}

fn check_events(bundle: &Bundle, found: &mut Verification) {
    let finished = bundle.is_finished();
    for defect in &bundle.defects {
        // Half a line at the end of a run that was cut is no damage.
        let kind = match defect.kind {
            DefectKind::Cut if !finished => ProblemKind::Unfinished,
            DefectKind::Missing => ProblemKind::Missing,
            DefectKind::Repeated => ProblemKind::Extra,
            DefectKind::Cut | DefectKind::Unreadable => ProblemKind::Unreadable,
        };
        found.problem(kind, format!("{defect}."));
    }
    let mut outcomes: BTreeMap<&TrialId, Option<&Outcome>> = BTreeMap::new();
    for event in &bundle.events {
        match &event.body {
            EventBody::Planned { trials, skipped } => {
                found.skipped += skipped.len();
                for trial in trials {
                    outcomes.entry(&trial.id).or_default();
                }
            }
            EventBody::TrialEnded { trial, outcome, .. } => {
                // A later attempt stands for the trial.
                outcomes.insert(trial, Some(outcome));
            }
            _ => {}
        }
    }
    found.planned = outcomes.len();
    for (trial, outcome) in outcomes {
        match outcome {
            Some(Outcome::Done) => found.done += 1,
            Some(Outcome::Invalid { .. }) => found.invalid += 1,
            Some(Outcome::Failed { .. }) => found.failed += 1,
            None => found.unfinished.push(trial.clone()),
        }
    }
}

fn check_status(bundle: &Bundle, found: &mut Verification) {
    let ended = matches!(bundle.events.last().map(|event| &event.body), Some(EventBody::RunEnded));
    match (bundle.manifest.status, ended) {
        (RunStatus::Finished, true) => {
            if !found.unfinished.is_empty() {
                let count = found.unfinished.len();
                found.problem(
                    ProblemKind::Missing,
                    format!("The run says that it finished, but {count} planned trials never ended."),
                );
            }
        }
        (RunStatus::Finished, false) => {
            found.problem(
                ProblemKind::Missing,
                format!("{MANIFEST} says that the run finished, but {EVENTS} does not end with its end."),
            );
        }
        (RunStatus::Started, _) => found.problem(
            ProblemKind::Unfinished,
            "The run was never closed: it is still going on, or it was cut; `dyno run --resume` takes it up."
                .to_owned(),
        ),
        (RunStatus::Interrupted, _) => found.problem(
            ProblemKind::Unfinished,
            "The run was interrupted; `dyno run --resume` takes it up.".to_owned(),
        ),
    }
}

fn check_definitions(bundle: &Bundle, found: &mut Verification) {
    for (name, sha256) in &bundle.manifest.definitions {
        match bundle.definitions.get(name) {
            None => found.problem(
                ProblemKind::Missing,
                format!("{DEFINITIONS}/{name} is gone; the run was made with it."),
            ),
            Some(text) if files::sha256_of(text.as_bytes()) != *sha256 => {
                found.problem(
                    ProblemKind::Changed,
                    format!("{DEFINITIONS}/{name} is not the one the run was made with."),
                );
            }
            Some(_) => {}
        }
    }
    for name in bundle.definitions.keys().filter(|name| !bundle.manifest.definitions.contains_key(*name)) {
        found.problem(
            ProblemKind::Extra,
            format!("{DEFINITIONS}/{name} was not there when the run was made."),
        );
    }
}

fn check_sums(dir: &Path, bundle: &Bundle, found: &mut Verification) -> Result<(), BundleError> {
    let path = dir.join(SUMS);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let (kind, what) = match bundle.manifest.status {
                RunStatus::Started => {
                    (ProblemKind::Unfinished, "There is no SHA256SUMS yet, so files cannot be checked.")
                }
                _ => (ProblemKind::Missing, "SHA256SUMS is gone, so files cannot be checked."),
            };
            found.problem(kind, what.to_owned());
            return Ok(());
        }
        Err(error) => return Err(BundleError::io("read", &path)(error)),
    };
    let (said, odd) = files::parse_sums(&text);
    for line in odd {
        found.problem(ProblemKind::Unreadable, format!("{SUMS} has a line that is no sum: `{line}`."));
    }
    let there = files::hashes(dir)?;
    let named: BTreeSet<&String> = said.keys().chain(there.keys()).collect();
    for name in named {
        match (said.get(name), there.get(name)) {
            (Some(said), Some(there)) if said == there => {}
            (Some(_), Some(_)) => found.problem(
                ProblemKind::Changed,
                format!("{name} is not as it was written: its hash differs from {SUMS}."),
            ),
            (Some(_), None) => found.problem(ProblemKind::Missing, format!("{name} is gone.")),
            (None, _) => {
                found.problem(ProblemKind::Extra, format!("{name} is not in {SUMS}: it was added later."));
            }
        }
    }
    Ok(())
}
