//! Rows out of files in the formats that data sets come in.
//!
//! Owns formats and bounds. Must not know tasks: a row is its columns by name.

mod arrow;
mod cells;
mod columns;
mod flat;
mod jsonl;
mod parquet;
mod separated;

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use dyno_suites::task::DataFormat;
use serde_json::{Map, Value};

use crate::error::Wrong;

/// More rows than any set that is asked of a small model.
const MOST_ROWS: u64 = 2_000_000;
/// One line of text, one table of Arrow, one picture.
pub(crate) const MOST_BYTES: u64 = 256 << 20;
/// All that comes out of a packed file.
const MOST_UNPACKED: u64 = 8 << 30;

/// One row: its columns, and apart from them what is no text or number.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Row {
    pub(crate) fields: Map<String, Value>,
    /// Bytes by the dotted name of their column, in the order in which they stand.
    pub(crate) blobs: Vec<(String, Vec<u8>)>,
}

/// Where the bytes of a file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    Embedded(&'static [u8]),
    File(PathBuf),
}

impl Content {
    pub(crate) fn open(&self) -> Result<Box<dyn Read>, Wrong> {
        Ok(match self {
            Self::Embedded(bytes) => Box::new(*bytes),
            Self::File(path) => Box::new(BufReader::new(File::open(path)?)),
        })
    }
}

/// What to do with each row: its number from one, and the row.
pub(crate) type Each<'a> = dyn FnMut(u64, Row) -> Result<(), Wrong> + 'a;

/// Reads every row; bytes are left out unless they are wanted.
pub(crate) fn read(
    content: &Content,
    name: &Path,
    format: DataFormat,
    blobs: bool,
    each: &mut Each<'_>,
) -> Result<(), Wrong> {
    let mut counted = |row: u64, content: Row| {
        if row > MOST_ROWS {
            return Err(Wrong::file(format!("has more than {MOST_ROWS} rows")));
        }
        each(row, content)
    };
    let packed = name.extension().is_some_and(|extension| extension == "gz");
    match format {
        DataFormat::Parquet => match content {
            Content::File(path) => parquet::read(File::open(path)?, blobs, &mut counted),
            Content::Embedded(_) => Err(Wrong::file("Parquet is read from files only")),
        },
        DataFormat::Arrow => arrow::read(content.open()?, blobs, &mut counted),
        DataFormat::Jsonl => jsonl::read(plain(content, packed)?, &mut counted),
        DataFormat::Json => jsonl::read_list(plain(content, packed)?, &mut counted),
        DataFormat::Csv => separated::read(plain(content, packed)?, b',', &mut counted),
        DataFormat::Tsv => separated::read(plain(content, packed)?, b'\t', &mut counted),
    }
}

fn plain(content: &Content, packed: bool) -> Result<Box<dyn Read>, Wrong> {
    let open = content.open()?;
    Ok(if packed { Box::new(flate2::read::MultiGzDecoder::new(open).take(MOST_UNPACKED)) } else { open })
}
