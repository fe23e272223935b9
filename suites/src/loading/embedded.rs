//! The definitions that are part of the binary: every file of `definitions/` and `claims/`, by one table
//! that the build script writes, so that a new definition file touches no source file.

use super::source::SourceFile;

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

pub(crate) fn embedded_files() -> Vec<SourceFile> {
    DEFINITIONS
        .iter()
        .map(|(name, text)| SourceFile { name: (*name).to_owned(), text: (*text).to_owned(), layer: 0 })
        .collect()
}
