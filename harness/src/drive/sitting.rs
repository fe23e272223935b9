//! One device with its agent running: opened, relaunched, closed.

use dyno_protocol::{DeviceFacts, Failure, FailureKind};
use dyno_reports::bundle::{EventBody, SessionId, SessionStart};
use dyno_runners::{Conversation, RunnerError};

use crate::devices::{Devices, evidence};

pub(super) struct Sitting {
    device: String,
    runner: String,
    session: SessionId,
    facts: DeviceFacts,
    began_at: String,
    conversation: Conversation,
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
