//! Dyno's device agent: engines, sensors, the job loop, the journal and the server.
//!
//! It knows workloads, not claims: what a number means is decided by the host, from the records alone.

mod agent;
mod bandwidth;
mod clock;
pub mod engine;
mod engines;
mod job_loop;
mod journal;
pub mod overhead;
pub mod platform;
mod regimes;
mod sampler;
mod server;
pub mod simulation;
mod spread;
mod stamps;
mod state_lock;
mod store;

pub use agent::{Agent, AgentOptions, HUNG};
pub use dyno_qwen35::check;
pub use dyno_weights as weights;
pub use server::serve;

/// Runs a checkpoint against reference tensors, on the processor.
pub fn check_on_cpu(
    checkpoint: &weights::Checkpoint,
    reference: &std::path::Path,
) -> Result<check::Report, dyno_qwen35::ModelError> {
    check::check(checkpoint, reference, &candle_core::Device::Cpu)
}
