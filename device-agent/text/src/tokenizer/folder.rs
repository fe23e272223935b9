//! The tokenizer of a checkpoint folder, and what the files beside it say about begin and end.

use std::path::Path;

use serde_json::Value;

use super::Tokenizer;
use crate::TextError;
use crate::checkpoint_file::{read, read_json};

pub(super) fn load(folder: &Path) -> Result<Tokenizer, TextError> {
    let path = folder.join("tokenizer.json");
    let bytes = read(&path)?.ok_or_else(|| TextError::Read {
        path: path.clone(),
        source: std::io::Error::from(std::io::ErrorKind::NotFound),
    })?;
    let tokenizer = Tokenizer::from_json(&bytes)?;
    let mut ends = Vec::new();
    for file in ["generation_config.json", "config.json"] {
        if let Some(config) = read_json(&folder.join(file))? {
            ends.extend(ids_in(&config["eos_token_id"]));
            ends.extend(ids_in(&config["text_config"]["eos_token_id"]));
        }
    }
    let config = read_json(&folder.join("tokenizer_config.json"))?.unwrap_or(Value::Null);
    ends.extend(token_name(&config["eos_token"]).and_then(|name| tokenizer.token_id(name)));
    let begin = begin_of(&tokenizer)?;
    Ok(tokenizer.with_ends(ends).with_begin(begin))
}

/// What the tokenizer's own post-processor puts before an empty text.
fn begin_of(tokenizer: &Tokenizer) -> Result<Option<u32>, TextError> {
    let empty =
        tokenizer.inner.encode_fast("", true).map_err(|error| TextError::Encode(error.to_string()))?;
    Ok(empty.get_ids().first().copied())
}

/// An id, or a list of ids.
fn ids_in(value: &Value) -> Vec<u32> {
    let one = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    match value {
        Value::Array(ids) => ids.iter().filter_map(one).collect(),
        other => one(other).into_iter().collect(),
    }
}

/// Special tokens are written as a string or as an object with their settings.
pub(crate) fn token_name(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value["content"].as_str())
}
