//! From events to values: which attempts there were, what each pass of them measured, and what speaks
//! against it. Every metric is one pure function of raw stamps; knows nothing of claims or display.

mod answers;
mod attempt;
mod circumstances;
mod curves;
mod energy;
mod generation;
mod identity;
mod metrics;
mod pool;
mod quality;
mod replay;
mod sustained;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod validity;

pub(crate) use answers::Answered;
pub(crate) use curves::{curves, sensor_rows};
pub(crate) use identity::Identity;
#[cfg(test)]
pub(crate) use metrics::METRICS;
pub(crate) use pool::{Group, Judged, Measured, judge, pool};
pub(crate) use replay::Replay;
pub(crate) use validity::Fault;
pub use validity::invalid_because;
