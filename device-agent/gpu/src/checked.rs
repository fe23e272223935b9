//! First use on a device: each kernel is compiled and held against its reference on small inputs. One that does not
//! compile or is wrong runs as its reference from then on, on the processor, and says why. Slow, and right.

use std::collections::HashMap;

use crate::error::Result;
use crate::gpu::{Arg, Buffer, Gpu, Handle};
use crate::kernel::Kernel;
use crate::reference::{self, Value};
use crate::samples::{Shape, sample};

/// Compilers of devices may trade the last digits for speed; what is worse than this is a mistake.
const FAST_MATH: f64 = 2e-5;

/// What became of a kernel.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// As close as this to its reference.
    Right(f64),
    /// The compiler's words, or how far off it was.
    Refused(String),
}

/// A device that is believed only as far as it was tested.
#[derive(Debug)]
pub struct Checked<G> {
    gpu: G,
    findings: Vec<(Kernel, Finding)>,
    handles: HashMap<Kernel, Handle>,
    /// By our own handles: the device's, or none where the reference runs.
    inner: Vec<(Kernel, Option<Handle>)>,
}

impl<G: Gpu> Checked<G> {
    pub fn new(gpu: G) -> Self {
        Self { gpu, findings: Vec::new(), handles: HashMap::new(), inner: Vec::new() }
    }

    /// Every kernel that was asked for, in that order.
    pub fn findings(&self) -> &[(Kernel, Finding)] {
        &self.findings
    }

    pub fn gpu(&mut self) -> &mut G {
        &mut self.gpu
    }

    fn test(&mut self, kernel: &Kernel) -> (Finding, Option<Handle>) {
        let handle = match self.gpu.kernel(kernel) {
            Ok(handle) => handle,
            Err(error) => return (Finding::Refused(error.to_string()), None),
        };
        let Some(sample) = sample(kernel, Shape::SMALL, 1) else {
            return (Finding::Refused("no test was written for it".to_owned()), None);
        };
        match sample.found(&mut self.gpu, handle) {
            Err(error) => (Finding::Refused(error.to_string()), None),
            Ok(found) => {
                let off = sample.difference(&found, &sample.expected());
                let bound = sample.bound().max(FAST_MATH);
                if off <= bound {
                    return (Finding::Right(off), Some(handle));
                }
                let what = format!("its results were off by {off:.1e}, and {bound:.1e} is allowed");
                (Finding::Refused(what), None)
            }
        }
    }

    fn run_reference(&mut self, kernel: &Kernel, args: &[Arg], groups: [u32; 3]) -> Result<()> {
        let mut values = Vec::with_capacity(args.len());
        for arg in args {
            values.push(match arg {
                Arg::U32(value) => Value::U32(*value),
                Arg::F32(value) => Value::F32(*value),
                Arg::In(buffer, at) | Arg::Out(buffer, at) => {
                    let mut bytes = vec![0; buffer.bytes - at];
                    self.gpu.read(*buffer, *at, &mut bytes)?;
                    Value::Bytes(bytes)
                }
            });
        }
        reference::run(kernel, &mut values, groups);
        for (arg, value) in args.iter().zip(&values) {
            if let (Arg::Out(buffer, at), Value::Bytes(bytes)) = (arg, value) {
                self.gpu.write(*buffer, *at, bytes)?;
            }
        }
        Ok(())
    }
}

impl<G: Gpu> Gpu for Checked<G> {
    fn name(&self) -> String {
        self.gpu.name()
    }

    fn prepare(&mut self, kernels: &[Kernel]) -> Result<()> {
        // Where one of them fails, each is asked for alone, and the one that fails is found.
        let _ = self.gpu.prepare(kernels);
        Ok(())
    }

    fn kernel(&mut self, kernel: &Kernel) -> Result<Handle> {
        if let Some(known) = self.handles.get(kernel) {
            return Ok(*known);
        }
        let (finding, inner) = self.test(kernel);
        self.findings.push((kernel.clone(), finding));
        let handle = Handle(self.inner.len());
        self.inner.push((kernel.clone(), inner));
        self.handles.insert(kernel.clone(), handle);
        Ok(handle)
    }

    fn buffer(&mut self, bytes: usize) -> Result<Buffer> {
        self.gpu.buffer(bytes)
    }

    fn free(&mut self, buffer: Buffer) {
        self.gpu.free(buffer);
    }

    fn write(&mut self, to: Buffer, at: usize, bytes: &[u8]) -> Result<()> {
        self.gpu.write(to, at, bytes)
    }

    fn read(&mut self, from: Buffer, at: usize, into: &mut [u8]) -> Result<()> {
        self.gpu.read(from, at, into)
    }

    fn read_after(&mut self, submission: u64, from: Buffer, at: usize, into: &mut [u8]) -> Result<()> {
        self.gpu.read_after(submission, from, at, into)
    }

    fn copy(&mut self, from: (Buffer, usize), to: (Buffer, usize), bytes: usize) -> Result<()> {
        self.gpu.copy(from, to, bytes)
    }

    fn dispatch(&mut self, kernel: Handle, args: &[Arg], groups: [u32; 3], threads: u32) -> Result<()> {
        if let Some(inner) = self.inner[kernel.0].1 {
            return self.gpu.dispatch(inner, args, groups, threads);
        }
        let kernel = self.inner[kernel.0].0.clone();
        self.run_reference(&kernel, args, groups)
    }

    fn submit(&mut self) -> Result<u64> {
        self.gpu.submit()
    }

    fn busy_ns(&mut self) -> Option<u64> {
        self.gpu.busy_ns()
    }
}
