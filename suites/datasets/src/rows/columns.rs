//! The columns of one of Arrow's tables: buffers of numbers, offsets and bits, every access checked.

use std::borrow::Cow;
use std::io::Read as _;

use serde_json::{Map, Value};

use super::MOST_BYTES;
use super::cells::{Cells, part};
use super::flat::{Table, Vector};

pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    Null,
    Bool,
    Whole { bits: i32, signed: bool },
    Float { precision: i16 },
    Text { wide: bool },
    Bytes { wide: bool },
    List { wide: bool, inner: Box<Column> },
    FixedList { size: i32, inner: Box<Column> },
    Structure(Vec<Column>),
}

/// A table's bytes and the list of what lies where.
pub(super) struct Body<'a> {
    bytes: &'a [u8],
    nodes: Vector<'a>,
    buffers: Vector<'a>,
    node: usize,
    buffer: usize,
    packed: bool,
}

/// A column that is read.
pub(super) struct Values<'a> {
    length: usize,
    /// A bit for each value that is none of the nulls; empty where there are no nulls.
    valid: Cow<'a, [u8]>,
    content: Content<'a>,
}

enum Content<'a> {
    Null,
    Bool(Cow<'a, [u8]>),
    Whole { width: usize, signed: bool, bytes: Cow<'a, [u8]> },
    Float { width: usize, bytes: Cow<'a, [u8]> },
    Text { offsets: Offsets<'a>, bytes: Cow<'a, [u8]> },
    Bytes { offsets: Offsets<'a>, bytes: Cow<'a, [u8]> },
    List { offsets: Offsets<'a>, inner: Box<Values<'a>> },
    FixedList { size: usize, inner: Box<Values<'a>> },
    Structure(Vec<(String, Values<'a>)>),
}

struct Offsets<'a> {
    bytes: Cow<'a, [u8]>,
    wide: bool,
}

const CUT_OFF: &str = "is in a table that is cut off";

impl<'a> Body<'a> {
    pub(super) fn new(table: &Table<'a>, bytes: &'a [u8]) -> Result<Self, String> {
        let (nodes, buffers) = table.vector(1).zip(table.vector(2)).ok_or(CUT_OFF)?;
        let packing = table.table(3);
        if packing.is_some_and(|packing| packing.byte(0) != 0) {
            return Err(
                "is compressed with zstd, which this build cannot read; write the file anew without it"
                    .into(),
            );
        }
        Ok(Self { bytes, nodes, buffers, node: 0, buffer: 0, packed: packing.is_some() })
    }

    fn next(&mut self) -> Result<Cow<'a, [u8]>, String> {
        let (offset, length) = self.buffers.pair(self.buffer).ok_or(CUT_OFF)?;
        self.buffer += 1;
        let start = usize::try_from(offset).map_err(|_| CUT_OFF)?;
        let end = usize::try_from(length).ok().and_then(|length| start.checked_add(length)).ok_or(CUT_OFF)?;
        let bytes = self.bytes.get(start..end).ok_or(CUT_OFF)?;
        // A packed buffer begins with its length when it is unpacked, or -1 where it is not packed.
        let Some((unpacked, rest)) = bytes.split_first_chunk().filter(|_| self.packed) else {
            return Ok(Cow::Borrowed(bytes));
        };
        if i64::from_le_bytes(*unpacked) == -1 {
            return Ok(Cow::Borrowed(rest));
        }
        let mut out = Vec::new();
        let read = lz4_flex::frame::FrameDecoder::new(rest).take(MOST_BYTES).read_to_end(&mut out);
        read.map_err(|error| format!("cannot be unpacked: {error}"))?;
        Ok(Cow::Owned(out))
    }

    pub(super) fn column(&mut self, column: &Column) -> Result<Values<'a>, String> {
        let (length, nulls) = self.nodes.pair(self.node).ok_or(CUT_OFF)?;
        self.node += 1;
        let length = usize::try_from(length).map_err(|_| CUT_OFF)?;
        let mut valid = Cow::Borrowed(&[][..]);
        if !matches!(column.kind, Kind::Null) {
            let bits = self.next()?;
            if nulls != 0 {
                valid = bits;
            }
        }
        let offsets = |this: &mut Self, wide: bool| this.next().map(|bytes| Offsets { bytes, wide });
        let content = match &column.kind {
            Kind::Null => Content::Null,
            Kind::Bool => Content::Bool(self.next()?),
            Kind::Whole { bits, signed } => {
                Content::Whole { width: (*bits / 8) as usize, signed: *signed, bytes: self.next()? }
            }
            Kind::Float { precision } => Content::Float {
                width: [2, 4, 8].get(*precision as usize).copied().ok_or(CUT_OFF)?,
                bytes: self.next()?,
            },
            Kind::Text { wide } => Content::Text { offsets: offsets(self, *wide)?, bytes: self.next()? },
            Kind::Bytes { wide } => Content::Bytes { offsets: offsets(self, *wide)?, bytes: self.next()? },
            Kind::List { wide, inner } => {
                Content::List { offsets: offsets(self, *wide)?, inner: Box::new(self.column(inner)?) }
            }
            Kind::FixedList { size, inner } => Content::FixedList {
                size: usize::try_from(*size).map_err(|_| CUT_OFF)?,
                inner: Box::new(self.column(inner)?),
            },
            Kind::Structure(parts) => {
                let part = |part: &Column| Ok((part.name.clone(), self.column(part)?));
                Content::Structure(parts.iter().map(part).collect::<Result<_, String>>()?)
            }
        };
        Ok(Values { length, valid, content })
    }
}

fn bit(bits: &[u8], at: usize) -> Option<bool> {
    bits.get(at / 8).map(|byte| byte >> (at % 8) & 1 == 1)
}

/// One of many values of the same width.
fn slot(bytes: &[u8], at: usize, width: usize) -> Option<&[u8]> {
    let start = at.checked_mul(width)?;
    bytes.get(start..start.checked_add(width)?)
}

fn whole(bytes: &[u8], signed: bool) -> Option<Value> {
    Some(match (bytes.len(), signed) {
        (1, true) => i8::from_le_bytes(bytes.try_into().ok()?).into(),
        (2, true) => i16::from_le_bytes(bytes.try_into().ok()?).into(),
        (4, true) => i32::from_le_bytes(bytes.try_into().ok()?).into(),
        (8, true) => i64::from_le_bytes(bytes.try_into().ok()?).into(),
        (1, false) => u8::from_le_bytes(bytes.try_into().ok()?).into(),
        (2, false) => u16::from_le_bytes(bytes.try_into().ok()?).into(),
        (4, false) => u32::from_le_bytes(bytes.try_into().ok()?).into(),
        (8, false) => u64::from_le_bytes(bytes.try_into().ok()?).into(),
        _ => return None,
    })
}

fn float(bytes: &[u8]) -> Option<Value> {
    match bytes.len() {
        4 => Some(f64::from(f32::from_le_bytes(bytes.try_into().ok()?)).into()),
        8 => Some(f64::from_le_bytes(bytes.try_into().ok()?).into()),
        // Halves are for weights; no data set has them.
        _ => None,
    }
}

impl Offsets<'_> {
    /// From where to where the value at a place reaches.
    fn range(&self, at: usize) -> Option<std::ops::Range<usize>> {
        let one = |at: usize| {
            if self.wide {
                usize::try_from(i64::from_le_bytes(slot(&self.bytes, at, 8)?.try_into().ok()?)).ok()
            } else {
                usize::try_from(i32::from_le_bytes(slot(&self.bytes, at, 4)?.try_into().ok()?)).ok()
            }
        };
        let (start, end) = (one(at)?, one(at.checked_add(1)?)?);
        (start <= end).then_some(start..end)
    }
}

impl Values<'_> {
    pub(super) fn value(&self, at: usize, column: &str, cells: &mut Cells) -> Result<Value, String> {
        cells.count(column)?;
        let damaged = || format!("column `{column}` is damaged");
        if at >= self.length {
            return Err(damaged());
        }
        if !self.valid.is_empty() && !bit(&self.valid, at).ok_or_else(damaged)? {
            return Ok(Value::Null);
        }
        Ok(match &self.content {
            Content::Null => Value::Null,
            Content::Bool(bits) => bit(bits, at).ok_or_else(damaged)?.into(),
            Content::Whole { width, signed, bytes } => {
                slot(bytes, at, *width).and_then(|bytes| whole(bytes, *signed)).ok_or_else(damaged)?
            }
            Content::Float { width, bytes } => slot(bytes, at, *width).and_then(float).ok_or_else(damaged)?,
            Content::Text { offsets, bytes } => {
                let text = offsets.range(at).and_then(|range| bytes.get(range));
                std::str::from_utf8(text.ok_or_else(damaged)?).map_err(|_| damaged())?.into()
            }
            Content::Bytes { offsets, bytes } => {
                let bytes = offsets.range(at).and_then(|range| bytes.get(range)).ok_or_else(damaged)?;
                cells.bytes(bytes, column)
            }
            Content::List { offsets, inner } => {
                inner.list(offsets.range(at).ok_or_else(damaged)?, column, cells)?
            }
            Content::FixedList { size, inner } => {
                let start = at.checked_mul(*size).ok_or_else(damaged)?;
                inner.list(start..start.saturating_add(*size), column, cells)?
            }
            Content::Structure(parts) => {
                let mut fields = Map::new();
                for (name, values) in parts {
                    fields.insert(name.clone(), values.value(at, &part(column, name), cells)?);
                }
                Value::Object(fields)
            }
        })
    }

    fn list(&self, range: std::ops::Range<usize>, column: &str, cells: &mut Cells) -> Result<Value, String> {
        range.map(|at| self.value(at, column, cells)).collect()
    }
}
