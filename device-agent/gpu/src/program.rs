//! Kernels that a model runs, and the running of them: what is dispatched is counted here and nowhere else.

use crate::error::Result;
use crate::gpu::{Arg, Gpu, Handle};
use crate::kernel::Kernel;

/// A kernel of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step(usize);

/// How often what was dispatched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// By kernel, in the order of [`Program::kernels`].
    pub dispatches: Vec<u64>,
    pub submissions: u64,
}

impl Tally {
    pub fn all(&self) -> u64 {
        self.dispatches.iter().sum()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Program {
    kernels: Vec<Kernel>,
    handles: Vec<Handle>,
    pub(crate) tally: Tally,
}

impl Program {
    /// Names a kernel; the same one twice is one step.
    pub(crate) fn step(&mut self, kernel: Kernel) -> Step {
        let found = self.kernels.iter().position(|known| *known == kernel);
        Step(found.unwrap_or_else(|| {
            self.kernels.push(kernel);
            self.kernels.len() - 1
        }))
    }

    /// Has every kernel made ready; nothing runs before.
    pub(crate) fn ready(&mut self, gpu: &mut impl Gpu) -> Result<()> {
        gpu.prepare(&self.kernels)?;
        self.handles = self.kernels.iter().map(|kernel| gpu.kernel(kernel)).collect::<Result<_>>()?;
        self.tally.dispatches = vec![0; self.kernels.len()];
        Ok(())
    }

    pub(crate) fn kernels(&self) -> &[Kernel] {
        &self.kernels
    }

    pub(crate) fn run(
        &mut self,
        gpu: &mut impl Gpu,
        step: Step,
        args: &[Arg],
        groups: [u32; 3],
        threads: u32,
    ) -> Result<()> {
        self.tally.dispatches[step.0] += 1;
        gpu.dispatch(self.handles[step.0], args, groups, threads)
    }

    pub(crate) fn submit(&mut self, gpu: &mut impl Gpu) -> Result<u64> {
        self.tally.submissions += 1;
        gpu.submit()
    }
}
