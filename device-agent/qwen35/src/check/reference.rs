//! A file of recorded tensors.

use std::path::{Path, PathBuf};

use candle_core::safetensors::BufferedSafetensors;
use candle_core::{DType, Device, Tensor};

use super::Part;
use crate::error::{ModelError, Result};

pub(super) struct Reference {
    path: PathBuf,
    tensors: BufferedSafetensors,
}

impl Reference {
    /// The file of `part` at `place`, a folder or that file itself.
    pub(super) fn find(place: &Path, part: Part) -> Option<PathBuf> {
        let file = if place.is_dir() {
            place.join(part.file_name())
        } else if place.file_name().is_some_and(|name| name == part.file_name()) {
            place.to_owned()
        } else {
            return None;
        };
        file.is_file().then_some(file)
    }

    pub(super) fn open(path: &Path) -> Result<Self> {
        let unreadable = |problem: String| {
            ModelError::refused(
                format!("{} cannot be read ({problem})", path.display()),
                "record it again with scripts/oracle/make_tiny.py",
            )
        };
        let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
        let tensors = BufferedSafetensors::new(bytes).map_err(|error| unreadable(error.to_string()))?;
        Ok(Self { path: path.to_owned(), tensors })
    }

    /// The tensor as recorded, on the CPU.
    pub(super) fn tensor(&self, name: &str) -> Result<Tensor> {
        self.tensors.load(name, &Device::Cpu).map_err(|error| {
            ModelError::refused(
                format!("{} has no usable `{name}` ({error})", self.path.display()),
                "record it again with scripts/oracle/make_tiny.py",
            )
        })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.tensors.get(name).is_ok()
    }

    /// Names that start with `prefix`, without it.
    pub(super) fn names_after(&self, prefix: &str) -> Vec<String> {
        let mut names: Vec<String> = self
            .tensors
            .tensors()
            .into_iter()
            .filter_map(|(name, _)| Some(name.strip_prefix(prefix)?.to_owned()))
            .collect();
        names.sort();
        names
    }

    pub(super) fn counts(&self, name: &str) -> Result<Vec<i64>> {
        Ok(self.tensor(name)?.to_dtype(DType::I64)?.flatten_all()?.to_vec1()?)
    }

    pub(super) fn ids(&self, name: &str) -> Result<Vec<u32>> {
        let counts = self.counts(name)?;
        counts
            .into_iter()
            .map(|id| {
                u32::try_from(id).map_err(|_| {
                    ModelError::refused(
                        format!("`{name}` in {} holds {id}", self.path.display()),
                        "token ids are not negative",
                    )
                })
            })
            .collect()
    }
}

/// All values as f32 on the host.
pub(super) fn flat(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
}
