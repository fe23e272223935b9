//! Reads typed, bounded values out of one JSON object; every error carries the full path of its key.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::error::{ModelError, Result};

/// One JSON object and the path that leads to it.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: &'a str,
}

impl<'a> Fields<'a> {
    pub(super) fn of(value: &'a Value, path: &'a str) -> Result<Self> {
        let map = value.as_object().ok_or_else(|| ModelError::config(path, "expected an object"))?;
        Ok(Self { map, path })
    }

    pub(super) fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The value, where JSON `null` means absent.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn wrong<T>(&self, key: &str, problem: impl Into<String>) -> Result<T> {
        Err(ModelError::config(self.key(key), problem))
    }

    pub(super) fn count_or(&self, key: &str, bounds: RangeInclusive<usize>, default: usize) -> Result<usize> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => whole(value, &bounds).map_or_else(|problem| self.wrong(key, problem), Ok),
        }
    }

    pub(super) fn count(&self, key: &str, bounds: RangeInclusive<usize>) -> Result<usize> {
        match self.get(key) {
            None => self.wrong(key, "is missing"),
            Some(value) => whole(value, &bounds).map_or_else(|problem| self.wrong(key, problem), Ok),
        }
    }

    pub(super) fn counts(&self, key: &str, bounds: RangeInclusive<usize>) -> Result<Option<Vec<usize>>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let Some(list) = value.as_array() else { return self.wrong(key, "expected a list of integers") };
        list.iter()
            .map(|value| whole(value, &bounds).or_else(|problem| self.wrong(key, problem)))
            .collect::<Result<_>>()
            .map(Some)
    }

    pub(super) fn number(&self, key: &str, bounds: RangeInclusive<f64>) -> Result<Option<f64>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.as_f64() {
            Some(number) if bounds.contains(&number) => Ok(Some(number)),
            _ => self.wrong(
                key,
                format!("expected a number in {}..={}, found {value}", bounds.start(), bounds.end()),
            ),
        }
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(value) => self.wrong(key, format!("expected true or false, found {value}")),
        }
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(value) => self.wrong(key, format!("expected a string, found {value}")),
        }
    }

    /// Refuses a setting whose other values are not built here, rather than running a different model.
    pub(super) fn only<T: PartialEq + Display>(&self, key: &str, found: Option<T>, built: &T) -> Result<()> {
        match found {
            Some(value) if value != *built => {
                self.wrong(key, format!("`{value}` is not supported by this engine, only `{built}`"))
            }
            _ => Ok(()),
        }
    }
}

fn whole(value: &Value, bounds: &RangeInclusive<usize>) -> std::result::Result<usize, String> {
    value
        .as_u64()
        .and_then(|number| usize::try_from(number).ok())
        .filter(|number| bounds.contains(number))
        .ok_or_else(|| format!("expected an integer in {}..={}, found {value}", bounds.start(), bounds.end()))
}
