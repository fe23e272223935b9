//! The agent's one clock. Every stamp in every record is on it.
//!
//! It is monotonic and stands still while the device sleeps: a rate is of time in which something could run.

use std::time::Instant;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    zero: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { zero: Instant::now() }
    }

    pub(crate) fn now_ns(&self) -> u64 {
        u64::try_from(self.zero.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
