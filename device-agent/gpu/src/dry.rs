//! A GPU that does nothing: it says which kernels a model asks for and how often it dispatches. For plans, for the
//! list of kernels to compile beforehand, and for tests that count.

use crate::error::Result;
use crate::gpu::{Arg, Buffer, Gpu, Handle};
use crate::kernel::Kernel;

/// What was asked for.
#[derive(Debug, Default)]
pub struct Dry {
    pub kernels: Vec<Kernel>,
    /// Bytes of all buffers.
    pub bytes: usize,
    buffers: usize,
    submissions: u64,
}

impl Gpu for Dry {
    fn name(&self) -> String {
        "nothing".to_owned()
    }

    fn kernel(&mut self, kernel: &Kernel) -> Result<Handle> {
        let known = self.kernels.iter().position(|known| known == kernel);
        Ok(Handle(known.unwrap_or_else(|| {
            self.kernels.push(kernel.clone());
            self.kernels.len() - 1
        })))
    }

    fn buffer(&mut self, bytes: usize) -> Result<Buffer> {
        self.buffers += 1;
        self.bytes += bytes;
        Ok(Buffer::new(self.buffers - 1, bytes))
    }

    fn free(&mut self, buffer: Buffer) {
        self.bytes -= buffer.bytes;
    }

    fn write(&mut self, _: Buffer, _: usize, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn read(&mut self, _: Buffer, _: usize, _: &mut [u8]) -> Result<()> {
        Ok(())
    }

    fn read_after(&mut self, _: u64, _: Buffer, _: usize, _: &mut [u8]) -> Result<()> {
        Ok(())
    }

    fn copy(&mut self, _: (Buffer, usize), _: (Buffer, usize), _: usize) -> Result<()> {
        Ok(())
    }

    fn dispatch(&mut self, _: Handle, _: &[Arg], _: [u32; 3], _: u32) -> Result<()> {
        Ok(())
    }

    fn submit(&mut self) -> Result<u64> {
        self.submissions += 1;
        Ok(self.submissions)
    }
}
