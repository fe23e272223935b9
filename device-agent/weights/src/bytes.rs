//! Byte ranges of mapped files or of memory, shared and never copied on load.
//! Knows nothing of formats; a range is checked once, when it is cut.

use std::fs::File;
use std::ops::{Deref, Range};
use std::path::Path;
use std::sync::Arc;

use memmap2::Mmap;

use crate::WeightError;

#[derive(Clone, Debug)]
pub(crate) struct Bytes {
    owner: Owner,
    range: Range<usize>,
}

#[derive(Clone, Debug)]
enum Owner {
    Mapped(Arc<Mmap>),
    Heap(Arc<Vec<u8>>),
}

impl Bytes {
    /// Maps a whole file read-only.
    #[expect(unsafe_code, reason = "mapping a file is unsafe because another process may change it")]
    pub(crate) fn map(path: &Path) -> Result<Self, WeightError> {
        let file = File::open(path).map_err(|e| WeightError::read(path, e))?;
        let meta = file.metadata().map_err(|e| WeightError::read(path, e))?;
        if !meta.is_file() {
            return Err(WeightError::unsupported(path, "not a regular file"));
        }
        if meta.len() == 0 {
            return Ok(Self::from(Vec::new()));
        }
        // SAFETY: the mapping is private to this process and only ever read as plain bytes, for which every
        // bit pattern is valid. Weight files are written under a temporary name and renamed, so nobody who
        // follows that rule truncates a mapped file; one who does not ends this process with a bus error,
        // which is a crash and never a wrong number.
        let map = unsafe { Mmap::map(&file) }.map_err(|e| WeightError::read(path, e))?;
        let range = 0..map.len();
        Ok(Self { owner: Owner::Mapped(Arc::new(map)), range })
    }

    /// The bytes at `range` of this one, or nothing when it reaches past the end.
    pub(crate) fn slice(&self, range: Range<usize>) -> Option<Self> {
        let start = self.range.start.checked_add(range.start)?;
        let end = self.range.start.checked_add(range.end)?;
        (start <= end && end <= self.range.end).then(|| Self { owner: self.owner.clone(), range: start..end })
    }

    /// Says that these bytes will not be read soon, so that pages of a mapped file are given back. Reading them
    /// later brings them in again.
    pub(crate) fn let_go(&self) {
        #[cfg(unix)]
        if let Owner::Mapped(map) = &self.owner {
            let advice = memmap2::UncheckedAdvice::DontNeed;
            #[expect(
                unsafe_code,
                reason = "for a mapping that is written, this advice would lose what was written"
            )]
            // SAFETY: the mapping is of a file and is never written, so its pages come back as they were.
            let _ = unsafe { map.unchecked_advise_range(advice, self.range.start, self.range.len()) };
        }
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        let range = 0..bytes.len();
        Self { owner: Owner::Heap(Arc::new(bytes)), range }
    }
}

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        let all: &[u8] = match &self.owner {
            Owner::Mapped(map) => map,
            Owner::Heap(bytes) => bytes,
        };
        &all[self.range.clone()]
    }
}
