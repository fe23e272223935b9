//! Mistakes in definition files, each with its place and a hint, all of them at once.

use std::fmt;

/// One mistake, where it is and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    pub file: String,
    /// Counted from one; zero where the file as a whole is meant.
    pub line: u32,
    pub column: u32,
    pub what: String,
    pub hint: Option<String>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}", self.file)?;
        if self.line > 0 {
            write!(to, ":{}:{}", self.line, self.column)?;
        }
        write!(to, ": {}", self.what)?;
        match &self.hint {
            Some(hint) => write!(to, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// Every mistake of all files, in the order of files and lines. Prints one per line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionErrors(Vec<Mistake>);

impl DefinitionErrors {
    /// `None` when there is nothing to report.
    pub(crate) fn of(mut mistakes: Vec<Mistake>) -> Option<Self> {
        mistakes.sort();
        mistakes.dedup();
        (!mistakes.is_empty()).then_some(Self(mistakes))
    }

    pub fn mistakes(&self) -> &[Mistake] {
        &self.0
    }
}

impl fmt::Display for DefinitionErrors {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(to)?;
            }
            write!(to, "{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for DefinitionErrors {}
