//! Apple's devices through candle's handle on them. Command buffers are our own: one serial encoder each, with the
//! system tracking what is written, so that a dispatch sees all that was written before it. candle's own encoder is
//! concurrent and tracks by hand; mixing the two would race.

use std::collections::{HashMap, VecDeque};
use std::ffi::c_void;
use std::ptr::NonNull;

use candle_core::MetalDevice;
use candle_metal_kernels::metal::{Buffer as MetalBuffer, ComputePipeline};
use objc2::rc::Retained;
use objc2::runtime::ProtocolObject;
use objc2_metal::{
    MTLBlitCommandEncoder as _, MTLCommandBuffer, MTLCommandBufferStatus, MTLCommandEncoder as _,
    MTLCommandQueue, MTLComputeCommandEncoder, MTLDevice as _, MTLResourceOptions, MTLSize,
};

use crate::error::{GpuError, Result};
use crate::gpu::{Arg, Buffer, Gpu, Handle};
use crate::kernel::{Kernel, metal_source};

type CommandBuffer = Retained<ProtocolObject<dyn MTLCommandBuffer>>;
type Encoder = Retained<ProtocolObject<dyn MTLComputeCommandEncoder>>;

/// One of Apple's GPUs.
#[derive(Debug)]
pub struct Metal {
    device: MetalDevice,
    queue: Retained<ProtocolObject<dyn MTLCommandQueue>>,
    open: Option<(CommandBuffer, Encoder)>,
    /// Handed over and not known to be done, oldest first.
    running: VecDeque<(u64, CommandBuffer)>,
    submissions: u64,
    busy_ns: u64,
    pipelines: Vec<ComputePipeline>,
    handles: HashMap<Kernel, Handle>,
    buffers: Vec<Option<MetalBuffer>>,
}

// SAFETY: Metal's objects may be used from any thread; these are used by one at a time, by `&mut self`.
#[expect(unsafe_code, reason = "Objective-C objects are not Send by themselves")]
unsafe impl Send for Metal {}

impl Metal {
    /// The system's first device.
    pub fn open() -> Result<Self> {
        let device = candle_core::Device::new_metal(0).map_err(|e| GpuError::Absent(e.to_string()))?;
        let candle_core::Device::Metal(device) = device else {
            return Err(GpuError::Absent("candle gave another kind of device".to_owned()));
        };
        let queue = device.device().new_command_queue().map_err(|e| GpuError::device("a queue", e))?;
        Ok(Self {
            device,
            queue,
            open: None,
            running: VecDeque::new(),
            submissions: 0,
            busy_ns: 0,
            pipelines: Vec::new(),
            handles: HashMap::new(),
            buffers: Vec::new(),
        })
    }

    fn load(&mut self, file: &str, kernels: &[Kernel]) -> Result<()> {
        let Some(first) = kernels.first() else { return Ok(()) };
        let device = self.device.device();
        let library = device
            .new_library_with_source(&metal_source(file, kernels), None)
            .map_err(|e| GpuError::compile(first, e))?;
        for kernel in kernels {
            let function =
                library.get_function(&kernel.symbol(), None).map_err(|e| GpuError::compile(kernel, e))?;
            let pipeline = device
                .new_compute_pipeline_state_with_function(&function)
                .map_err(|e| GpuError::compile(kernel, e))?;
            self.handles.insert(kernel.clone(), Handle(self.pipelines.len()));
            self.pipelines.push(pipeline);
        }
        Ok(())
    }

    fn at(&self, buffer: Buffer) -> Result<&MetalBuffer> {
        self.buffers[buffer.index()].as_ref().ok_or_else(|| GpuError::device("a buffer", "it was freed"))
    }

    fn encoder(&mut self) -> Result<&Encoder> {
        if self.open.is_none() {
            let refused = || GpuError::device("a command buffer", "the queue gave none");
            let commands = self.queue.commandBuffer().ok_or_else(refused)?;
            let encoder = commands.computeCommandEncoder().ok_or_else(refused)?;
            self.open = Some((commands, encoder));
        }
        let open = self.open.as_ref().map(|(_, encoder)| encoder);
        open.ok_or_else(|| GpuError::device("an encoder", "there is none"))
    }

    /// Waits for everything up to this submission.
    fn wait(&mut self, submission: u64) -> Result<()> {
        while self.running.front().is_some_and(|(number, _)| *number <= submission) {
            let Some((_, commands)) = self.running.pop_front() else { break };
            commands.waitUntilCompleted();
            if commands.status() == MTLCommandBufferStatus::Error {
                let why = commands.error().map(|error| error.localizedDescription().to_string());
                return Err(GpuError::device("a command buffer", why.unwrap_or_default()));
            }
            self.busy_ns += ((commands.GPUEndTime() - commands.GPUStartTime()).max(0.0) * 1e9) as u64;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        if self.open.is_some() {
            self.submit()?;
        }
        self.wait(self.submissions)
    }
}

fn sizes(groups: [u32; 3]) -> MTLSize {
    let [width, height, depth] = groups.map(|size| size as usize);
    MTLSize { width, height, depth }
}

#[expect(unsafe_code, reason = "Metal is a C interface: buffers are memory, arguments are addresses")]
impl Gpu for Metal {
    fn name(&self) -> String {
        format!("Metal, {}", self.device.device().architecture_name())
    }

    fn prepare(&mut self, kernels: &[Kernel]) -> Result<()> {
        let mut by_file: HashMap<&'static str, Vec<Kernel>> = HashMap::new();
        for kernel in kernels {
            let of_file = by_file.entry(kernel.file()).or_default();
            if !self.handles.contains_key(kernel) && !of_file.contains(kernel) {
                of_file.push(kernel.clone());
            }
        }
        by_file.into_iter().try_for_each(|(file, kernels)| self.load(file, &kernels))
    }

    fn kernel(&mut self, kernel: &Kernel) -> Result<Handle> {
        self.prepare(std::slice::from_ref(kernel))?;
        self.handles.get(kernel).copied().ok_or_else(|| GpuError::compile(kernel, "it is in no file"))
    }

    fn buffer(&mut self, bytes: usize) -> Result<Buffer> {
        // New memory of Metal's is zero.
        let made = self.device.device().new_buffer(bytes.max(16), MTLResourceOptions::StorageModeShared);
        self.buffers.push(Some(made.map_err(|e| GpuError::device("memory", e))?));
        Ok(Buffer::new(self.buffers.len() - 1, bytes))
    }

    fn free(&mut self, buffer: Buffer) {
        // Command buffers hold on to what they use until they are done.
        self.buffers[buffer.index()] = None;
    }

    fn write(&mut self, to: Buffer, at: usize, bytes: &[u8]) -> Result<()> {
        assert!(at + bytes.len() <= to.bytes, "a write stays in its buffer");
        self.finish()?;
        let memory = self.at(to)?.contents();
        // SAFETY: checked against the buffer's size above; nothing runs on the device.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), memory.add(at), bytes.len()) };
        Ok(())
    }

    fn read(&mut self, from: Buffer, at: usize, into: &mut [u8]) -> Result<()> {
        self.finish()?;
        self.read_after(self.submissions, from, at, into)
    }

    fn read_after(&mut self, submission: u64, from: Buffer, at: usize, into: &mut [u8]) -> Result<()> {
        assert!(at + into.len() <= from.bytes, "a read stays in its buffer");
        self.wait(submission)?;
        let memory = self.at(from)?.contents();
        // SAFETY: checked against the buffer's size above; who wrote these bytes is done.
        unsafe { std::ptr::copy_nonoverlapping(memory.add(at), into.as_mut_ptr(), into.len()) };
        Ok(())
    }

    fn copy(&mut self, from: (Buffer, usize), to: (Buffer, usize), bytes: usize) -> Result<()> {
        assert!(from.1 + bytes <= from.0.bytes && to.1 + bytes <= to.0.bytes, "a copy stays in its buffers");
        if self.open.is_some() {
            self.submit()?;
        }
        let refused = || GpuError::device("a copy", "the queue gave no command buffer");
        let commands = self.queue.commandBuffer().ok_or_else(refused)?;
        let encoder = commands.blitCommandEncoder().ok_or_else(refused)?;
        let (source, target) = (self.at(from.0)?, self.at(to.0)?);
        // SAFETY: checked against both sizes above.
        unsafe {
            encoder.copyFromBuffer_sourceOffset_toBuffer_destinationOffset_size(
                source.as_ref(),
                from.1,
                target.as_ref(),
                to.1,
                bytes,
            );
        }
        encoder.endEncoding();
        commands.commit();
        self.submissions += 1;
        self.running.push_back((self.submissions, commands));
        Ok(())
    }

    fn dispatch(&mut self, kernel: Handle, args: &[Arg], groups: [u32; 3], threads: u32) -> Result<()> {
        let pipeline = self.pipelines[kernel.0].clone();
        let most = pipeline.max_total_threads_per_threadgroup();
        if threads as usize > most {
            let what = format!("a kernel of {threads} threads; it allows {most}");
            return Err(GpuError::device("a dispatch", what));
        }
        self.encoder()?.setComputePipelineState(pipeline.as_ref());
        for (index, arg) in args.iter().enumerate() {
            match arg {
                Arg::In(buffer, at) | Arg::Out(buffer, at) => {
                    let memory = self.at(*buffer)?.clone();
                    // SAFETY: the index is the kernel's own, the offset lies in the buffer.
                    unsafe { self.encoder()?.setBuffer_offset_atIndex(Some(memory.as_ref()), *at, index) };
                }
                Arg::U32(value) => set_bytes(self.encoder()?, index, value),
                Arg::F32(value) => set_bytes(self.encoder()?, index, value),
            }
        }
        let threads = sizes([threads, 1, 1]);
        self.encoder()?.dispatchThreadgroups_threadsPerThreadgroup(sizes(groups), threads);
        Ok(())
    }

    fn submit(&mut self) -> Result<u64> {
        if let Some((commands, encoder)) = self.open.take() {
            encoder.endEncoding();
            commands.commit();
            self.submissions += 1;
            self.running.push_back((self.submissions, commands));
        }
        Ok(self.submissions)
    }

    fn busy_ns(&mut self) -> Option<u64> {
        self.finish().ok()?;
        Some(self.busy_ns)
    }
}

#[expect(unsafe_code, reason = "Metal reads the bytes from an address")]
fn set_bytes<T: Copy>(encoder: &Encoder, index: usize, value: &T) {
    let at = NonNull::from(value).cast::<c_void>();
    // SAFETY: the bytes are copied by the call; the index is the kernel's own.
    unsafe { encoder.setBytes_length_atIndex(at, size_of::<T>(), index) };
}
