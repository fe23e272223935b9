//! NVIDIA's devices through their driver, which is found when the program runs. One stream: a dispatch sees what
//! those before it wrote.

use std::collections::HashMap;
use std::ffi::{CString, c_void};
use std::path::PathBuf;

use cudarc::driver::{result as cu, sys};

use crate::error::{GpuError, Result};
use crate::gpu::{Arg, Buffer, Gpu, Handle};
use crate::kernel::Kernel;

/// Where compiled kernels come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ptx {
    /// Compiled when they are asked for, by a clang of this machine; the folder takes what is written on the way.
    Clang(PathBuf),
    /// `FILE.ptx` for each file of kernels, compiled elsewhere.
    Folder(PathBuf),
}

/// A pair of events around a submission.
#[derive(Debug, Clone, Copy)]
struct Span {
    begin: sys::CUevent,
    end: sys::CUevent,
}

/// One NVIDIA device.
#[derive(Debug)]
pub struct Cuda {
    name: String,
    ptx: Ptx,
    stream: sys::CUstream,
    /// Copies that must not wait for the stream.
    aside: sys::CUstream,
    modules: HashMap<&'static str, sys::CUmodule>,
    functions: Vec<sys::CUfunction>,
    handles: HashMap<Kernel, Handle>,
    buffers: Vec<Option<sys::CUdeviceptr>>,
    open: Option<sys::CUevent>,
    spans: Vec<Span>,
    busy_ns: u64,
    counted: usize,
}

// SAFETY: the driver's handles may be used from any thread; this one is used by one at a time, by `&mut self`.
#[expect(unsafe_code, reason = "raw handles of the driver are not Send by themselves")]
unsafe impl Send for Cuda {}

fn device_error(what: &'static str) -> impl Fn(cudarc::driver::DriverError) -> GpuError {
    move |error| GpuError::device(what, format!("{error:?}"))
}

#[expect(unsafe_code, reason = "the driver is a C library; handles come from it and go back to it")]
impl Cuda {
    /// The first device, or why there is none.
    pub fn open(ptx: Ptx) -> Result<Self> {
        // SAFETY: only looks whether the library can be loaded.
        if !unsafe { sys::is_culib_present() } {
            return Err(GpuError::Absent("NVIDIA's driver is not on this machine".to_owned()));
        }
        cu::init().map_err(|e| GpuError::Absent(format!("NVIDIA's driver does not start: {e:?}")))?;
        if cu::device::get_count().map_err(device_error("counting devices"))? == 0 {
            return Err(GpuError::Absent("NVIDIA's driver knows no device".to_owned()));
        }
        let device = cu::device::get(0).map_err(device_error("a device"))?;
        let name = cu::device::get_name(device).map_err(device_error("its name"))?;
        // SAFETY: the device was given by the driver; its primary context lives as long as the process.
        unsafe {
            let context = cu::primary_ctx::retain(device).map_err(device_error("a context"))?;
            cu::ctx::set_current(context).map_err(device_error("a context"))?;
        }
        let stream =
            || cu::stream::create(cu::stream::StreamKind::NonBlocking).map_err(device_error("a stream"));
        Ok(Self {
            name,
            ptx,
            stream: stream()?,
            aside: stream()?,
            modules: HashMap::new(),
            functions: Vec::new(),
            handles: HashMap::new(),
            buffers: Vec::new(),
            open: None,
            spans: Vec::new(),
            busy_ns: 0,
            counted: 0,
        })
    }

    fn load(&mut self, file: &'static str, kernels: &[Kernel]) -> Result<()> {
        let refused = |message: String| {
            kernels
                .first()
                .map_or(GpuError::Absent(message.clone()), |first| GpuError::compile(first, message))
        };
        let text = match &self.ptx {
            Ptx::Clang(folder) => crate::ptx::compile(folder, file, kernels).map_err(refused)?,
            Ptx::Folder(folder) if !self.modules.contains_key(file) => {
                std::fs::read_to_string(folder.join(format!("{file}.ptx")))
                    .map_err(|e| refused(e.to_string()))?
            }
            Ptx::Folder(_) => String::new(),
        };
        let module = if text.is_empty() {
            self.modules[file]
        } else {
            let text = CString::new(text).map_err(|e| refused(e.to_string()))?;
            // SAFETY: the text ends in a zero byte and is read before the call returns.
            let module = unsafe { cu::module::load_data(text.as_ptr().cast()) };
            module.map_err(|e| refused(format!("{e:?}")))?
        };
        self.modules.insert(file, module);
        for kernel in kernels {
            let symbol = CString::new(kernel.symbol()).map_err(|e| refused(e.to_string()))?;
            // SAFETY: the module was loaded above and is never unloaded.
            let function = unsafe { cu::module::get_function(module, symbol) };
            let function = function.map_err(|e| GpuError::compile(kernel, format!("{e:?}")))?;
            self.handles.insert(kernel.clone(), Handle(self.functions.len()));
            self.functions.push(function);
        }
        Ok(())
    }

    fn at(&self, buffer: Buffer) -> Result<sys::CUdeviceptr> {
        self.buffers[buffer.index()].ok_or_else(|| GpuError::device("a buffer", "it was freed"))
    }

    fn event() -> Result<sys::CUevent> {
        cu::event::create(sys::CUevent_flags::CU_EVENT_DEFAULT).map_err(device_error("an event"))
    }

    fn finish(&mut self) -> Result<()> {
        // SAFETY: the stream is ours.
        unsafe { cu::stream::synchronize(self.stream) }.map_err(device_error("waiting"))
    }
}

#[expect(unsafe_code, reason = "the driver is a C library; handles come from it and go back to it")]
impl Gpu for Cuda {
    fn name(&self) -> String {
        format!("{} through PTX", self.name)
    }

    fn prepare(&mut self, kernels: &[Kernel]) -> Result<()> {
        let mut by_file: HashMap<&'static str, Vec<Kernel>> = HashMap::new();
        for kernel in kernels {
            let of_file = by_file.entry(kernel.file()).or_default();
            if !self.handles.contains_key(kernel) && !of_file.contains(kernel) {
                of_file.push(kernel.clone());
            }
        }
        by_file.retain(|_, kernels| !kernels.is_empty());
        by_file.into_iter().try_for_each(|(file, kernels)| self.load(file, &kernels))
    }

    fn kernel(&mut self, kernel: &Kernel) -> Result<Handle> {
        self.prepare(std::slice::from_ref(kernel))?;
        self.handles.get(kernel).copied().ok_or_else(|| GpuError::compile(kernel, "it is in no file"))
    }

    fn buffer(&mut self, bytes: usize) -> Result<Buffer> {
        // SAFETY: the memory is this buffer's own until it is freed.
        let at = unsafe {
            let at = cu::malloc_sync(bytes.max(16)).map_err(device_error("memory"))?;
            cu::memset_d8_sync(at, 0, bytes.max(16)).map_err(device_error("clearing memory"))?;
            at
        };
        self.buffers.push(Some(at));
        Ok(Buffer::new(self.buffers.len() - 1, bytes))
    }

    fn free(&mut self, buffer: Buffer) {
        if self.finish().is_ok()
            && let Some(at) = self.buffers[buffer.index()].take()
        {
            // SAFETY: nothing runs any more, and the handle is forgotten. A failure leaks, and no more.
            let _ = unsafe { cu::free_sync(at) };
        }
    }

    fn write(&mut self, to: Buffer, at: usize, bytes: &[u8]) -> Result<()> {
        assert!(at + bytes.len() <= to.bytes, "a write stays in its buffer");
        self.finish()?;
        let to = self.at(to)? + at as u64;
        // SAFETY: checked against the buffer's size above.
        unsafe { cu::memcpy_htod_sync(to, bytes) }.map_err(device_error("a write"))
    }

    fn read(&mut self, from: Buffer, at: usize, into: &mut [u8]) -> Result<()> {
        assert!(at + into.len() <= from.bytes, "a read stays in its buffer");
        self.finish()?;
        let from = self.at(from)? + at as u64;
        // SAFETY: checked against the buffer's size above.
        unsafe { cu::memcpy_dtoh_sync(into, from) }.map_err(device_error("a read"))
    }

    fn read_after(&mut self, submission: u64, from: Buffer, at: usize, into: &mut [u8]) -> Result<()> {
        assert!(at + into.len() <= from.bytes, "a read stays in its buffer");
        let from = self.at(from)? + at as u64;
        if let Some(span) = self.spans.get((submission as usize).wrapping_sub(1)) {
            // SAFETY: the event was recorded when the submission was made.
            unsafe { cu::event::synchronize(span.end) }.map_err(device_error("waiting"))?;
        }
        // SAFETY: checked against the buffer's size above; the copy is waited for before the slice goes.
        unsafe {
            cu::memcpy_dtoh_async(into, from, self.aside).map_err(device_error("a read"))?;
            cu::stream::synchronize(self.aside).map_err(device_error("a read"))
        }
    }

    fn copy(&mut self, from: (Buffer, usize), to: (Buffer, usize), bytes: usize) -> Result<()> {
        assert!(from.1 + bytes <= from.0.bytes && to.1 + bytes <= to.0.bytes, "a copy stays in its buffers");
        let (from, to) = (self.at(from.0)? + from.1 as u64, self.at(to.0)? + to.1 as u64);
        // SAFETY: checked against both sizes above; ordered by the stream.
        unsafe { cu::memcpy_dtod_async(to, from, bytes, self.stream) }.map_err(device_error("a copy"))
    }

    fn dispatch(&mut self, kernel: Handle, args: &[Arg], groups: [u32; 3], threads: u32) -> Result<()> {
        const MOST: usize = 16;
        assert!(args.len() <= MOST, "a kernel has at most {MOST} arguments");
        if self.open.is_none() {
            let event = Self::event()?;
            // SAFETY: event and stream are ours.
            unsafe { cu::event::record(event, self.stream) }.map_err(device_error("an event"))?;
            self.open = Some(event);
        }
        // Every argument is at most eight bytes; the driver reads as many as the kernel declares.
        let mut values = [0u64; MOST];
        for (value, arg) in values.iter_mut().zip(args) {
            *value = match arg {
                Arg::In(buffer, at) | Arg::Out(buffer, at) => {
                    assert!(*at <= buffer.bytes, "an argument begins in its buffer");
                    self.at(*buffer)? + *at as u64
                }
                Arg::U32(value) => u64::from(*value),
                Arg::F32(value) => u64::from(value.to_bits()),
            };
        }
        let mut pointers = [std::ptr::null_mut::<c_void>(); MOST];
        for (pointer, value) in pointers.iter_mut().zip(&mut values) {
            *pointer = std::ptr::from_mut(value).cast();
        }
        let grid = (groups[0], groups[1], groups[2]);
        let function = self.functions[kernel.0];
        // SAFETY: the arguments are those that the kernel's text declares, in its order, and are read by the call.
        unsafe {
            cu::launch_kernel(function, grid, (threads, 1, 1), 0, self.stream, &mut pointers[..args.len()])
        }
        .map_err(device_error("a dispatch"))
    }

    fn submit(&mut self) -> Result<u64> {
        let end = Self::event()?;
        let begin = self.open.take().unwrap_or(end);
        // SAFETY: event and stream are ours.
        unsafe { cu::event::record(end, self.stream) }.map_err(device_error("an event"))?;
        self.spans.push(Span { begin, end });
        Ok(self.spans.len() as u64)
    }

    fn busy_ns(&mut self) -> Option<u64> {
        self.finish().ok()?;
        for span in &self.spans[self.counted..] {
            if span.begin != span.end {
                // SAFETY: both events were recorded on our stream, which has come to its end.
                let milliseconds = unsafe { cu::event::elapsed(span.begin, span.end) }.ok()?;
                self.busy_ns += (f64::from(milliseconds) * 1e6) as u64;
            }
        }
        self.counted = self.spans.len();
        Some(self.busy_ns)
    }
}
