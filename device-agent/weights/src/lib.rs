//! Checkpoints of language models: whatever container and number format they come in, handed out under one
//! naming and one convention of values, so that model code never asks where a tensor came from.
//!
//! The naming is that of `names`; the convention is Hugging Face's: zero-centred norms as trained (the model
//! adds one), `A_log` as such (or `-exp(A_log)` by [`Checkpoint::neg_exp_a`]), convolution kernels `[C, 4]`,
//! patch embedding `[hidden, 3 * 2 * 16 * 16]` with channels outermost. One thing is not undone: GGUF orders
//! the value heads of gated delta layers differently, and [`Checkpoint::v_head_order`] says so.
//!
//! The crate owns files, formats, quantizers and synthetic weights. It must not know how a model computes.

mod bytes;
mod checkpoint;
mod containers;
mod entry;
mod error;
mod experts;
mod export;
mod format;
mod formats;
mod identity;
mod linear;
mod matrix;
mod names;
mod placement;
mod product;
pub mod shapes;
mod synthetic;
mod texts;

pub use checkpoint::{Checkpoint, Container, VHeadOrder};
pub use error::WeightError;
pub use experts::Experts;
pub use export::{
    MlxRecipe, Progress, Written, quantize_to_gguf, quantize_to_mlx, write_hugging_face, write_synthetic,
};
pub use format::{Format, Side, UnknownFormat};
pub use identity::FileHash;
pub use linear::{Embedding, Linear};
pub use matrix::Packed;
pub use texts::{GgufVocabulary, Texts, TokenizerSource};
