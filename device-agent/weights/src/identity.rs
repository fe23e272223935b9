//! What a checkpoint is, by content: SHA-256 over its files.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::WeightError;

/// One file of a checkpoint and the hash of its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileHash {
    /// File name without folders.
    pub name: String,
    pub bytes: u64,
    /// Lower-case hexadecimal.
    pub sha256: String,
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads through ordinary calls and not through the mapping, so that a file cut short is an error.
pub(crate) fn hash_file(path: &Path) -> Result<FileHash, WeightError> {
    let failed = |e| WeightError::read(path, e);
    let mut file = File::open(path).map_err(failed)?;
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0u64, vec![0u8; 1 << 20]);
    loop {
        let got = file.read(&mut buffer).map_err(failed)?;
        if got == 0 {
            break;
        }
        hash.update(&buffer[..got]);
        bytes += got as u64;
    }
    let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    Ok(FileHash { name, bytes, sha256: hex(&hash.finalize()) })
}

pub(crate) fn hash_files(files: &[PathBuf]) -> Result<Vec<FileHash>, WeightError> {
    let mut hashes = files.par_iter().map(|path| hash_file(path)).collect::<Result<Vec<_>, _>>()?;
    hashes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(hashes)
}

/// The listing that `sha256sum --check` reads.
pub(crate) fn listing(files: &[FileHash]) -> String {
    files.iter().fold(String::new(), |mut text, file| {
        let _ = writeln!(text, "{}  {}", file.sha256, file.name);
        text
    })
}

/// The hash of the listing, so that anyone can check it with standard tools.
pub(crate) fn of_files(files: &[FileHash]) -> String {
    of_text(&listing(files))
}

pub(crate) fn of_text(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}
