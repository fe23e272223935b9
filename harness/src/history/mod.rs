//! The local history: a `SQLite` file of what runs measured, session by session. It holds nothing that bundles do not,
//! except annotations, and may be thrown away and filled again from them.
//!
//! Owns the file and its queries. What a series means is `reports`' affair.

mod read;
mod schema;
#[cfg(test)]
mod tests;
mod write;

use std::path::{Path, PathBuf};

use rusqlite::Connection;

pub(crate) use read::SeriesFilter;
pub(crate) use write::Added;

/// An open history.
#[derive(Debug)]
pub(crate) struct History {
    connection: Connection,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum HistoryError {
    #[error("the history {path} cannot be opened: {source}", path = path.display())]
    Open { path: PathBuf, source: rusqlite::Error },
    #[error("the folder of the history {path} cannot be made: {source}", path = path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    #[error(
        "the history {path} has format {found}, and this version of dyno reads {known}; a newer dyno reads it, or \
         fill another one from the bundles with `dyno history add --history FILE RUN..`",
        path = path.display(), known = schema::FORMAT
    )]
    Newer { path: PathBuf, found: i64 },
    #[error("{path} is not a history of dyno", path = path.display())]
    Foreign { path: PathBuf },
    #[error("the history could not be read or written: {0}")]
    Sql(#[from] rusqlite::Error),
    #[error("the history holds what this version cannot read: {0}")]
    Content(#[from] serde_json::Error),
}

impl History {
    /// Opens it, and makes it where there is none.
    pub(crate) fn open(path: &Path) -> Result<Self, HistoryError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)
                .map_err(|source| HistoryError::Folder { path: path.to_owned(), source })?;
        }
        let open = |source| HistoryError::Open { path: path.to_owned(), source };
        let mut connection = Connection::open(path).map_err(open)?;
        schema::prepare(&mut connection, path)?;
        Ok(Self { connection })
    }

    /// Opens it to read; nothing where there is none.
    pub(crate) fn open_if_there(path: &Path) -> Result<Option<Self>, HistoryError> {
        if path.exists() { Self::open(path).map(Some) } else { Ok(None) }
    }
}
