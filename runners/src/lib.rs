//! Ways to reach a device: start its agent, talk to it with a deadline on every wait, end it.
//!
//! Knows how bytes get to a device and back. Knows nothing of suites, plans or reports.

mod conversation;
mod error;
mod local;
mod lock;
mod log;

pub use conversation::{Conversation, Hold, Line};
pub use error::{RunnerError, Trouble};
pub use local::Local;
pub use lock::DeviceLock;
pub use log::Log;

/// The environment variable that carries a launch's secret to the agent: arguments can be read by everyone.
pub const SECRET_VARIABLE: &str = "DYNO_SECRET";

/// One way to reach one device.
pub trait Runner: std::fmt::Debug {
    /// The kind of way, as it is recorded.
    fn name(&self) -> &'static str;

    /// Starts a fresh agent and greets it. The device stays locked for this runner until it is dropped.
    fn open(&mut self) -> Result<Conversation, RunnerError>;
}
