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
    #[error("there is no such device; `dyno devices` lists those that can be reached")]
    UnknownDevice,
    #[error("the agent `{program}` is not there; build or install it, or name another")]
    NoAgent { program: String },
    #[error("the agent `{program}` would not start: {why}")]
    WouldNotStart { program: String, why: String },
    #[error("it is reached with the agent that is installed there, and not with another build beside it")]
    OneAgent,
    #[error("the agent ended{} while the host was {step}{}", ending(.how.as_deref()), last_words(.log))]
    Died { step: &'static str, how: Option<String>, log: Vec<String> },
    #[error(
        "the agent said nothing for {} s while the host was {step}; it is taken to hang and has to be started again",
        .waited.as_secs()
    )]
    Hung { step: &'static str, waited: Duration },
    #[error("while the host was {step}: {what}")]
    Conversation { step: &'static str, what: CodecError },
    #[error("while the host was {step}, the agent answered something else than was asked")]
    WrongAnswer { step: &'static str },
    #[error(
        "record {expected} of the {records} in a job's journal did not arrive; follow the job again from there"
    )]
    Gap { expected: u64, records: u64 },
    #[error("the agent refused: {failure}{}", next_step(.failure))]
    Refused { failure: Failure },
    #[error(
        "{needed_bytes} bytes have to go there and {free_bytes} are free; remove models from it with `dyno push --prune`"
    )]
    NoSpace { needed_bytes: u64, free_bytes: u64 },
    #[error("`{file}` changed while it was on its way; push it again")]
    FileChanged { file: String },
    #[error("{} is using it for another run; wait for it, or end it", holder(*.pid))]
    Locked { pid: Option<u32> },
    #[error("cannot {step}: {source}")]
    Io { step: &'static str, source: std::io::Error },
}

fn ending(how: Option<&str>) -> String {
    how.map(|how| format!(" ({how})")).unwrap_or_default()
}

fn last_words(log: &[String]) -> String {
    match log.iter().rev().find(|line| !line.is_empty()) {
        Some(line) => format!("; its last words: {line}"),
        None => String::new(),
    }
}

fn next_step(failure: &Failure) -> String {
    failure.next_step.as_ref().map(|step| format!("; {step}")).unwrap_or_default()
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
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
        let kind = match &self.what {
            Trouble::Refused { failure } => return failure.clone(),
            Trouble::Hung { .. } => FailureKind::TimedOut,
            Trouble::NoSpace { .. } | Trouble::FileChanged { .. } => FailureKind::Storage,
            Trouble::Locked { .. } => FailureKind::Busy,
            _ => FailureKind::AgentDied,
        };
        Failure::new(kind, self.to_string())
    }
}
