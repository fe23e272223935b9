//! A bundle's events put together again: sessions, attempts, imports, notes.

use std::collections::BTreeMap;

use dyno_protocol::{Failure, Prompt, Record};

use super::attempt::Attempted;
use super::probes::{Gate, probe_rate};
use crate::bundle::{
    Bundle, EventBody, ItemAnswer, Metered, Outcome, ProbeReason, Probed, SessionId, SessionStart,
};
use crate::cell::{Cell, PlannedTrial, Skipped, TrialId};
use crate::foreign::{ForeignRow, ForeignSource};

#[derive(Debug)]
pub(crate) struct Session<'a> {
    pub(crate) start: &'a SessionStart,
    pub(crate) failure: Option<&'a Failure>,
    pub(crate) ended: bool,
    /// In the order in which they came.
    pub(crate) probes: Vec<&'a Probed>,
    pub(crate) waits: Vec<Wait<'a>>,
    /// Readings of the agent's clock with the time of day.
    pub(crate) clocks: Vec<ClockPair>,
}

/// Something that was waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wait<'a> {
    pub(crate) what: &'a str,
    pub(crate) begin_ns: Option<u64>,
    pub(crate) waited_ns: u64,
    pub(crate) reached: bool,
}

/// The agent's clock and the time of day at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClockPair {
    pub(crate) agent_ns: u64,
    pub(crate) unix_ns: u64,
}

impl Session<'_> {
    /// The rate of the cold reference of a configuration, where its probe gave one.
    pub(crate) fn reference(&self, cell: &Cell) -> Option<f64> {
        let cold = |probed: &&&Probed| {
            matches!(probed.why, ProbeReason::Start | ProbeReason::Reference)
                && probed.cell.is_configured_as(cell)
        };
        probe_rate(&self.probes.iter().find(cold)?.records).ok()
    }
}

/// An attempt's events before they are put together.
#[derive(Debug, Default)]
struct Open<'a> {
    session: Option<&'a SessionId>,
    prompt: Option<&'a Prompt>,
    expected_ids: Option<&'a [u32]>,
    records: Vec<&'a Record>,
    answers: Vec<&'a ItemAnswer>,
    outcome: Option<&'a Outcome>,
    /// Which of the session's clock readings was the last before it.
    clock: Option<ClockPair>,
    /// First and last event number.
    first: u64,
    last: u64,
}

#[derive(Debug)]
pub(crate) struct Replay<'a> {
    pub(crate) bundle: &'a Bundle,
    pub(crate) planned: Vec<&'a PlannedTrial>,
    pub(crate) skipped: Vec<&'a Skipped>,
    pub(crate) sessions: BTreeMap<&'a SessionId, Session<'a>>,
    pub(crate) foreign: Vec<(&'a ForeignSource, &'a [ForeignRow])>,
    pub(crate) meters: Vec<&'a Metered>,
    pub(crate) notes: Vec<String>,
    pub(crate) resumed: u32,
    open: BTreeMap<(&'a TrialId, u32), Open<'a>>,
    /// Numbers of events after which others are missing.
    gaps: Vec<u64>,
}

impl<'a> Replay<'a> {
    pub(crate) fn of(bundle: &'a Bundle) -> Self {
        let mut replay = Self {
            bundle,
            planned: Vec::new(),
            skipped: Vec::new(),
            sessions: BTreeMap::new(),
            foreign: Vec::new(),
            meters: Vec::new(),
            notes: Vec::new(),
            resumed: 0,
            open: BTreeMap::new(),
            gaps: Vec::new(),
        };
        let mut next = 0;
        for event in &bundle.events {
            if event.seq > next {
                replay.gaps.push(event.seq);
            }
            next = event.seq + 1;
            replay.take(event.seq, &event.body);
        }
        replay
    }

    fn take(&mut self, seq: u64, body: &'a EventBody) {
        match body {
            EventBody::Planned { trials, skipped } => {
                self.planned.extend(trials);
                self.skipped.extend(skipped);
            }
            EventBody::SessionBegan(start) => {
                let session = Session {
                    start,
                    failure: None,
                    ended: false,
                    probes: Vec::new(),
                    waits: Vec::new(),
                    clocks: Vec::new(),
                };
                self.sessions.insert(&start.session, session);
            }
            EventBody::SessionEnded { session, failure } => {
                if let Some(session) = self.sessions.get_mut(session) {
                    session.ended = true;
                    session.failure = failure.as_ref();
                }
            }
            EventBody::TrialBegan { trial, attempt, session, prompt, expected_ids } => {
                let clock = self.sessions.get(session).and_then(|session| session.clocks.last().copied());
                let open = self.open_at(seq, trial, *attempt);
                open.clock = clock;
                open.session = Some(session);
                open.prompt = prompt.as_ref();
                open.expected_ids = expected_ids.as_deref();
            }
            EventBody::Observed { trial, attempt, record } => {
                self.open_at(seq, trial, *attempt).records.push(record);
            }
            EventBody::Answered { trial, attempt, answers } => {
                self.open_at(seq, trial, *attempt).answers.extend(answers);
            }
            EventBody::TrialEnded { trial, attempt, outcome } => {
                self.open_at(seq, trial, *attempt).outcome = Some(outcome);
            }
            EventBody::ClockRead { session, agent_ns, unix_ns, .. } => {
                if let Some(session) = self.sessions.get_mut(session) {
                    session.clocks.push(ClockPair { agent_ns: *agent_ns, unix_ns: *unix_ns });
                }
            }
            EventBody::Probed(probed) => {
                if let Some(session) = self.sessions.get_mut(&probed.session) {
                    session.probes.push(probed);
                }
            }
            EventBody::Waited { session, what, begin_ns, waited_ns, reached, .. } => {
                if let Some(session) = self.sessions.get_mut(session) {
                    let (begin_ns, waited_ns) = (*begin_ns, *waited_ns);
                    session.waits.push(Wait { what, begin_ns, waited_ns, reached: *reached });
                }
            }
            EventBody::Noted { what } => self.notes.push(what.clone()),
            EventBody::Imported { source, rows } => self.foreign.push((source, rows)),
            EventBody::Metered(meter) => {
                self.notes.push(format!("a meter on {}: {} readings", meter.device, meter.readings.len()));
                self.meters.push(meter);
            }
            EventBody::Resumed { at } => {
                self.resumed += 1;
                self.notes.push(format!("taken up again at {at}"));
            }
            EventBody::RunEnded => {}
        }
    }

    fn open_at(&mut self, seq: u64, trial: &'a TrialId, attempt: u32) -> &mut Open<'a> {
        let open =
            self.open.entry((trial, attempt)).or_insert_with(|| Open { first: seq, ..Open::default() });
        open.last = seq;
        open
    }

    /// The attempts of every planned trial, in the order of the plan; a trial without one comes with none.
    pub(crate) fn attempts(&self) -> Vec<(&'a PlannedTrial, Vec<Attempted<'_>>)> {
        let mut by_trial: BTreeMap<&TrialId, Vec<(u32, &Open<'a>)>> = BTreeMap::new();
        for ((trial, attempt), open) in &self.open {
            by_trial.entry(trial).or_default().push((*attempt, open));
        }
        self.planned
            .iter()
            .map(|planned| {
                let opened = by_trial.remove(&planned.id).unwrap_or_default();
                let mut attempts: Vec<Attempted<'_>> = Vec::with_capacity(opened.len());
                for (attempt, open) in opened {
                    let mut attempted = self.attempted(planned, attempt, open);
                    if let Some(before) = attempts.last() {
                        attempted.take_over(&before.answers);
                    }
                    attempts.push(attempted);
                }
                (*planned, attempts)
            })
            .collect()
    }

    fn attempted<'b>(&'b self, planned: &'b PlannedTrial, attempt: u32, open: &'b Open<'a>) -> Attempted<'b> {
        let session = open.session.and_then(|session| self.sessions.get(session));
        Attempted {
            run_id: &self.bundle.manifest.run_id,
            planned,
            attempt,
            session,
            gate: session.and_then(|session| Gate::before(session, planned, attempt)),
            clock: open.clock,
            prompt: open.prompt,
            expected_ids: open.expected_ids,
            records: open.records.clone(),
            answers: open.answers.clone(),
            outcome: open.outcome,
            lines: (open.first + 1, open.last + 1),
            has_gap: self.gaps.iter().any(|gap| open.first < *gap && *gap <= open.last),
        }
    }
}
