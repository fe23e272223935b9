//! What can be wrong with a data set, with the file, the row and the next step in it.

use std::io;

#[derive(Debug, thiserror::Error)]
pub enum DataError {
    #[error("the data of task `{task}` is not here: {how}")]
    Absent { task: String, how: String },
    #[error("{file}: {error}")]
    Unreadable { file: String, error: io::Error },
    #[error("{file} has sha256 {found}, and task `{task}` is about {expected}; fetch the pinned revision")]
    OtherFile { task: String, file: String, expected: String, found: String },
    #[error("{file}, row {row}: {what}")]
    Row { file: String, row: u64, what: String },
    #[error("{file}: {what}")]
    File { file: String, what: String },
}

/// What is wrong, before it is known where: readers know rows, not the file's name.
#[derive(Debug)]
pub(crate) enum Wrong {
    Io(io::Error),
    Row(u64, String),
    File(String),
}

impl Wrong {
    pub(crate) fn file(what: impl Into<String>) -> Self {
        Self::File(what.into())
    }

    pub(crate) fn row(row: u64, what: impl Into<String>) -> Self {
        Self::Row(row, what.into())
    }

    pub(crate) fn of(self, file: &str) -> DataError {
        let file = file.to_owned();
        match self {
            Self::Io(error) => DataError::Unreadable { file, error },
            Self::Row(row, what) => DataError::Row { file, row, what },
            Self::File(what) => DataError::File { file, what },
        }
    }
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
