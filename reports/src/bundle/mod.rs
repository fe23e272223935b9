//! A run on disk: a manifest, events that only grow, the definitions it was run with, and their hashes.

mod event;
mod manifest;

pub use event::{Event, EventBody, Outcome, SessionId, SessionStart};
pub use manifest::{BUNDLE_FORMAT, HostFacts, Manifest, RunStatus, ToolFacts};
