//! Carries a schedule out: opens devices, runs trials, writes every event down as it happens. Decides nothing
//! about numbers; what a trial was worth is judged from its records by `reports`.

mod circumstances;
mod quality;
mod sitting;
mod trial;

use std::collections::{BTreeMap, BTreeSet};

use dyno_reports::bundle::{BundleError, EventBody, Outcome, RunStatus, Writer};
use dyno_reports::cell::{PlannedTrial, TrialId};
use dyno_suites::Definitions;

use crate::devices::Devices;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::schedule::Step;
use crate::screen::Screen;
use crate::supply::Supply;
pub(crate) use quality::{AnswerCache, AnsweredItems};
use sitting::Sitting;

/// A trial that met device trouble is tried once more with a fresh agent, and both attempts stay visible.
const MAX_ATTEMPTS: u32 = 2;

/// Everything a run needs besides its steps.
pub(crate) struct Drive<'a, 'w> {
    pub(crate) definitions: &'a Definitions,
    pub(crate) trials: BTreeMap<TrialId, &'a PlannedTrial>,
    pub(crate) devices: &'a mut Devices,
    pub(crate) supply: &'a Supply<'a>,
    pub(crate) short: bool,
    /// How many items of a task are asked, instead of what the cases say.
    pub(crate) items: Option<u32>,
    /// Answers of earlier runs; none where every answer has to be given anew.
    pub(crate) cache: Option<AnswerCache>,
    /// How long an agent may say nothing before it is taken to hang.
    pub(crate) patience: std::time::Duration,
    pub(crate) writer: Writer,
    pub(crate) screen: &'a mut Screen<'w>,
    pub(crate) interrupt: &'a Interrupt,
    /// Attempts that earlier sittings of this run made, with whether one of them ended well.
    pub(crate) earlier: BTreeMap<TrialId, Earlier>,
    /// Items that are answered, in this sitting or an earlier one.
    pub(crate) answered: AnsweredItems,
}

impl std::fmt::Debug for Drive<'_, '_> {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Drive").field("trials", &self.trials.len()).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Earlier {
    pub(crate) attempts: u32,
    pub(crate) done: bool,
}

/// What became of the planned trials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Tally {
    pub(crate) planned: usize,
    pub(crate) done: usize,
    /// Measured, and kept out of every verdict.
    pub(crate) invalid: usize,
    pub(crate) failed: usize,
    pub(crate) interrupted: bool,
}

impl Tally {
    /// `run` answers for completeness, whatever the verdicts say.
    pub(crate) fn exit(self) -> Exit {
        if self.interrupted {
            Exit::Interrupted
        } else if self.failed > 0 || self.done + self.invalid < self.planned {
            Exit::Device
        } else if self.invalid > 0 {
            Exit::CannotTell
        } else {
            Exit::Done
        }
    }
}

/// The run cannot go on: its bundle cannot be written.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct DriveError(#[from] BundleError);

impl Drive<'_, '_> {
    /// Runs the steps and closes the bundle.
    pub(crate) fn run(mut self, steps: &[Step]) -> Result<Tally, DriveError> {
        let mut tally = Tally { planned: self.trials.len(), ..Tally::default() };
        tally.done = self.trials.keys().filter(|trial| self.is_done(trial)).count();
        let total_ns: u64 = self
            .trials
            .values()
            .filter(|trial| !self.is_done(&trial.id))
            .map(|trial| trial.expected_ns)
            .sum();
        self.screen.begin(total_ns);
        let outcome = self.carry_out(steps, &mut tally);
        self.screen.end();
        outcome?;
        tally.interrupted = self.interrupt.is_set();
        let whole = !tally.interrupted && tally.done + tally.invalid + tally.failed >= tally.planned;
        let status = if whole { RunStatus::Finished } else { RunStatus::Interrupted };
        self.writer.finish(status, &crate::clock::now_rfc3339())?;
        Ok(tally)
    }

    fn is_done(&self, trial: &TrialId) -> bool {
        self.earlier.get(trial).is_some_and(|earlier| earlier.done)
    }

    fn carry_out(&mut self, steps: &[Step], tally: &mut Tally) -> Result<(), DriveError> {
        let mut sitting: Option<Sitting> = None;
        let mut lost: BTreeSet<String> = BTreeSet::new();
        let mut behind_ns = 0;
        for step in steps {
            if self.interrupt.is_set() {
                break;
            }
            match step {
                Step::Open { device } if self.has_work(device) => {
                    sitting = self.open(device)?;
                    if sitting.is_none() {
                        lost.insert(device.clone());
                    }
                }
                Step::Relaunch { .. } => {
                    if let Some(open) = &mut sitting
                        && let Err(error) = open.relaunch(self.devices)
                    {
                        self.screen.error(&error.to_string());
                        self.writer.append(open.ended(Some(&error)))?;
                        lost.insert(open.device().to_owned());
                        sitting = None;
                    }
                }
                Step::Measure { trial } if !self.is_done(trial) => {
                    let Some(planned) = self.trials.get(trial).copied() else { continue };
                    if !lost.contains(&planned.cell.device) {
                        self.screen.step(behind_ns, &describe(planned));
                        let outcome = self.measure(planned, &mut sitting, behind_ns)?;
                        if sitting.is_none() {
                            lost.insert(planned.cell.device.clone());
                        }
                        match outcome {
                            Some(Outcome::Done) => tally.done += 1,
                            Some(Outcome::Invalid { .. }) => tally.invalid += 1,
                            Some(Outcome::Failed { .. }) => tally.failed += 1,
                            None => {}
                        }
                    }
                    behind_ns += planned.expected_ns;
                }
                Step::Open { .. } | Step::Measure { .. } => {}
                Step::Close { .. } => {
                    if let Some(open) = sitting.take() {
                        self.writer.append(open.ended(None))?;
                        open.close();
                    }
                }
            }
        }
        if let Some(open) = sitting.take() {
            self.writer.append(open.ended(None))?;
            open.close();
        }
        Ok(())
    }

    fn asks_items(&self, planned: &PlannedTrial) -> bool {
        let cell = &planned.cell;
        let case = self.definitions.case(&format!("{}/{}", cell.suite, cell.case));
        case.is_ok_and(|(_, case)| case.work.task().is_some())
    }

    fn has_work(&self, device: &str) -> bool {
        self.trials.values().any(|trial| trial.cell.device == device && !self.is_done(&trial.id))
    }

    fn open(&mut self, device: &str) -> Result<Option<Sitting>, DriveError> {
        match Sitting::open(device, self.devices) {
            Ok(sitting) => {
                self.writer.append(EventBody::SessionBegan(Box::new(sitting.start())))?;
                Ok(Some(sitting))
            }
            Err(error) => {
                self.screen.error(&error.to_string());
                self.writer
                    .append(EventBody::Noted { what: format!("{device} could not be opened: {error}") })?;
                Ok(None)
            }
        }
    }

    /// `None` when the trial was interrupted: what it had is kept as an attempt without an end.
    fn measure(
        &mut self,
        planned: &PlannedTrial,
        sitting: &mut Option<Sitting>,
        behind_ns: u64,
    ) -> Result<Option<Outcome>, DriveError> {
        let first = self.earlier.get(&planned.id).map_or(1, |earlier| earlier.attempts + 1);
        let mut last = None;
        for attempt in first..first + MAX_ATTEMPTS {
            let Some(open) = sitting.as_mut() else { break };
            let tried = if self.asks_items(planned) {
                quality::attempt(self, planned, attempt, open, behind_ns)?
            } else {
                trial::attempt(self, planned, attempt, open)?
            };
            let Some(tried) = tried else { return Ok(None) };
            last = Some(tried.outcome);
            let Some(trouble) = tried.trouble else { break };
            self.screen.warn(&format!("{}: {trouble}", describe(planned)));
            if let Err(error) = open.relaunch(self.devices) {
                self.screen.error(&error.to_string());
                self.writer.append(open.ended(Some(&error)))?;
                *sitting = None;
            }
        }
        Ok(last)
    }
}

fn describe(trial: &PlannedTrial) -> String {
    let cell = &trial.cell;
    let axes: String = cell.axes.iter().map(|(axis, value)| format!(" {axis} {value}")).collect();
    format!("{} {} {} on {}: {}{axes}", cell.model, cell.quant, cell.engine, cell.device, cell.case)
}
