//! Tables for other programs: CSV and JSON, one value in one column, the unit last in the column's name.
//!
//! Owns the shape of what leaves Dyno; `reports/schema` publishes it. Must not round anything: rounding is
//! the page's.

mod answers;
mod tables;
mod write;

pub use tables::tables;
pub use write::{ExportError, csv, json};

/// Raised whenever a column changes its name or its meaning.
pub const EXPORT_FORMAT: u32 = 1;

#[derive(Debug, Clone, PartialEq)]
pub struct ExportTable {
    /// The file's name without its ending.
    pub name: &'static str,
    pub columns: Vec<String>,
    /// As long as the columns, every one of them.
    pub rows: Vec<Vec<Field>>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    Text(String),
    Whole(u64),
    Number(f64),
    /// Unknown or not measured: an empty cell, a null. Never a zero.
    Nothing,
}

impl From<&str> for Field {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Field {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Field {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u32> for Field {
    fn from(count: u32) -> Self {
        Self::Whole(u64::from(count))
    }
}

impl From<u64> for Field {
    fn from(count: u64) -> Self {
        Self::Whole(count)
    }
}

impl From<f64> for Field {
    fn from(value: f64) -> Self {
        if value.is_finite() { Self::Number(value) } else { Self::Nothing }
    }
}

impl<T: Into<Field>> From<Option<T>> for Field {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}
