//! One device with its agent running: opened, relaunched, closed. Where a run has two sides, each is a session of
//! its own in the one sitting, because each has its own build.

use std::time::Duration;

use dyno_protocol::{Answer, DeviceFacts, Failure, FailureKind, Question};
use dyno_reports::bundle::{EventBody, Probed, SessionId, SessionStart};
use dyno_reports::cell::{Cell, Side};
use dyno_reports::derive::probe_rate;
use dyno_runners::{Conversation, RunnerError};

use crate::devices::{Devices, evidence};

/// An agent that does not tell its clock by then is not asked again.
const CLOCK: Duration = Duration::from_secs(5);

pub(super) struct Sitting {
    device: String,
    side: Option<Side>,
    sessions: Vec<(Option<Side>, SessionStart)>,
    conversation: Conversation,
    /// Cold references of the sitting, in tokens a second.
    references: Vec<(Cell, f64)>,
    /// Of the next job that belongs to no trial.
    number: u32,
}

impl Sitting {
    /// The sitting, and the session that began with it.
    pub(super) fn open(
        device: &str,
        side: Option<Side>,
        devices: &mut Devices,
    ) -> Result<(Self, SessionStart), RunnerError> {
        let conversation = devices.open(device, side)?;
        let mut sitting = Self {
            device: device.to_owned(),
            side,
            sessions: Vec::new(),
            conversation,
            references: Vec::new(),
            number: 0,
        };
        let start = sitting.begin(devices);
        Ok((sitting, start))
    }

    fn begin(&mut self, devices: &Devices) -> SessionStart {
        let began_at = crate::clock::now_rfc3339();
        let facts = self.conversation.welcome().facts.clone();
        let side = self.side.map(|side| format!("/{}", side.word())).unwrap_or_default();
        let start = SessionStart {
            session: SessionId(format!("{}@{began_at}#{}{side}", self.device, std::process::id())),
            device: self.device.clone(),
            runner: devices.runner_name(&self.device),
            evidence: evidence(facts.kind),
            facts,
            began_at,
            beside: self.sessions.first().map(|(_, first)| first.session.clone()),
        };
        self.sessions.push((self.side, start.clone()));
        start
    }

    /// A new agent process in the same sitting; the session that begins when it is the first one of its side.
    pub(super) fn relaunch(
        &mut self,
        side: Option<Side>,
        devices: &mut Devices,
    ) -> Result<Option<SessionStart>, RunnerError> {
        self.conversation.end();
        self.conversation = devices.open(&self.device, side)?;
        self.side = side;
        let known = self.sessions.iter().any(|(known, _)| *known == side);
        Ok((!known).then(|| self.begin(devices)))
    }

    /// Takes up with the agent again after the line to it was lost. Unlike a relaunch this ends nothing.
    pub(super) fn find_again(&mut self, devices: &mut Devices) -> Result<(), RunnerError> {
        self.conversation = devices.open(&self.device, self.side)?;
        Ok(())
    }

    /// The agent's clock and the time of day, read together; nothing where the agent does not answer.
    pub(super) fn read_clock(&mut self) -> Option<EventBody> {
        let before = crate::clock::unix_ns();
        let answer = self.conversation.ask(Question::Status, CLOCK).ok()?;
        let after = crate::clock::unix_ns();
        let Answer::Status(state) = answer else { return None };
        Some(EventBody::ClockRead {
            session: self.session(),
            agent_ns: state.now_ns,
            unix_ns: before.midpoint(after),
            within_ns: after.saturating_sub(before),
        })
    }

    /// The first probe of a configuration is its cold reference.
    pub(super) fn keep_reference(&mut self, probed: &Probed) {
        if let Ok(rate) = probe_rate(&probed.records)
            && self.reference(&probed.cell).is_none()
        {
            self.references.push((probed.cell.clone(), rate));
        }
    }

    pub(super) fn reference(&self, cell: &Cell) -> Option<f64> {
        self.references.iter().find(|(of, _)| of.is_configured_as(cell)).map(|(_, rate)| *rate)
    }

    pub(super) fn next_number(&mut self) -> u32 {
        self.number += 1;
        self.number
    }

    pub(super) fn ended(&self, error: Option<&RunnerError>) -> Vec<EventBody> {
        let failure = error.map(|error| Failure::new(FailureKind::AgentDied, error.to_string()));
        let end = |session: &SessionStart| EventBody::SessionEnded {
            session: session.session.clone(),
            failure: failure.clone(),
        };
        self.sessions.iter().map(|(_, session)| end(session)).collect()
    }

    pub(super) fn close(mut self) {
        self.conversation.end();
    }

    pub(super) fn device(&self) -> &str {
        &self.device
    }

    pub(super) fn side(&self) -> Option<Side> {
        self.side
    }

    fn current(&self) -> &SessionStart {
        let current = self.sessions.iter().find(|(side, _)| *side == self.side);
        &current.expect("a side has its session from the moment it runs").1
    }

    pub(super) fn session(&self) -> SessionId {
        self.current().session.clone()
    }

    pub(super) fn facts(&self) -> &DeviceFacts {
        &self.current().facts
    }

    pub(super) fn conversation(&mut self) -> &mut Conversation {
        &mut self.conversation
    }
}
