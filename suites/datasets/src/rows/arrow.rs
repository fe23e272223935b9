//! Arrow's stream format, which the hub's library keeps its cache in, and the file format around it.
//!
//! Owns messages and schemas; what a table's columns hold is read in `columns`.

use std::io::Read;

use serde_json::Map;

use super::cells::Cells;
use super::columns::{Body, Column, Kind};
use super::flat::Table;
use super::{Each, MOST_BYTES};
use crate::error::Wrong;

const MAGIC: &[u8] = b"ARROW1\0\0";
const GOES_ON: u32 = 0xffff_ffff;
const MOST_MESSAGE: u64 = 64 << 20;
/// A table of a thousand rows with pictures.
const MOST_TABLE: u64 = 8 * MOST_BYTES;

// Kinds of messages.
const SCHEMA: u8 = 1;
const DICTIONARY: u8 = 2;
const TABLE: u8 = 3;

/// Columns within columns; deeper ones are no data set's.
const DEEPEST: usize = 16;

pub(super) fn read(mut file: Box<dyn Read>, blobs: bool, each: &mut Each<'_>) -> Result<(), Wrong> {
    let mut columns: Option<Vec<Column>> = None;
    let mut row = 0;
    let mut first = true;
    loop {
        let damaged = |what: &str| Wrong::row(row + 1, format!("is in a table that cannot be read: {what}"));
        let Some(length) = message_length(&mut file, std::mem::take(&mut first))? else { return Ok(()) };
        let message = take(&mut file, u64::from(length), MOST_MESSAGE)?
            .ok_or_else(|| damaged("its message is cut off"))?;
        let head = Table::root(&message).ok_or_else(|| damaged("its message is none"))?;
        let length = u64::try_from(head.long(3)).map_err(|_| damaged("its length is below zero"))?;
        let body =
            take(&mut file, length, MOST_TABLE)?.ok_or_else(|| damaged("it is cut off or too large"))?;
        let content = head.table(2).ok_or_else(|| damaged("its message is empty"))?;
        match (head.byte(1), &columns) {
            (SCHEMA, None) => columns = Some(schema(&content).map_err(Wrong::File)?),
            (TABLE, Some(columns)) => table(&content, &body, columns, blobs, &mut row, each)?,
            (DICTIONARY, _) => return Err(damaged("it is a dictionary, which no set of the hub has")),
            _ => return Err(damaged("its message comes out of turn")),
        }
    }
}

/// The length of the next message; none at the end. A file is a stream behind a magic word.
fn message_length(file: &mut dyn Read, first: bool) -> Result<Option<u32>, Wrong> {
    let mut word = [0; 4];
    let mut next = |word: &mut [u8; 4]| -> Result<bool, Wrong> {
        let mut filled = 0;
        while filled < 4 {
            match file.read(&mut word[filled..])? {
                0 if filled == 0 => return Ok(false),
                0 => return Err(Wrong::file("ends in the middle of a message")),
                length => filled += length,
            }
        }
        Ok(true)
    };
    if !next(&mut word)? {
        return if first { Err(Wrong::file("is empty")) } else { Ok(None) };
    }
    if first && word == MAGIC[..4] {
        let _ = next(&mut word)? && next(&mut word)?;
    }
    if u32::from_le_bytes(word) == GOES_ON && !next(&mut word)? {
        return Err(Wrong::file("ends in the middle of a message"));
    }
    Ok(Some(u32::from_le_bytes(word)).filter(|length| *length > 0))
}

/// So many bytes; `None` where there are fewer or more than may be.
fn take(file: &mut dyn Read, length: u64, most: u64) -> Result<Option<Vec<u8>>, Wrong> {
    let mut bytes = Vec::new();
    if length > most || (file.take(length).read_to_end(&mut bytes)? as u64) < length {
        return Ok(None);
    }
    Ok(Some(bytes))
}

fn schema(schema: &Table<'_>) -> Result<Vec<Column>, String> {
    if schema.short(0) != 0 {
        return Err("is written with its bytes in the other order".to_owned());
    }
    columns(schema, 1, 0)
}

fn columns(table: &Table<'_>, place: usize, depth: usize) -> Result<Vec<Column>, String> {
    let Some(fields) = table.vector(place) else { return Ok(Vec::new()) };
    if depth > DEEPEST {
        return Err("has columns within columns without end".to_owned());
    }
    let field = |index| fields.table(index).ok_or_else(|| "has a schema that is cut off".to_owned());
    (0..fields.length).map(|index| column(&field(index)?, depth)).collect()
}

fn column(field: &Table<'_>, depth: usize) -> Result<Column, String> {
    let name = field.text(0).unwrap_or_default().to_owned();
    if field.table(4).is_some() {
        return Err(format!("column `{name}` is kept in a dictionary, which no set of the hub has"));
    }
    let of_type = field.table(3);
    let detail = |place: usize| of_type.map_or(0, |table| table.int(place));
    let mut inner = columns(field, 5, depth + 1)?;
    let mut only = || match inner.len() {
        1 => Ok(Box::new(inner.remove(0))),
        count => Err(format!("column `{name}` is a list of {count} things at once")),
    };
    let kind = match field.byte(2) {
        1 => Kind::Null,
        2 => Kind::Whole { bits: detail(0), signed: of_type.is_some_and(|table| table.byte(1) != 0) },
        3 => Kind::Float { precision: of_type.map_or(0, |table| table.short(0)) },
        4 => Kind::Bytes { wide: false },
        5 => Kind::Text { wide: false },
        6 => Kind::Bool,
        12 => Kind::List { wide: false, inner: only()? },
        13 => Kind::Structure(inner),
        16 => Kind::FixedList { size: detail(0), inner: only()? },
        19 => Kind::Bytes { wide: true },
        20 => Kind::Text { wide: true },
        21 => Kind::List { wide: true, inner: only()? },
        other => return Err(format!("column `{name}` is of Arrow's type {other}, which no task reads")),
    };
    Ok(Column { name, kind })
}

fn table(
    content: &Table<'_>,
    body: &[u8],
    columns: &[Column],
    blobs: bool,
    row: &mut u64,
    each: &mut Each<'_>,
) -> Result<(), Wrong> {
    let wrong = |row: u64, what: String| Wrong::Row(row, what);
    let rows = usize::try_from(content.long(0)).unwrap_or_default();
    let mut body = Body::new(content, body).map_err(|what| wrong(*row + 1, what))?;
    let read: Result<Vec<_>, String> = columns.iter().map(|column| body.column(column)).collect();
    let read = read.map_err(|what| wrong(*row + 1, what))?;
    for at in 0..rows {
        *row += 1;
        let mut cells = Cells::new(blobs);
        let mut fields = Map::new();
        for (column, values) in columns.iter().zip(&read) {
            let value = values.value(at, &column.name, &mut cells).map_err(|what| wrong(*row, what))?;
            fields.insert(column.name.clone(), value);
        }
        each(*row, cells.row(fields))?;
    }
    Ok(())
}
