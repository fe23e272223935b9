//! GGUF files.

use std::path::{Path, PathBuf};

use crate::WeightError;
use crate::checkpoint::Checkpoint;

pub(crate) fn open(path: &Path, _projector: Option<&Path>) -> Result<Checkpoint, WeightError> {
    Err(WeightError::unsupported(path, "GGUF is being written"))
}

pub(crate) fn projector_beside(_path: &Path) -> Option<PathBuf> {
    None
}
