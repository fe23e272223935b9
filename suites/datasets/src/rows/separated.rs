//! Tables with a separator: CSV and TSV. Every value is a text; the first line names the columns.

use std::io::Read;

use serde_json::{Map, Value};

use super::{Each, MOST_BYTES, Row};
use crate::error::Wrong;

pub(super) fn read(text: Box<dyn Read>, separator: u8, each: &mut Each<'_>) -> Result<(), Wrong> {
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).from_reader(text);
    let names = reader.headers().map_err(|error| Wrong::row(1, error.to_string()))?.clone();
    for (at, record) in reader.records().enumerate() {
        // The first line is the head.
        let row = at as u64 + 2;
        let record = record.map_err(|error| Wrong::row(row, error.to_string()))?;
        if record.as_slice().len() as u64 > MOST_BYTES {
            return Err(Wrong::row(row, "is longer than any row may be"));
        }
        let fields: Map<String, Value> = names
            .iter()
            .zip(&record)
            .map(|(name, value)| (name.trim_start_matches('\u{feff}').to_owned(), Value::from(value)))
            .collect();
        each(row, Row { fields, blobs: Vec::new() })?;
    }
    Ok(())
}
