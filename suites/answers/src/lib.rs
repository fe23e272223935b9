//! What published evaluations hold for right: their rules as pure functions, each named after the evaluation whose
//! it is.
//!
//! Owns how an answer is read out of a response and what counts as equal to the right one. Must not know tasks, items,
//! models or files: texts come in, verdicts go out, the same ones every time. Every rule is tested against verdicts
//! that the reference implementation gave.

mod distance;
pub mod ifeval;
pub mod letters;
pub mod math;
pub mod mathvista;
pub mod mmmu_open;
mod packed;
mod python;
pub mod reading;
pub mod relaxed;
