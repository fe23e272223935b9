//! A file that exists under its own name only when it is complete: written beside as `.partial`, hashed on
//! the way, flushed to disk, then renamed.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::WeightError;
use crate::identity::{FileHash, hex};

pub(crate) struct WholeFile {
    path: PathBuf,
    partial: PathBuf,
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
}

impl WholeFile {
    pub(crate) fn create(path: &Path) -> Result<Self, WeightError> {
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let file = File::create(&partial).map_err(|e| WeightError::write(&partial, e))?;
        Ok(Self {
            path: path.to_owned(),
            partial,
            file: BufWriter::with_capacity(1 << 20, file),
            hash: Sha256::new(),
            bytes: 0,
        })
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), WeightError> {
        self.file.write_all(bytes).map_err(|e| WeightError::write(&self.partial, e))?;
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Zeros up to a multiple of `alignment`.
    pub(crate) fn pad_to(&mut self, alignment: u64) -> Result<(), WeightError> {
        let missing = self.bytes.next_multiple_of(alignment) - self.bytes;
        self.put(&vec![0; missing as usize])
    }

    pub(crate) fn finish(self) -> Result<FileHash, WeightError> {
        let Self { path, partial, file, hash, bytes } = self;
        let failed = |e| WeightError::write(&partial, e);
        let file = file.into_inner().map_err(|e| failed(e.into_error()))?;
        file.sync_all().map_err(failed)?;
        drop(file);
        std::fs::rename(&partial, &path).map_err(|e| WeightError::write(&path, e))?;
        let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        Ok(FileHash { name, bytes, sha256: hex(&hash.finalize()) })
    }
}

/// Writes a small file whole.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<FileHash, WeightError> {
    let mut file = WholeFile::create(path)?;
    file.put(content)?;
    file.finish()
}
