//! The emulator as a GPU: memory is plain memory, kernels are functions of shared objects, and the order in which
//! lanes run follows a seed. For tests; it knows the kernels' texts and the trait, and nothing of models.

mod compile;
mod memory;

use std::collections::HashMap;
use std::ffi::c_void;
use std::path::PathBuf;

use dyno_gpu::{Arg, Buffer, Gpu, GpuError, Handle, Kernel, Result};
use libloading::Library;

pub use compile::{Mode, Sources, sanitizer_runtime, strict};
use memory::Memory;

/// `run_SYMBOL(arguments, groups, threads, seed)`.
type Entry = unsafe extern "C" fn(*mut *mut c_void, *const u32, *const u32, u32);

/// A GPU that is a processor.
#[derive(Debug)]
pub struct Emulator {
    sources: Sources,
    mode: Mode,
    /// Zero runs lanes and threadgroups in order.
    pub seed: u32,
    /// Dispatches so far.
    pub dispatches: u64,
    libraries: Vec<Library>,
    entries: Vec<(Kernel, Entry)>,
    handles: HashMap<Kernel, Handle>,
    buffers: Vec<Option<Memory>>,
    submissions: u64,
}

impl Emulator {
    /// Compiled objects are kept below `cache` by the hash of what they were made from.
    pub fn new(cache: impl Into<PathBuf>, mode: Mode) -> Self {
        Self::of(Sources::new(cache.into()), mode)
    }

    pub fn of(sources: Sources, mode: Mode) -> Self {
        Self {
            sources,
            mode,
            seed: 0,
            dispatches: 0,
            libraries: Vec::new(),
            entries: Vec::new(),
            handles: HashMap::new(),
            buffers: Vec::new(),
            submissions: 0,
        }
    }

    fn memory(&mut self, buffer: Buffer) -> &mut [u8] {
        self.buffers[buffer.index()].as_mut().expect("the buffer was freed").bytes_mut()
    }

    #[expect(unsafe_code, reason = "shared objects are loaded and their functions found by name")]
    fn load(&mut self, file: &str, kernels: &[Kernel]) -> Result<()> {
        let path = self.sources.object(self.mode, file, kernels).map_err(|message| {
            kernels
                .first()
                .map_or(GpuError::Absent(message.clone()), |first| GpuError::compile(first, message))
        })?;
        // SAFETY: the object was compiled from our own kernels and runs nothing when it is loaded.
        let library = unsafe { Library::new(&path) }.map_err(|e| GpuError::device("loading", e))?;
        for kernel in kernels {
            let symbol = format!("run_{}", kernel.symbol());
            // SAFETY: the entry was written by the translator with exactly this signature.
            let entry = unsafe { library.get::<Entry>(symbol.as_bytes()) };
            let entry = *entry.map_err(|e| GpuError::compile(kernel, e))?;
            self.handles.insert(kernel.clone(), Handle(self.entries.len()));
            self.entries.push((kernel.clone(), entry));
        }
        self.libraries.push(library);
        Ok(())
    }
}

impl Gpu for Emulator {
    fn name(&self) -> String {
        "emulated on the processor".to_owned()
    }

    fn prepare(&mut self, kernels: &[Kernel]) -> Result<()> {
        let mut by_file: HashMap<&str, Vec<Kernel>> = HashMap::new();
        for kernel in kernels {
            let of_file = by_file.entry(kernel.file()).or_default();
            if !self.handles.contains_key(kernel) && !of_file.contains(kernel) {
                of_file.push(kernel.clone());
            }
        }
        let mut files: Vec<_> = by_file.into_iter().filter(|(_, kernels)| !kernels.is_empty()).collect();
        files.sort_by_key(|(file, _)| *file);
        for (file, mut kernels) in files {
            kernels.sort_by_key(Kernel::symbol);
            self.load(file, &kernels)?;
        }
        Ok(())
    }

    fn kernel(&mut self, kernel: &Kernel) -> Result<Handle> {
        self.prepare(std::slice::from_ref(kernel))?;
        self.handles.get(kernel).copied().ok_or_else(|| GpuError::compile(kernel, "it is in no file"))
    }

    fn buffer(&mut self, bytes: usize) -> Result<Buffer> {
        self.buffers.push(Some(Memory::new(bytes)));
        Ok(Buffer::new(self.buffers.len() - 1, bytes))
    }

    fn free(&mut self, buffer: Buffer) {
        self.buffers[buffer.index()] = None;
    }

    fn write(&mut self, to: Buffer, at: usize, bytes: &[u8]) -> Result<()> {
        self.memory(to)[at..at + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn read(&mut self, from: Buffer, at: usize, into: &mut [u8]) -> Result<()> {
        into.copy_from_slice(&self.memory(from)[at..at + into.len()]);
        Ok(())
    }

    fn read_after(&mut self, _: u64, from: Buffer, at: usize, into: &mut [u8]) -> Result<()> {
        self.read(from, at, into)
    }

    fn copy(&mut self, from: (Buffer, usize), to: (Buffer, usize), bytes: usize) -> Result<()> {
        let taken = self.memory(from.0)[from.1..from.1 + bytes].to_vec();
        self.write(to.0, to.1, &taken)
    }

    #[expect(unsafe_code, reason = "the kernel is a function of a shared object")]
    fn dispatch(&mut self, kernel: Handle, args: &[Arg], groups: [u32; 3], threads: u32) -> Result<()> {
        assert!(threads.is_multiple_of(32), "a threadgroup is made of whole simdgroups");
        let mut scalars: Vec<u32> = Vec::with_capacity(args.len());
        for arg in args {
            scalars.push(match arg {
                Arg::U32(value) => *value,
                Arg::F32(value) => value.to_bits(),
                Arg::In(..) | Arg::Out(..) => 0,
            });
        }
        let mut pointers: Vec<*mut c_void> = Vec::with_capacity(args.len());
        for (arg, scalar) in args.iter().zip(&mut scalars) {
            pointers.push(match arg {
                Arg::In(buffer, at) | Arg::Out(buffer, at) => {
                    assert!(*at <= buffer.bytes, "an argument begins past its buffer");
                    self.memory(*buffer)[*at..].as_mut_ptr().cast()
                }
                Arg::U32(_) | Arg::F32(_) => std::ptr::from_mut(scalar).cast(),
            });
        }
        let size = [threads, 1, 1];
        let entry = self.entries[kernel.0].1;
        // SAFETY: the entry has this signature; the pointers are to live memory for the length of the call, and a
        // kernel that leaves it is what the sanitizer is for.
        unsafe { entry(pointers.as_mut_ptr(), groups.as_ptr(), size.as_ptr(), self.seed) };
        self.dispatches += 1;
        Ok(())
    }

    fn submit(&mut self) -> Result<u64> {
        self.submissions += 1;
        Ok(self.submissions)
    }
}
