//! What can be wrong with a checkpoint, always naming the file and, where there is one, the tensor.

use std::path::{Path, PathBuf};

/// Why a checkpoint, or a tensor of it, could not be handed out.
#[derive(Debug, thiserror::Error)]
pub enum WeightError {
    #[error("cannot read {}: {source}; check the path and its permissions", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot write {}: {source}; check space and permissions", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{} is damaged: {what}; fetch or convert it again", path.display())]
    Damaged { path: PathBuf, what: String },
    #[error("{} holds something this build cannot read: {what}", path.display())]
    Unsupported { path: PathBuf, what: String },
    #[error("tensor `{tensor}` in {} {what}", path.display())]
    Tensor { path: PathBuf, tensor: String, what: String },
    #[error("{} has no tensor `{tensor}`; the checkpoint is incomplete or of another family", path.display())]
    Missing { path: PathBuf, tensor: String },
    #[error("the model configuration in {} {what}", path.display())]
    Config { path: PathBuf, what: String },
    #[error("the quantization request is wrong: {0}")]
    Recipe(String),
    #[error("tensor arithmetic failed: {0}")]
    Arithmetic(#[from] candle_core::Error),
}

impl WeightError {
    pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into() }
    }

    pub(crate) fn unsupported(path: &Path, what: impl Into<String>) -> Self {
        Self::Unsupported { path: path.to_owned(), what: what.into() }
    }

    pub(crate) fn tensor(path: &Path, tensor: &str, what: impl Into<String>) -> Self {
        Self::Tensor { path: path.to_owned(), tensor: tensor.to_owned(), what: what.into() }
    }

    pub(crate) fn config(path: &Path, what: impl Into<String>) -> Self {
        Self::Config { path: path.to_owned(), what: what.into() }
    }

    pub(crate) fn read(path: &Path, source: std::io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    pub(crate) fn write(path: &Path, source: std::io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }
}
