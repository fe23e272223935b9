//! This machine: the same binary, started as a child that speaks over standard input and output.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use dyno_protocol::codec::hex;

use crate::child::HeldChild;
use crate::conversation::Conversation;
use crate::error::{RunnerError, Trouble};
use crate::line::Line;
use crate::lock::DeviceLock;
use crate::log::Log;
use crate::{Runner, SECRET_VARIABLE};

#[derive(Debug)]
pub struct Local {
    device: String,
    program: PathBuf,
    state: PathBuf,
    locks: PathBuf,
    lock: Option<DeviceLock>,
}

impl Local {
    /// `program` is the binary that has the agent in it; `state` is where the agent remembers.
    pub fn new(device: &str, program: PathBuf, state: PathBuf, locks: PathBuf) -> Self {
        Self { device: device.to_owned(), program, state, locks, lock: None }
    }

    fn error(&self, what: Trouble) -> RunnerError {
        RunnerError::new(&self.device, what)
    }
}

impl Runner for Local {
    fn name(&self) -> &'static str {
        "local"
    }

    fn shares_files(&self) -> bool {
        true
    }

    fn open(&mut self) -> Result<Conversation, RunnerError> {
        if self.lock.is_none() {
            self.lock = Some(DeviceLock::take(&self.locks, &self.device)?);
        }
        let secret = secret().map_err(|source| self.error(Trouble::Io { step: "make a secret", source }))?;
        let mut command = Command::new(&self.program);
        command
            .args(["agent", "--stdio", "--state"])
            .arg(&self.state)
            .env(SECRET_VARIABLE, &secret)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // A group of its own: Ctrl-C at the terminal is for the host, which then asks the agent to stop; and
        // whatever the agent starts ends with it.
        command.process_group(0);
        let program = self.program.display().to_string();
        let mut child = command.spawn().map_err(|error| {
            self.error(match error.kind() {
                std::io::ErrorKind::NotFound => Trouble::NoAgent { program: program.clone() },
                _ => Trouble::WouldNotStart { program: program.clone(), why: error.to_string() },
            })
        })?;
        let (Some(to_agent), Some(from_agent), Some(complaints)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(self.error(Trouble::WouldNotStart { program, why: "it has no pipes".to_owned() }));
        };
        let log = Log::default();
        log.follow(complaints);
        let line = Line {
            from_agent: Box::new(from_agent),
            to_agent: Box::new(to_agent),
            log,
            hold: Box::new(HeldChild::new(child)),
        };
        Conversation::begin(&self.device, line, secret)
    }
}

/// A secret that nobody can guess, for one launch.
fn secret() -> std::io::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(hex(&bytes))
}
