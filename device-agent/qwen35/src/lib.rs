//! The Qwen3.5 family: hybrid text trunk, mixture of experts, vision tower and draft head, all shaped by the
//! checkpoint's configuration. On candle's tensors in f32, on any of its devices, which is the reference; and on
//! kernels of our own for processors, in `fast`.
//!
//! The crate owns what the model computes and what that costs. It must not know words, sampling, jobs or
//! clocks. Each block is one small file whose inner function is the readable reference; a faster kernel
//! goes beside it and is tested against it.

mod attend;
mod attention;
mod cache;
pub mod check;
pub mod config;
mod cost;
mod error;
mod fast;
pub mod gdn;
mod layer;
mod mlp;
mod model;
mod moe;
mod mtp;
mod norm;
mod positions;
mod rope;
mod score;
mod speculate;
mod state;
mod trunk;
pub mod vision;

/// What a sibling family computes in the same way, for those that compare with it.
pub mod shared_parts {
    pub use crate::attend::attend;
    pub use crate::cache::KvCache;
    pub use crate::mlp::Mlp;
    pub use crate::positions::{Layout, Run, lay_out};
    pub use crate::rope::{TextRotary, Turns};
}

pub use config::Config;
pub use cost::DecodeCost;
pub use dyno_kernels::{Arithmetic, Machine};
pub use error::{ModelError, Result};
pub use fast::{CpuPath, UnknownPath};
pub use model::{Input, LoadOptions, LoadPhase, Logits, Output, Qwen35, VisionFeatures};
pub use mtp::DraftHead;
pub use positions::TokenGrid;
pub use rope::{Position, TextRotary};
pub use score::Scored;
pub use speculate::{DraftFigures, Speculation, greedy};
pub use state::{State, StateLimits, memory_bytes};
