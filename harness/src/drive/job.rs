//! Jobs on the device: handed over, followed to their end, and found again when the line to the agent was lost
//! while the agent went on.

use std::time::{Duration, Instant};

use dyno_protocol::{Answer, Failure, FailureKind, Job, JobId, Loaded, Question, Record, RecordBody, Step};
use dyno_runners::RunnerError;

use super::Drive;
use super::sitting::Sitting;

pub(super) const QUESTION: Duration = Duration::from_secs(20);
/// Ten samples a second show heat and clocks without costing a measurable share of a core.
pub(super) const SENSOR_INTERVAL_NS: u64 = 100_000_000;
/// A lost line is looked for this often.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Why an attempt stopped before its end.
pub(super) enum Stop {
    Interrupted,
    /// The agent said so, and is well.
    Failure(Failure),
    /// The agent or the way to it is gone.
    Trouble(RunnerError),
}

impl From<RunnerError> for Stop {
    fn from(error: RunnerError) -> Self {
        match error.refusal() {
            Some(failure) => Self::Failure(failure.clone()),
            None => Self::Trouble(error),
        }
    }
}

impl Stop {
    pub(super) fn refused(what: impl Into<String>) -> Self {
        Self::Failure(Failure::new(FailureKind::Refused, what))
    }
}

/// How a job is watched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) deadline_ns: u64,
    pub(super) sensor_interval_ns: u64,
    /// How long the agent is looked for when the line is lost: work off the cable goes on without its host.
    pub(super) found_again_within: Duration,
}

impl Terms {
    pub(super) fn within(deadline_ns: u64) -> Self {
        Self { deadline_ns, sensor_interval_ns: SENSOR_INTERVAL_NS, found_again_within: Duration::ZERO }
    }
}

/// Runs a job to its end, keeping every record, and gives its failure if it had one.
pub(super) fn run(
    drive: &mut Drive<'_, '_>,
    sitting: &mut Sitting,
    id: &str,
    steps: Vec<Step>,
    terms: Terms,
    records: &mut Vec<Record>,
) -> Result<(), Stop> {
    let id = JobId(id.to_owned());
    let Terms { deadline_ns, sensor_interval_ns, found_again_within } = terms;
    let job = Job { id: id.clone(), steps, sensor_interval_ns, deadline_ns };
    sitting.conversation().ask(Question::Submit(job), QUESTION)?;
    let interrupt = drive.interrupt.clone();
    let before = records.len();
    let mut followed = follow(drive, sitting, &id, 0, records);
    let give_up = Instant::now() + found_again_within;
    while let Err(error) = &followed
        && error.refusal().is_none()
        && !interrupt.is_set()
        && Instant::now() < give_up
    {
        drive.screen.say(&format!("the line to {} is lost; looking for it again", sitting.device()));
        std::thread::sleep(LOOK_AGAIN);
        if sitting.find_again(drive.devices).is_ok() {
            let have = (records.len() - before) as u64;
            followed = follow(drive, sitting, &id, have, records);
        }
    }
    if interrupt.is_set() {
        // The answer does not matter any more.
        let _ = sitting.conversation().ask(Question::Cancel { job: id }, Duration::from_secs(2));
        return Err(Stop::Interrupted);
    }
    followed?;
    let _ = sitting.conversation().ask(Question::Forget { job: id }, QUESTION)?;
    let failure = records.iter().rev().find_map(|record| match &record.body {
        RecordBody::Ended { failure, .. } => Some(failure.clone()),
        _ => None,
    });
    failure.flatten().map_or(Ok(()), |failure| Err(Stop::Failure(failure)))
}

fn follow(
    drive: &Drive<'_, '_>,
    sitting: &mut Sitting,
    id: &JobId,
    from_record: u64,
    records: &mut Vec<Record>,
) -> Result<(), RunnerError> {
    let interrupt = drive.interrupt.clone();
    let patience = drive.patience;
    let mut keep = |record| records.push(record);
    sitting.conversation().follow(id, from_record, patience, &|| interrupt.is_set(), &mut keep)
}

/// What the last load of these records loaded.
pub(super) fn loaded(records: &[Record]) -> Result<Loaded, Stop> {
    let found = records.iter().rev().find_map(|record| match &record.body {
        RecordBody::Loaded(loaded) => Some((**loaded).clone()),
        _ => None,
    });
    found.ok_or_else(|| Stop::refused("the agent did not say what it loaded"))
}

pub(super) fn conditions(sitting: &mut Sitting) -> Result<dyno_protocol::Conditions, Stop> {
    match sitting.conversation().ask(Question::Conditions, QUESTION)? {
        Answer::Conditions(conditions) => Ok(conditions),
        _ => Err(Stop::refused("the agent did not answer for its conditions")),
    }
}
