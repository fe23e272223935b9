//! A run on disk: a manifest, events that only grow, the definitions it was run with, and their hashes.

mod error;
mod event;
mod files;
mod lock;
mod manifest;
mod reader;
mod sink;
#[cfg(test)]
mod tests;
mod verify;
mod writer;

pub use error::BundleError;
pub use event::{
    Asked, Event, EventBody, ItemAnswer, MeterReading, Metered, Outcome, ProbeReason, Probed, SessionId,
    SessionStart,
};
pub use manifest::{BUNDLE_FORMAT, HostFacts, Manifest, RunStatus, ToolFacts};
pub use reader::{Bundle, Defect, DefectKind};
pub use sink::EventSink;
pub use verify::{Problem, ProblemKind, Verification, verify};
pub use writer::Writer;
