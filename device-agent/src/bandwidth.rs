//! How fast this machine reads memory with every core: the ceiling that decode rates are shown against.
//!
//! Every thread sums its own part of a buffer that is larger than the caches; bytes are counted once as read.

use std::sync::Arc;

use dyno_protocol::{Failure, FailureKind};

use crate::clock::Clock;
use crate::simulation::Simulation;

/// Larger than any cache of the machines this runs on, small enough for the smallest of them.
const BUFFER_BYTES: u64 = 256 << 20;

pub(crate) enum Reader {
    Real(Buffer),
    Simulated(Arc<Simulation>),
}

pub(crate) struct Buffer {
    words: Vec<u64>,
    threads: usize,
}

impl Reader {
    pub(crate) fn new(clock: &Clock) -> Result<Self, Failure> {
        match clock.simulation() {
            Some(simulation) => Ok(Self::Simulated(Arc::clone(simulation))),
            None => Buffer::new().map(Self::Real),
        }
    }

    pub(crate) fn threads(&self) -> u32 {
        match self {
            Self::Real(buffer) => buffer.threads as u32,
            Self::Simulated(simulation) => simulation.look(|device| device.profile().cores),
        }
    }

    /// Reads whole buffers until at least `bytes` are read, and says how many were.
    pub(crate) fn read(&self, bytes: u64) -> Result<u64, Failure> {
        let rounds = bytes.div_ceil(BUFFER_BYTES).max(1);
        match self {
            Self::Real(buffer) => buffer.read(rounds),
            Self::Simulated(simulation) => simulation.read_memory(rounds * BUFFER_BYTES)?,
        }
        Ok(rounds * BUFFER_BYTES)
    }
}

impl Buffer {
    /// Takes the buffer and touches all of it, so that reading it later meets real pages.
    fn new() -> Result<Self, Failure> {
        let count = (BUFFER_BYTES / 8) as usize;
        let mut words = Vec::new();
        words.try_reserve_exact(count).map_err(|_| {
            Failure::new(FailureKind::Memory, format!("no {BUFFER_BYTES} bytes are free to read back"))
        })?;
        words.extend((0..count as u64).map(|word| word.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        Ok(Self { words, threads })
    }

    fn read(&self, rounds: u64) {
        let part = self.words.len().div_ceil(self.threads);
        let sum = std::thread::scope(|scope| {
            let parts: Vec<_> = self
                .words
                .chunks(part)
                .map(|part| scope.spawn(move || (0..rounds).fold(0, |sum, round| add(part, sum ^ round))))
                .collect();
            parts.into_iter().filter_map(|part| part.join().ok()).fold(0, u64::wrapping_add)
        });
        std::hint::black_box(sum);
    }
}

/// Wide enough sums that the processor waits for memory and not for its adders.
fn add(part: &[u64], start: u64) -> u64 {
    let mut sums = [start; 16];
    let (chunks, rest) = part.as_chunks::<16>();
    for chunk in chunks {
        for (sum, word) in sums.iter_mut().zip(chunk) {
            *sum = sum.wrapping_add(*word);
        }
    }
    sums.iter().chain(rest).fold(0, |sum, word| sum.wrapping_add(*word))
}

#[cfg(test)]
mod tests {
    use super::add;

    #[test]
    fn every_word_is_read() {
        let words: Vec<u64> = (0..1003).collect();
        assert_eq!(add(&words, 0), words.iter().sum::<u64>());
    }
}
