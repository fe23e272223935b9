//! One device with its agent running: opened, relaunched, closed.

use std::time::Duration;

use dyno_protocol::{Answer, DeviceFacts, Failure, FailureKind, Question};
use dyno_reports::bundle::{EventBody, Probed, SessionId, SessionStart};
use dyno_reports::cell::Cell;
use dyno_reports::derive::probe_rate;
use dyno_runners::{Conversation, RunnerError};

use crate::devices::{Devices, evidence};

/// An agent that does not tell its clock by then is not asked again.
const CLOCK: Duration = Duration::from_secs(5);

pub(super) struct Sitting {
    device: String,
    runner: String,
    session: SessionId,
    facts: DeviceFacts,
    began_at: String,
    conversation: Conversation,
    /// Cold references of the sitting, in tokens a second.
    references: Vec<(Cell, f64)>,
    /// Of the next job that belongs to no trial.
    number: u32,
}

impl Sitting {
    pub(super) fn open(device: &str, devices: &mut Devices) -> Result<Self, RunnerError> {
        let conversation = devices.open(device)?;
        let began_at = crate::clock::now_rfc3339();
        let facts = conversation.welcome().facts.clone();
        Ok(Self {
            session: SessionId(format!("{device}@{began_at}#{}", std::process::id())),
            device: device.to_owned(),
            runner: devices.runner_name(device),
            facts,
            began_at,
            conversation,
            references: Vec::new(),
            number: 0,
        })
    }

    pub(super) fn start(&self) -> SessionStart {
        SessionStart {
            session: self.session.clone(),
            device: self.device.clone(),
            runner: self.runner.clone(),
            facts: self.facts.clone(),
            evidence: evidence(self.facts.kind),
            began_at: self.began_at.clone(),
        }
    }

    /// A new agent process in the same sitting.
    pub(super) fn relaunch(&mut self, devices: &mut Devices) -> Result<(), RunnerError> {
        self.conversation.end();
        self.conversation = devices.open(&self.device)?;
        Ok(())
    }

    /// Takes up with the agent again after the line to it was lost. Unlike a relaunch this ends nothing.
    pub(super) fn find_again(&mut self, devices: &mut Devices) -> Result<(), RunnerError> {
        self.conversation = devices.open(&self.device)?;
        Ok(())
    }

    /// The agent's clock and the time of day, read together; nothing where the agent does not answer.
    pub(super) fn read_clock(&mut self) -> Option<EventBody> {
        let before = crate::clock::unix_ns();
        let answer = self.conversation.ask(Question::Status, CLOCK).ok()?;
        let after = crate::clock::unix_ns();
        let Answer::Status(state) = answer else { return None };
        Some(EventBody::ClockRead {
            session: self.session.clone(),
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

    pub(super) fn ended(&self, error: Option<&RunnerError>) -> EventBody {
        let failure = error.map(|error| Failure::new(FailureKind::AgentDied, error.to_string()));
        EventBody::SessionEnded { session: self.session.clone(), failure }
    }

    pub(super) fn close(mut self) {
        self.conversation.end();
    }

    pub(super) fn device(&self) -> &str {
        &self.device
    }

    pub(super) fn session(&self) -> SessionId {
        self.session.clone()
    }

    pub(super) fn facts(&self) -> &DeviceFacts {
        &self.facts
    }

    pub(super) fn conversation(&mut self) -> &mut Conversation {
        &mut self.conversation
    }
}
