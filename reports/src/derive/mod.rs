//! From events to values: which attempts there were, what each pass of them measured, and what speaks
//! against it. Every metric is one pure function of raw stamps; knows nothing of claims or display.

mod answers;
mod attempt;
mod circumstances;
mod courses;
mod energy;
mod generation;
mod identity;
mod instruments;
mod metrics;
mod pool;
mod probes;
mod quality;
mod replay;
mod sustained;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod validity;

pub(crate) use answers::Answered;
pub use circumstances::circumstances;
pub(crate) use courses::{courses, sensor_rows};
pub(crate) use identity::Identity;
pub use instruments::{Instrument, instruments};
#[cfg(test)]
pub(crate) use metrics::METRICS;
pub(crate) use pool::{Group, Judged, Measured, judge_run, pool};
pub use probes::probe_rate;
pub(crate) use probes::{drifts, probe_rows};
pub(crate) use replay::Replay;
pub use sustained::is_recovered;
pub(crate) use validity::Fault;
pub use validity::{disturbed, invalid_because};
