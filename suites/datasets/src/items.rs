//! Rows as items: what a task's definition says about columns, applied.

use std::collections::HashMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dyno_suites::task::{AnswerAs, Expected, Item, RowFields};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::rows::Row;

/// An item without its pictures.
pub(crate) fn item(row: &Row, id: String, columns: &RowFields) -> Result<Item, String> {
    let options = options(&row.fields, columns)?;
    let answer = answer(&row.fields, &options, columns)?;
    let chance = matches!(answer, Expected::Option(_)).then(|| 1.0 / options.len() as f64);
    Ok(Item {
        id,
        cluster: columns.cluster.as_deref().map(|name| cluster(row, name)).transpose()?,
        fields: row.fields.clone(),
        images: Vec::new(),
        options,
        answer,
        chance,
    })
}

/// Makes every id stand once: sets repeat names here and there.
#[derive(Default)]
pub(crate) struct Names {
    seen: HashMap<String, u32>,
    rows: u64,
}

impl Names {
    /// The name of the next row.
    pub(crate) fn next(&mut self, row: &Row, columns: &RowFields) -> Result<String, String> {
        let name = match &columns.id {
            Some(name) => text_of(&row.fields, name)?,
            None => self.rows.to_string(),
        };
        self.rows += 1;
        let times = self.seen.entry(name.clone()).or_default();
        *times += 1;
        Ok(if *times > 1 { format!("{name}#{times}") } else { name })
    }
}

/// A column, or a part of one: `choices.text`.
fn value<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a Value, String> {
    let mut parts = name.split('.');
    let first = parts.next().unwrap_or(name);
    let missing = || {
        let known: Vec<_> = fields.keys().map(String::as_str).collect();
        format!("has no column `{name}`; its columns are {}", known.join(", "))
    };
    let mut value = fields.get(first).ok_or_else(missing)?;
    for part in parts {
        value = value.get(part).ok_or_else(missing)?;
    }
    Ok(value)
}

/// A text, a number or a truth value as text.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn text_of(fields: &Map<String, Value>, name: &str) -> Result<String, String> {
    plain(value(fields, name)?).ok_or_else(|| format!("column `{name}` holds no text and no number"))
}

fn texts_of(fields: &Map<String, Value>, name: &str) -> Result<Vec<String>, String> {
    match value(fields, name)? {
        Value::Null => Ok(Vec::new()),
        Value::Array(list) => {
            let texts: Option<Vec<String>> = list.iter().map(plain).collect();
            texts.ok_or_else(|| format!("column `{name}` holds something that is no text in its list"))
        }
        other => plain(other).map(|text| vec![text]).ok_or_else(|| format!("column `{name}` holds no texts")),
    }
}

fn options(fields: &Map<String, Value>, columns: &RowFields) -> Result<Vec<String>, String> {
    let lists: Result<Vec<_>, _> = columns.options.iter().map(|name| texts_of(fields, name)).collect();
    lists.map(|lists| lists.concat())
}

fn answer(fields: &Map<String, Value>, options: &[String], columns: &RowFields) -> Result<Expected, String> {
    let Some(name) = columns.answer.as_deref() else { return Ok(Expected::Checked) };
    let place_among = |texts: &[String]| {
        let right = text_of(fields, name)?;
        let place = texts.iter().position(|text| *text == right);
        place.ok_or_else(|| format!("column `{name}` says `{right}`, which is none of {}", texts.join(", ")))
    };
    let counted = |from: usize| {
        let right = text_of(fields, name)?;
        let place = right.trim().parse::<usize>().ok().and_then(|place| place.checked_sub(from));
        place.ok_or_else(|| format!("column `{name}` says `{right}`, which is no place"))
    };
    let place = match columns.answer_as {
        AnswerAs::Checked => return Ok(Expected::Checked),
        AnswerAs::Text => return text_of(fields, name).map(Expected::text),
        AnswerAs::Texts => return texts_of(fields, name).map(Expected::Texts),
        AnswerAs::Index => counted(0)?,
        AnswerAs::Ordinal => counted(1)?,
        AnswerAs::Letter => {
            let letters: Vec<String> = ('A'..='Z').map(String::from).collect();
            place_among(&letters)?
        }
        AnswerAs::Label => place_among(&texts_of(fields, columns.labels.as_deref().unwrap_or_default())?)?,
        AnswerAs::Option => place_among(options)?,
    };
    if place >= options.len() {
        return Err(format!("option {} is right, and there are {}", place + 1, options.len()));
    }
    Ok(Expected::Option(place as u32))
}

/// A column's value; the hash of a picture, where the column holds one.
fn cluster(row: &Row, name: &str) -> Result<String, String> {
    match pictures_in(row, name).next() {
        Some(bytes) => {
            let hash = Sha256::digest(bytes);
            Ok(hash[..8].iter().map(|byte| format!("{byte:02x}")).collect())
        }
        None => text_of(&row.fields, name),
    }
}

/// Whether rows are to be read with their bytes for the sake of clusters.
pub(crate) fn clusters_by_picture(columns: &RowFields) -> bool {
    columns.cluster.as_ref().is_some_and(|name| columns.images.contains(name))
}

/// The bytes that a column holds, bare or in a structure of bytes and path, or in a list of these.
fn pictures_in<'a>(row: &'a Row, name: &str) -> impl Iterator<Item = &'a [u8]> {
    let inner = format!("{name}.bytes");
    let in_column = move |(at, _): &&(String, Vec<u8>)| *at == inner;
    let bare = name.to_owned();
    row.blobs.iter().filter(move |blob| blob.0 == bare || in_column(blob)).map(|(_, bytes)| bytes.as_slice())
}

/// A picture of a row.
pub(crate) enum Picture {
    Bytes(Vec<u8>),
    /// A path below the data set's folder.
    Beside(String),
}

/// The pictures of a row in the order of its columns.
pub(crate) fn pictures(row: &Row, columns: &RowFields) -> Result<Vec<Picture>, String> {
    let mut found = Vec::new();
    for name in &columns.images {
        let before = found.len();
        found.extend(pictures_in(row, name).map(|bytes| Picture::Bytes(bytes.to_vec())));
        if found.len() == before {
            named(value(&row.fields, name)?, name, &mut found)?;
        }
    }
    Ok(found)
}

/// Pictures that a value names: a path, a structure with a path, bytes in letters, or a list of these.
fn named(value: &Value, name: &str, found: &mut Vec<Picture>) -> Result<(), String> {
    match value {
        Value::Null => {}
        Value::String(text) => {
            match text.strip_prefix("data:image/").and_then(|rest| rest.split_once(";base64,")) {
                Some((_, letters)) => {
                    let bytes = BASE64_STANDARD.decode(letters.trim());
                    let bytes = bytes
                        .map_err(|error| format!("column `{name}` holds no picture in base64: {error}"))?;
                    found.push(Picture::Bytes(bytes));
                }
                None => found.push(Picture::Beside(text.clone())),
            }
        }
        Value::Array(list) => {
            for value in list {
                named(value, name, found)?;
            }
        }
        Value::Object(fields) => named(fields.get("path").unwrap_or(&Value::Null), name, found)?,
        Value::Bool(_) | Value::Number(_) => return Err(format!("column `{name}` names no picture")),
    }
    Ok(())
}
