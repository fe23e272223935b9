//! One JSON object to a line, or one list of them.

use std::io::{BufRead as _, BufReader, Read};

use serde_json::{Map, Value};

use super::{Each, MOST_BYTES, Row};
use crate::error::Wrong;

pub(super) fn read(text: Box<dyn Read>, each: &mut Each<'_>) -> Result<(), Wrong> {
    let mut text = BufReader::new(text);
    let mut row = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = text.by_ref().take(MOST_BYTES).read_until(b'\n', &mut line);
        let length = length.map_err(|error| Wrong::row(row + 1, error.to_string()))?;
        if length == 0 {
            return Ok(());
        }
        if length as u64 == MOST_BYTES {
            return Err(Wrong::row(row + 1, "is longer than any row may be"));
        }
        row += 1;
        let bytes = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line);
        if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let fields: Map<String, Value> = serde_json::from_slice(bytes)
            .map_err(|error| Wrong::row(row, format!("is no JSON object: {error}")))?;
        each(row, Row { fields, blobs: Vec::new() })?;
    }
}

/// One document that is a list of objects.
pub(super) fn read_list(text: Box<dyn Read>, each: &mut Each<'_>) -> Result<(), Wrong> {
    let rows: Vec<Map<String, Value>> = serde_json::from_reader(BufReader::new(text.take(MOST_BYTES)))
        .map_err(|error| Wrong::file(format!("is no list of JSON objects: {error}")))?;
    for (row, fields) in (1..).zip(rows) {
        each(row, Row { fields, blobs: Vec::new() })?;
    }
    Ok(())
}
