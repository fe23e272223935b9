//! Carries a schedule out: opens devices, runs trials, writes every event down as it happens. Decides nothing
//! about numbers; what a trial was worth is judged from its records by `reports`.

mod gate;
mod job;
mod quality;
mod sitting;
mod tally;
mod trial;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use dyno_datasets::Places;
use dyno_reports::bundle::{BundleError, EventBody, Outcome, ProbeReason, RunStatus, Writer};
use dyno_reports::cell::{PlannedTrial, TrialId};
use dyno_suites::Definitions;

use crate::devices::Devices;
use crate::interrupt::Interrupt;
use crate::schedule::Step;
use crate::screen::Screen;
use crate::supply::Supply;
pub(crate) use quality::{AnswerCache, AnsweredItems};
use sitting::Sitting;
pub(crate) use tally::Tally;

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
    /// Where data sets lie.
    pub(crate) places: Places,
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

/// The run cannot go on: its bundle cannot be written.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct DriveError(#[from] BundleError);

/// What is known while steps are carried out.
#[derive(Default)]
struct Course {
    sitting: Option<Sitting>,
    /// Devices that are not to be had any more.
    lost: BTreeSet<String>,
    /// The last outcome of each trial of this sitting of the run.
    outcomes: BTreeMap<TrialId, Outcome>,
    /// Trials that their gate kept from beginning, with the reason.
    kept_back: BTreeMap<TrialId, String>,
    /// How often trials were put off.
    put_off: BTreeMap<TrialId, u32>,
    behind_ns: u64,
}

impl<'t> Drive<'t, '_> {
    /// Runs the steps and closes the bundle.
    pub(crate) fn run(mut self, steps: &[Step]) -> Result<Tally, DriveError> {
        let total_ns: u64 = self
            .trials
            .values()
            .filter(|trial| !self.is_done(&trial.id))
            .map(|trial| trial.expected_ns)
            .sum();
        self.screen.begin(total_ns);
        let mut course = Course::default();
        let carried = self.carry_out(steps, &mut course);
        self.screen.end();
        carried?;
        let done_before = self.trials.keys().filter(|trial| self.is_done(trial)).count();
        let mut tally = Tally { planned: self.trials.len(), done: done_before, ..Tally::default() };
        tally.interrupted = self.interrupt.is_set();
        tally.count(course.outcomes.values());
        let whole = !tally.interrupted && tally.done + tally.invalid + tally.failed >= tally.planned;
        let status = if whole { RunStatus::Finished } else { RunStatus::Interrupted };
        self.writer.finish(status, &crate::clock::now_rfc3339())?;
        Ok(tally)
    }

    fn is_done(&self, trial: &TrialId) -> bool {
        self.earlier.get(trial).is_some_and(|earlier| earlier.done)
    }

    fn carry_out(&mut self, steps: &[Step], course: &mut Course) -> Result<(), DriveError> {
        let mut agenda: VecDeque<Step> = steps.iter().cloned().collect();
        while let Some(step) = agenda.pop_front() {
            if self.interrupt.is_set() {
                break;
            }
            self.carry_out_step(step, course, &mut agenda)?;
        }
        self.close(course)
    }

    fn carry_out_step(
        &mut self,
        step: Step,
        course: &mut Course,
        agenda: &mut VecDeque<Step>,
    ) -> Result<(), DriveError> {
        match step {
            Step::Open { device } => {
                if self.has_work(&device) {
                    course.sitting = self.open(&device)?;
                    if course.sitting.is_none() {
                        course.lost.insert(device);
                    }
                }
            }
            Step::Relaunch { .. } => self.relaunch(course)?,
            Step::Probe { like, why } => self.probe(&like, why, course)?,
            Step::Wait { before, duration_ns } => self.wait(&before, duration_ns, course)?,
            Step::Gate { trial } => self.gate(&trial, course)?,
            Step::Measure { trial } => self.measure_step(&trial, course, agenda)?,
            Step::Close { .. } => self.close(course)?,
        }
        Ok(())
    }

    /// A trial that is still to be measured.
    fn still_to_do(&self, trial: &TrialId) -> Option<&'t PlannedTrial> {
        self.trials.get(trial).copied().filter(|_| !self.is_done(trial))
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
            Ok(mut sitting) => {
                self.writer.append(EventBody::SessionBegan(Box::new(sitting.start())))?;
                self.note_clock(&mut sitting)?;
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

    fn note_clock(&mut self, sitting: &mut Sitting) -> Result<(), DriveError> {
        if let Some(event) = sitting.read_clock() {
            self.writer.append(event)?;
        }
        Ok(())
    }

    /// A new agent process in the same sitting; the sitting ends where there is none to be had.
    fn relaunch(&mut self, course: &mut Course) -> Result<(), DriveError> {
        let Some(open) = &mut course.sitting else { return Ok(()) };
        match open.relaunch(self.devices) {
            Ok(()) => self.note_clock(open)?,
            Err(error) => {
                self.screen.error(&error.to_string());
                self.writer.append(open.ended(Some(&error)))?;
                course.lost.insert(open.device().to_owned());
                course.sitting = None;
            }
        }
        Ok(())
    }

    fn close(&mut self, course: &mut Course) -> Result<(), DriveError> {
        if let Some(open) = course.sitting.take() {
            self.writer.append(open.ended(None))?;
            open.close();
        }
        Ok(())
    }

    fn probe(&mut self, like: &TrialId, why: ProbeReason, course: &mut Course) -> Result<(), DriveError> {
        let (Some(planned), Some(sitting)) = (self.trials.get(like).copied(), course.sitting.as_mut()) else {
            return Ok(());
        };
        self.screen.step(course.behind_ns, &format!("probe on {}", planned.cell.device));
        let is_cold = why != ProbeReason::End;
        if let Some(probed) = gate::probe(self, &planned.cell, why, sitting)?
            && is_cold
        {
            sitting.keep_reference(&probed);
        }
        Ok(())
    }

    fn wait(&mut self, before: &TrialId, duration_ns: u64, course: &mut Course) -> Result<(), DriveError> {
        let (Some(planned), Some(sitting)) = (self.still_to_do(before), course.sitting.as_mut()) else {
            return Ok(());
        };
        self.screen.step(course.behind_ns, &format!("rest before {}", describe(planned)));
        gate::wait(self, planned, duration_ns, sitting)
    }

    fn gate(&mut self, trial: &TrialId, course: &mut Course) -> Result<(), DriveError> {
        let Some(planned) = self.still_to_do(trial) else { return Ok(()) };
        let Some(sitting) = course.sitting.as_mut() else { return Ok(()) };
        self.screen.step(course.behind_ns, &format!("gate before {}", describe(planned)));
        let attempt = self.next_attempt(trial);
        if let gate::Passed::No(why) = gate::pass(self, planned, attempt, sitting)? {
            course.kept_back.insert(trial.clone(), why);
        }
        Ok(())
    }

    fn next_attempt(&self, trial: &TrialId) -> u32 {
        self.earlier.get(trial).map_or(1, |earlier| earlier.attempts + 1)
    }

    fn measure_step(
        &mut self,
        trial: &TrialId,
        course: &mut Course,
        agenda: &mut VecDeque<Step>,
    ) -> Result<(), DriveError> {
        let Some(planned) = self.still_to_do(trial) else { return Ok(()) };
        if !course.lost.contains(&planned.cell.device) {
            self.screen.step(course.behind_ns, &describe(planned));
            if let Some(tried) = self.measure(planned, course)? {
                if tried.worth_another_time && self.may_be_put_off(planned, course) {
                    put_off(agenda, trial);
                }
                course.outcomes.insert(trial.clone(), tried.outcome);
            }
        }
        course.behind_ns += planned.expected_ns;
        Ok(())
    }

    fn may_be_put_off(&self, planned: &PlannedTrial, course: &mut Course) -> bool {
        let suite = self.definitions.suite(&planned.cell.suite).ok();
        let budget = suite.and_then(|suite| suite.gate).map_or(0, |gate| gate.reschedules);
        let spent = course.put_off.entry(planned.id.clone()).or_default();
        *spent += 1;
        *spent <= budget
    }

    /// `None` when the trial was interrupted: what it had is kept as an attempt without an end.
    fn measure(
        &mut self,
        planned: &PlannedTrial,
        course: &mut Course,
    ) -> Result<Option<trial::Tried>, DriveError> {
        let first = self.next_attempt(&planned.id);
        let mut last = None;
        for attempt in first..first + MAX_ATTEMPTS {
            let Some(open) = course.sitting.as_mut() else { break };
            self.earlier.entry(planned.id.clone()).or_default().attempts = attempt;
            if let Some(why) = course.kept_back.remove(&planned.id) {
                self.screen.warn(&format!("{}: {why}", describe(planned)));
                return trial::kept_back(self, planned, attempt, open, why).map(Some);
            }
            let tried = if self.asks_items(planned) {
                quality::attempt(self, planned, attempt, open, course.behind_ns)?
            } else {
                trial::attempt(self, planned, attempt, open)?
            };
            let Some(tried) = tried else { return Ok(None) };
            let trouble = tried.trouble.clone();
            last = Some(tried);
            let Some(trouble) = trouble else { break };
            self.screen.warn(&format!("{}: {trouble}", describe(planned)));
            self.relaunch(course)?;
        }
        Ok(last)
    }
}

/// Once more at the end of its sitting, behind its gate, before the last probe.
fn put_off(agenda: &mut VecDeque<Step>, trial: &TrialId) {
    let is_end = |step: &Step| matches!(step, Step::Probe { why: ProbeReason::End, .. } | Step::Close { .. });
    let place = agenda.iter().position(is_end).unwrap_or(agenda.len());
    agenda.insert(place, Step::Measure { trial: trial.clone() });
    agenda.insert(place, Step::Gate { trial: trial.clone() });
}

fn describe(trial: &PlannedTrial) -> String {
    let cell = &trial.cell;
    let axes: String = cell.axes.iter().map(|(axis, value)| format!(" {axis} {value}")).collect();
    format!("{} {} {} on {}: {}{axes}", cell.model, cell.quant, cell.engine, cell.device, cell.case)
}
