//! Reading the small text files in which Linux tells about itself. The root is a parameter, so that tests
//! bring trees of their own.

use std::path::{Path, PathBuf};

#[derive(Debug, Clone)]
pub(super) struct Root(PathBuf);

impl Root {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn path(&self, below: &str) -> PathBuf {
        self.0.join(below)
    }

    pub(super) fn text(&self, below: &str) -> Option<String> {
        read(&self.path(below))
    }

    /// Folders below `below`, by name.
    pub(super) fn entries(&self, below: &str) -> Vec<PathBuf> {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(self.path(below))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        entries.sort();
        entries
    }

    /// A file's `Key: value kB` line as bytes.
    pub(super) fn kilobytes(&self, below: &str, key: &str) -> Option<u64> {
        let text = self.text(below)?;
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        let number: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        number.checked_mul(1024)
    }
}

pub(super) fn read(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
