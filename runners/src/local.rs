//! This machine: the same binary, started as a child that speaks over standard input and output.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::child::HeldChild;
use crate::conversation::Conversation;
use crate::error::{RunnerError, Trouble};
use crate::line::Line;
use crate::lock::DeviceLock;
use crate::log::Log;
use crate::{Runner, SECRET_VARIABLE, secret};

#[derive(Debug)]
pub struct Local {
    device: String,
    program: PathBuf,
    /// Another build to start instead.
    other: Option<PathBuf>,
    state: PathBuf,
    locks: PathBuf,
    lock: Option<DeviceLock>,
    /// Where the agent reads which device it is to play.
    simulate: Option<PathBuf>,
}

impl Local {
    /// `program` is the binary that has the agent in it; `state` is where the agent remembers.
    pub fn new(device: &str, program: PathBuf, state: PathBuf, locks: PathBuf) -> Self {
        Self { device: device.to_owned(), program, other: None, state, locks, lock: None, simulate: None }
    }

    /// The agent is to play the device of this file.
    pub(crate) fn simulating(mut self, file: PathBuf) -> Self {
        self.simulate = Some(file);
        self
    }

    /// Holds the device for this runner, if it does not already.
    pub(crate) fn lock(&mut self) -> Result<(), RunnerError> {
        if self.lock.is_none() {
            self.lock = Some(DeviceLock::take(&self.locks, &self.device)?);
        }
        Ok(())
    }

    pub(crate) fn error(&self, what: Trouble) -> RunnerError {
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

    fn use_agent(&mut self, agent: Option<&Path>) -> Result<(), RunnerError> {
        self.other = agent.map(Path::to_owned);
        Ok(())
    }

    fn open(&mut self) -> Result<Conversation, RunnerError> {
        self.lock()?;
        let secret =
            secret::fresh().map_err(|source| self.error(Trouble::Io { step: "make a secret", source }))?;
        let program = self.other.as_ref().unwrap_or(&self.program);
        let mut command = Command::new(program);
        command
            .args(["agent", "--stdio", "--state"])
            .arg(&self.state)
            .args(self.simulate.iter().flat_map(|file| [OsStr::new("--simulate"), file.as_os_str()]))
            .env(SECRET_VARIABLE, &secret)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // A group of its own: Ctrl-C at the terminal is for the host, which then asks the agent to stop; and
        // whatever the agent starts ends with it.
        command.process_group(0);
        let program = program.display().to_string();
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
