//! Where event lines go: a file that only grows. A seam, so that tests can be a disk that fills up.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// A place for whole lines. `sync` returns when everything written is on the disk.
pub trait EventSink: Write + Send {
    fn sync(&mut self) -> io::Result<()>;
}

impl EventSink for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

pub(super) fn open_for_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}
