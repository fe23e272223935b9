//! What the forward pass asks of a GPU, and no more: memory, kernels by handle, and an order of dispatches. Every
//! back end gives the same order: a dispatch sees all that was written by those before it.

use crate::error::Result;
use crate::kernel::Kernel;

/// Memory on the device. A handle: whoever made it frees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buffer {
    pub(crate) index: usize,
    pub bytes: usize,
}

impl Buffer {
    /// A back end's own numbering.
    pub fn new(index: usize, bytes: usize) -> Self {
        Self { index, bytes }
    }

    pub fn index(self) -> usize {
        self.index
    }
}

/// A kernel that a back end has ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Handle(pub usize);

/// One argument, in the order of the kernel's own parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arg {
    /// Read only, from this byte on.
    In(Buffer, usize),
    /// Written, or read and written, from this byte on.
    Out(Buffer, usize),
    U32(u32),
    F32(f32),
}

/// A device with one queue.
pub trait Gpu: std::fmt::Debug {
    /// The device's own name and how it is driven.
    fn name(&self) -> String;

    /// Told what will be asked for, a back end may compile it together.
    fn prepare(&mut self, _kernels: &[Kernel]) -> Result<()> {
        Ok(())
    }

    /// Makes a kernel ready; asking again for the same one costs nothing.
    fn kernel(&mut self, kernel: &Kernel) -> Result<Handle>;

    /// Zeroed memory.
    fn buffer(&mut self, bytes: usize) -> Result<Buffer>;

    fn free(&mut self, buffer: Buffer);

    /// After everything dispatched so far.
    fn write(&mut self, to: Buffer, at: usize, bytes: &[u8]) -> Result<()>;

    /// Waits for everything dispatched so far.
    fn read(&mut self, from: Buffer, at: usize, into: &mut [u8]) -> Result<()>;

    /// Waits for this submission and the ones before it, and for none after it.
    fn read_after(&mut self, submission: u64, from: Buffer, at: usize, into: &mut [u8]) -> Result<()>;

    /// From a byte of one buffer to a byte of another, on the device.
    fn copy(&mut self, from: (Buffer, usize), to: (Buffer, usize), bytes: usize) -> Result<()>;

    /// One-dimensional threadgroups of `threads`, a multiple of 32.
    fn dispatch(&mut self, kernel: Handle, args: &[Arg], groups: [u32; 3], threads: u32) -> Result<()>;

    /// Hands over what was dispatched since the last time, and returns at once. The number counts from one.
    fn submit(&mut self) -> Result<u64>;

    /// Time the device itself says it spent on everything submitted so far, where it says so.
    fn busy_ns(&mut self) -> Option<u64> {
        None
    }
}

impl<G: Gpu + ?Sized> Gpu for Box<G> {
    fn name(&self) -> String {
        (**self).name()
    }

    fn prepare(&mut self, kernels: &[Kernel]) -> Result<()> {
        (**self).prepare(kernels)
    }

    fn kernel(&mut self, kernel: &Kernel) -> Result<Handle> {
        (**self).kernel(kernel)
    }

    fn buffer(&mut self, bytes: usize) -> Result<Buffer> {
        (**self).buffer(bytes)
    }

    fn free(&mut self, buffer: Buffer) {
        (**self).free(buffer);
    }

    fn write(&mut self, to: Buffer, at: usize, bytes: &[u8]) -> Result<()> {
        (**self).write(to, at, bytes)
    }

    fn read(&mut self, from: Buffer, at: usize, into: &mut [u8]) -> Result<()> {
        (**self).read(from, at, into)
    }

    fn read_after(&mut self, submission: u64, from: Buffer, at: usize, into: &mut [u8]) -> Result<()> {
        (**self).read_after(submission, from, at, into)
    }

    fn copy(&mut self, from: (Buffer, usize), to: (Buffer, usize), bytes: usize) -> Result<()> {
        (**self).copy(from, to, bytes)
    }

    fn dispatch(&mut self, kernel: Handle, args: &[Arg], groups: [u32; 3], threads: u32) -> Result<()> {
        (**self).dispatch(kernel, args, groups, threads)
    }

    fn submit(&mut self) -> Result<u64> {
        (**self).submit()
    }

    fn busy_ns(&mut self) -> Option<u64> {
        (**self).busy_ns()
    }
}
