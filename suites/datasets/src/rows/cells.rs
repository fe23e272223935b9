//! Values of a row in the making: JSON, with bytes put aside, and no more of them than a row may hold.

use serde_json::{Map, Value};

use super::Row;

/// Values in one row: more is no question for a model, and a few bytes may stand for any number of nulls.
const MOST_VALUES: usize = 1_000_000;

pub(super) struct Cells {
    blobs: Vec<(String, Vec<u8>)>,
    wanted: bool,
    values: usize,
}

impl Cells {
    pub(super) fn new(blobs_wanted: bool) -> Self {
        Self { blobs: Vec::new(), wanted: blobs_wanted, values: 0 }
    }

    /// Counts one more value of a column.
    pub(super) fn count(&mut self, column: &str) -> Result<(), String> {
        self.values += 1;
        if self.values > MOST_VALUES {
            return Err(format!("column `{column}` holds more than {MOST_VALUES} values in one row"));
        }
        Ok(())
    }

    /// Bytes stand apart under the dotted name of their column.
    pub(super) fn bytes(&mut self, bytes: &[u8], column: &str) -> Value {
        if self.wanted {
            self.blobs.push((column.to_owned(), bytes.to_vec()));
        }
        Value::Null
    }

    pub(super) fn row(self, fields: Map<String, Value>) -> Row {
        Row { fields, blobs: self.blobs }
    }
}

/// The name of a part of a structure.
pub(super) fn part(column: &str, name: &str) -> String {
    format!("{column}.{name}")
}
