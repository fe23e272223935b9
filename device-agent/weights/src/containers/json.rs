//! Bounded reading of small JSON and text files.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use crate::WeightError;

/// A tokenizer of a quarter of a million entries takes about 20 MB; nothing honest comes near this.
const MAX_TEXT_BYTES: u64 = 256 << 20;

/// The text of a file, or nothing when there is no such file.
pub(crate) fn text(path: &Path) -> Result<Option<String>, WeightError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(WeightError::read(path, e)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_TEXT_BYTES + 1).read_to_end(&mut bytes).map_err(|e| WeightError::read(path, e))?;
    if bytes.len() as u64 > MAX_TEXT_BYTES {
        return Err(WeightError::damaged(path, format!("larger than {MAX_TEXT_BYTES} bytes")));
    }
    String::from_utf8(bytes).map(Some).map_err(|e| WeightError::damaged(path, format!("not UTF-8: {e}")))
}

/// The JSON value in a file, or nothing when there is no such file.
pub(crate) fn value(path: &Path) -> Result<Option<Value>, WeightError> {
    let Some(text) = text(path)? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|e| WeightError::damaged(path, format!("not JSON: {e}")))
}
