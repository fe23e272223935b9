//! Reading a checkpoint's text files. They come from strangers, so their size is bounded.

use std::path::Path;

use serde_json::Value;

use crate::TextError;

/// The largest vocabularies in use are about 35 MB.
const LIMIT_BYTES: u64 = 256 << 20;

/// `None` where there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, TextError> {
    let failed = |source| TextError::Read { path: path.to_owned(), source };
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error)),
        Ok(meta) if meta.len() > LIMIT_BYTES => {
            Err(TextError::TooLarge { path: path.to_owned(), bytes: meta.len(), limit: LIMIT_BYTES })
        }
        Ok(_) => std::fs::read(path).map(Some).map_err(failed),
    }
}

pub(crate) fn read_json(path: &Path) -> Result<Option<Value>, TextError> {
    let Some(bytes) = read(path)? else { return Ok(None) };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| TextError::Malformed { what: path.display().to_string(), why: error.to_string() })
}
