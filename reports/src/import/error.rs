//! Why a file was not imported: which file, where in it, and what would help.

/// A refusal. Nothing of the file is taken over: half an import would be a silent gap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: {what}; {hint}")]
pub struct ImportError {
    pub file: String,
    /// From one; zero where the file as a whole is meant.
    pub line: u32,
    pub what: String,
    pub hint: String,
}

/// A mistake before the file's name is known to the reader that found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) line: u32,
    pub(super) what: String,
    pub(super) hint: String,
}

impl Mistake {
    pub(super) fn new(line: usize, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { line: u32::try_from(line).unwrap_or(u32::MAX), what: what.into(), hint: hint.into() }
    }

    pub(super) fn in_file(self, file: &str) -> ImportError {
        ImportError { file: file.to_owned(), line: self.line, what: self.what, hint: self.hint }
    }
}
