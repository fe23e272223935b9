//! Ways to reach a device: start its agent, talk to it with a deadline on every wait, end it.
//!
//! Knows how bytes get to a device and back. Knows nothing of suites, plans or reports.

mod child;
mod conversation;
mod delivery;
mod error;
mod line;
mod local;
mod lock;
mod log;
mod outgoing;
mod secret;
mod simulated;

pub use conversation::Conversation;
pub use delivery::{ModelFile, Progress, deliver};
pub use error::{RunnerError, Trouble};
pub use line::{Hold, Line};
pub use local::Local;
pub use lock::DeviceLock;
pub use log::Log;
pub use simulated::Simulated;

/// The environment variable that carries a launch's secret to the agent: arguments can be read by everyone.
pub const SECRET_VARIABLE: &str = "DYNO_SECRET";

/// One way to reach one device.
pub trait Runner: std::fmt::Debug {
    /// The kind of way, as it is recorded.
    fn name(&self) -> &'static str;

    /// Whether the agent sees the host's files: then a model is used where it lies, and nothing is delivered.
    fn shares_files(&self) -> bool;

    /// From the next opening on starts this agent instead of its own, and its own again where none is named:
    /// two builds are measured in turn this way. Most ways to reach a device know one agent only.
    fn use_agent(&mut self, agent: Option<&std::path::Path>) -> Result<(), RunnerError> {
        match agent {
            Some(_) => Err(RunnerError::new(self.name(), Trouble::OneAgent)),
            None => Ok(()),
        }
    }

    /// Starts a fresh agent and greets it. The device stays locked for this runner until it is dropped.
    fn open(&mut self) -> Result<Conversation, RunnerError>;
}
