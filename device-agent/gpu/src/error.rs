//! What can go wrong on the way to a GPU, each with the thing and the next step.

use std::fmt::Display;

use crate::kernel::Kernel;

/// Anything that goes wrong in this crate.
#[derive(Debug, thiserror::Error)]
pub enum GpuError {
    /// This build or machine has no such device.
    #[error("no GPU: {0}")]
    Absent(String),
    /// The compiler's own words.
    #[error("the kernel `{kernel}` does not compile here: {message}")]
    Compile { kernel: String, message: String },
    /// The device or its driver refused.
    #[error("the GPU refused {what}: {message}")]
    Device { what: &'static str, message: String },
    /// A model that the GPU path was not made for.
    #[error("the GPU path cannot run this model: {what}; {next_step}")]
    Model { what: String, next_step: &'static str },
    /// The context is used up.
    #[error("{more} more tokens do not fit after {held} in a context of {context}")]
    ContextFull { held: usize, more: usize, context: usize },
    #[error(transparent)]
    Weights(#[from] dyno_weights::WeightError),
    #[error(transparent)]
    Qwen(#[from] dyno_qwen35::ModelError),
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, GpuError>;

impl GpuError {
    pub fn device(what: &'static str, message: impl Display) -> Self {
        Self::Device { what, message: message.to_string() }
    }

    pub fn compile(kernel: &Kernel, message: impl Display) -> Self {
        Self::Compile { kernel: kernel.symbol(), message: message.to_string() }
    }

    pub(crate) fn model(what: impl Into<String>, next_step: &'static str) -> Self {
        Self::Model { what: what.into(), next_step }
    }
}
