//! Qwen3.5 on GPUs. The kernels are ours, written in Metal's language; the forward pass stands above one small
//! trait, so that Metal, CUDA and the emulator of the tests run the same dispatches in the same order.
//!
//! The crate owns kernels, back ends, the forward pass on them, and what they cost. It must not know words, jobs
//! or clocks; how a token is chosen it knows only as far as that happens on the device.

mod checked;
#[cfg(feature = "cuda")]
pub mod cuda;
mod dry;
mod error;
mod gpu;
mod kernel;
mod layer;
#[cfg(target_vendor = "apple")]
pub mod metal;
mod model;
mod product;
mod program;
pub mod ptx;
pub mod reference;
pub mod samples;
mod state;
pub mod translate;
mod weights;
mod work;

pub use checked::{Checked, Finding};
pub use dry::Dry;
pub use error::{GpuError, Result};
pub use gpu::{Arg, Buffer, Gpu, Handle};
pub use kernel::{FILES, Kernel, Param, Scalar, knows, metal_source};
pub use model::Model;
pub use program::Tally;
pub use state::State;
