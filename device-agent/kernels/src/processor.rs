//! What a model computes with: threads, instructions, and how exact the arithmetic is asked to be.

use crate::machine::Machine;
use crate::team::Team;

/// How products are rounded. Sums are always f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// Weights and activations as f32: what the reference computes, up to the order of sums.
    Exact,
    /// Few rows against codes: activations as bytes, off by at most a 254th of the largest of their group. Many
    /// rows: both sides in bf16 where the machine multiplies that, off by at most a 512th of each value. Keys
    /// and values are kept in f16.
    Fast,
}

/// Threads and instructions for one model.
#[derive(Debug)]
pub struct Processor {
    team: Team,
    machine: Machine,
    arithmetic: Arithmetic,
}

impl Processor {
    pub fn new(threads: usize, machine: Machine, arithmetic: Arithmetic) -> Self {
        Self { team: Team::new(threads), machine, arithmetic }
    }

    pub fn team(&self) -> &Team {
        &self.team
    }

    pub fn machine(&self) -> Machine {
        self.machine
    }

    pub fn arithmetic(&self) -> Arithmetic {
        self.arithmetic
    }

    pub(crate) fn is_fast(&self) -> bool {
        self.arithmetic == Arithmetic::Fast
    }
}
