//! A model of a device, whose truth is known: heat and a governor, a battery and its gauge, noise, transients,
//! faults, and a clock that moves only when the device works or rests. Pure and seeded: the same profile, seed
//! and calls give the same observations.
//!
//! Knows nothing of jobs, journals or hosts. What the numbers of a profile are taken from stands in the profile.

mod battery;
mod conditions;
mod course;
mod device;
mod draw;
mod faults;
mod heat;
mod noise;
#[cfg(test)]
mod tests;

pub use course::Moment;
pub use device::{Device, LoadWork, State, Stop, Weights};
pub use faults::Said;
pub use noise::expected_log_noise;
