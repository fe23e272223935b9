//! What can go wrong between a host and a device: which device, at which step, what it means, what to do.

use std::time::Duration;

use dyno_protocol::codec::CodecError;
use dyno_protocol::{Failure, FailureKind};

#[derive(Debug, thiserror::Error)]
#[error("{device}: {what}")]
pub struct RunnerError {
    pub device: String,
    #[source]
    pub what: Trouble,
}

#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("there is no such device")]
    UnknownDevice,
    #[error("the agent `{program}` would not start: {why}")]
    WouldNotStart { program: String, why: String },
    #[error("the agent ended while the host was {step}{}", last_words(.log))]
    Died { step: &'static str, log: Vec<String> },
    #[error("the agent said nothing for {} s while the host was {step}; it is taken to hang", .waited.as_secs())]
    Hung { step: &'static str, waited: Duration },
    #[error("while the host was {step}: {what}")]
    Conversation { step: &'static str, what: CodecError },
    #[error("while the host was {step}, the agent answered something else than was asked")]
    WrongAnswer { step: &'static str },
    #[error("the agent refused: {failure}{}", next_step(.failure))]
    Refused { failure: Failure },
    #[error("process {pid} is using it for another run; wait for it, or end it")]
    Locked { pid: u32 },
    #[error("cannot {step}: {source}")]
    Io { step: &'static str, source: std::io::Error },
}

fn last_words(log: &[String]) -> String {
    match log.last() {
        Some(line) => format!("; its last words: {line}"),
        None => String::new(),
    }
}

fn next_step(failure: &Failure) -> String {
    failure.next_step.as_ref().map(|step| format!("; {step}")).unwrap_or_default()
}

impl RunnerError {
    pub fn new(device: &str, what: Trouble) -> Self {
        Self { device: device.to_owned(), what }
    }

    pub fn unknown_device(device: &str) -> Self {
        Self::new(device, Trouble::UnknownDevice)
    }

    /// The agent's own refusal, when that is what happened: the agent itself is well.
    pub fn refusal(&self) -> Option<&Failure> {
        match &self.what {
            Trouble::Refused { failure } => Some(failure),
            _ => None,
        }
    }

    /// The same as a value for the bundle.
    pub fn as_failure(&self) -> Failure {
        match &self.what {
            Trouble::Refused { failure } => failure.clone(),
            Trouble::Hung { .. } => Failure::new(FailureKind::TimedOut, self.to_string()),
            _ => Failure::new(FailureKind::AgentDied, self.to_string()),
        }
    }
}
