//! What the system under the agent can tell: facts, sensors, memory, conditions. One file per system; whatever
//! a system does not tell is unknown, with the reason, and never guessed.

#[cfg(target_vendor = "apple")]
mod apple;
#[cfg(not(target_vendor = "apple"))]
mod linux;
#[cfg(not(target_vendor = "apple"))]
mod proc_files;
#[cfg(not(target_vendor = "apple"))]
mod sensor_files;

use std::sync::Arc;

use dyno_protocol::{Conditions, DeviceKind, Known, Memory, Reading, SensorFacts};

#[cfg(target_vendor = "apple")]
pub use apple::Apple;
#[cfg(not(target_vendor = "apple"))]
pub use linux::Linux;

use crate::simulation::Simulation;

/// The part of the device's facts that the system knows.
#[derive(Debug, Clone, PartialEq)]
pub struct SystemFacts {
    pub device_id: String,
    pub name: String,
    pub kind: DeviceKind,
    pub model_identifier: Known<String>,
    pub marketing_name: Known<String>,
    pub chip: Known<String>,
    pub logical_cores: u32,
    pub memory_bytes: Known<u64>,
    pub os_name: String,
    pub os_version: Known<String>,
    pub os_build: Known<String>,
}

pub trait Platform: Send + Sync + std::fmt::Debug {
    fn facts(&self) -> SystemFacts;

    /// The sensors that are really there, in the order that readings refer to.
    fn sensors(&self) -> &[SensorFacts];

    /// Reads all sensors; one that gives nothing this time is left out.
    fn read_sensors(&self, into: &mut Vec<Reading>);

    fn memory(&self) -> Memory;

    /// Begins new peaks, where the system can.
    fn reset_memory_peaks(&self);

    fn conditions(&self, at_ns: u64) -> Conditions;

    /// What happened to the device since the last call that a reader of the measurement must know.
    fn notices(&self) -> Vec<String> {
        Vec::new()
    }

    /// A system that is only played brings its own clock and engines.
    fn simulation(self: Arc<Self>) -> Option<Arc<Simulation>> {
        None
    }
}

/// The system that this agent was built for.
pub fn here() -> impl Platform {
    #[cfg(target_vendor = "apple")]
    let here = Apple;
    #[cfg(not(target_vendor = "apple"))]
    let here = Linux::at("/".into());
    here
}
