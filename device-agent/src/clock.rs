//! The agent's one clock. Every stamp in every record is on it.
//!
//! It is monotonic and stands still while the device sleeps: a rate is of time in which something could run.
//! A device that is only played has a clock of its own, which moves when it works or rests and at no other time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::simulation::Simulation;

#[derive(Debug, Clone)]
pub(crate) enum Clock {
    Real { zero: Instant },
    Simulated(Arc<Simulation>),
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self::Real { zero: Instant::now() }
    }

    pub(crate) fn now_ns(&self) -> u64 {
        match self {
            Self::Real { zero } => u64::try_from(zero.elapsed().as_nanos()).unwrap_or(u64::MAX),
            Self::Simulated(simulation) => simulation.now_ns(),
        }
    }

    /// Lets this much time go by without work.
    pub(crate) fn rest(&self, ns: u64) {
        match self {
            Self::Real { .. } => std::thread::sleep(Duration::from_nanos(ns)),
            Self::Simulated(simulation) => simulation.rest(ns),
        }
    }

    pub(crate) fn simulation(&self) -> Option<&Arc<Simulation>> {
        match self {
            Self::Real { .. } => None,
            Self::Simulated(simulation) => Some(simulation),
        }
    }
}
