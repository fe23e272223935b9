//! A strict reader of GGUF headers, versions 2 and 3. Every count is held against the bytes that are left
//! before anything is kept, arrays stay where they are in the file, and tensors may neither overlap nor reach
//! past the end.

use std::collections::BTreeMap;
use std::path::Path;

use super::metadata::{Kind, Metadata, Value};
use crate::WeightError;
use crate::bytes::Bytes;
use crate::format::{Format, Side};

const MAX_DIMENSIONS: u32 = 4;
const MAX_NAME_BYTES: u64 = 65_535;
const MAX_ALIGNMENT: u64 = 1 << 20;

/// A tensor as the file has it, outermost dimension first.
#[derive(Debug)]
pub(crate) struct RawTensor {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    /// The format and its bytes, or the number of a type that this build does not know.
    pub(crate) data: Result<(Format, Bytes), u32>,
}

#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) metadata: Metadata,
    pub(crate) tensors: Vec<RawTensor>,
}

/// Where the reader stands. Every read is checked; the text of an error says what was being read.
struct Cursor<'a> {
    all: &'a Bytes,
    at: usize,
}

impl Cursor<'_> {
    fn left(&self) -> u64 {
        (self.all.len() - self.at) as u64
    }

    fn take(&mut self, bytes: u64, what: &str) -> Result<Bytes, String> {
        let end = usize::try_from(bytes).ok().and_then(|n| self.at.checked_add(n));
        let found = end.and_then(|end| Some((end, self.all.slice(self.at..end)?)));
        let (end, slice) = found.ok_or_else(|| format!("ends inside {what}"))?;
        self.at = end;
        Ok(slice)
    }

    fn u32(&mut self, what: &str) -> Result<u32, String> {
        let bytes = self.take(4, what)?;
        Ok(bytes.first_chunk().map_or(0, |b| u32::from_le_bytes(*b)))
    }

    fn u64(&mut self, what: &str) -> Result<u64, String> {
        let bytes = self.take(8, what)?;
        Ok(bytes.first_chunk().map_or(0, |b| u64::from_le_bytes(*b)))
    }

    fn name(&mut self, what: &str) -> Result<String, String> {
        let length = self.u64(what)?;
        if length > MAX_NAME_BYTES {
            return Err(format!("has {what} of {length} bytes"));
        }
        let bytes = self.take(length, what)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| format!("has {what} that is not UTF-8"))
    }

    fn value(&mut self, key: &str) -> Result<Value, String> {
        let kind = self.kind(key)?;
        match kind {
            Kind::Array => {
                let element = self.kind(key)?;
                let count = self.u64(key)?;
                self.array(key, element, count)
            }
            Kind::String => {
                let length = self.u64(key)?;
                Ok(Value::scalar(kind, self.take(length, key)?))
            }
            _ => Ok(Value::scalar(kind, self.take(kind.bytes(), key)?)),
        }
    }

    fn kind(&mut self, key: &str) -> Result<Kind, String> {
        let number = self.u32(key)?;
        Kind::of(number).ok_or_else(|| format!("has key `{key}` of unknown type {number}"))
    }

    fn array(&mut self, key: &str, element: Kind, count: u64) -> Result<Value, String> {
        let start = self.at;
        match element {
            Kind::Array => return Err(format!("has nested arrays under `{key}`")),
            Kind::String => {
                // Each needs a length of eight bytes, so a lying count ends here and not in a long loop.
                if count > self.left() / 8 {
                    return Err(format!("claims {count} strings under `{key}`"));
                }
                for _ in 0..count {
                    let length = self.u64(key)?;
                    self.take(length, key)?;
                }
            }
            _ => {
                let bytes = count.checked_mul(element.bytes());
                self.take(bytes.ok_or_else(|| format!("claims {count} values under `{key}`"))?, key)?;
            }
        }
        let bytes = self.all.slice(start..self.at).ok_or_else(|| format!("ends inside `{key}`"))?;
        Ok(Value::array(element, count, bytes))
    }
}

/// Reads and checks a whole header.
pub(crate) fn read(path: &Path, all: &Bytes) -> Result<Header, WeightError> {
    parse(all).map_err(|what| WeightError::damaged(path, what))
}

fn parse(all: &Bytes) -> Result<Header, String> {
    let mut cursor = Cursor { all, at: 0 };
    if *cursor.take(4, "the magic number")? != *b"GGUF" {
        return Err("does not begin with `GGUF`".to_owned());
    }
    let version = cursor.u32("the version")?;
    if !(2..=3).contains(&version) {
        return Err(format!("has version {version}; 2 and 3 are known, little-endian"));
    }
    let tensor_count = cursor.u64("the number of tensors")?;
    let key_count = cursor.u64("the number of keys")?;
    // The least a key or tensor takes: its fixed-size fields.
    if key_count > cursor.left() / 13 || tensor_count > cursor.left() / 32 {
        return Err(format!("claims {key_count} keys and {tensor_count} tensors, more than its size allows"));
    }
    let mut values = BTreeMap::new();
    for _ in 0..key_count {
        let key = cursor.name("the name of a key")?;
        let value = cursor.value(&key)?;
        if values.insert(key.clone(), value).is_some() {
            return Err(format!("has key `{key}` twice"));
        }
    }
    let metadata = Metadata::new(values);
    let alignment = metadata.number("general.alignment").unwrap_or(32);
    if !alignment.is_power_of_two() || alignment > MAX_ALIGNMENT {
        return Err(format!("has alignment {alignment}"));
    }
    let mut tensors = Vec::new();
    for _ in 0..tensor_count {
        tensors.push(tensor_info(&mut cursor)?);
    }
    let data = (cursor.at as u64).checked_next_multiple_of(alignment).ok_or("has an impossible header")?;
    place(all, data, alignment, tensors).map(|tensors| Header { metadata, tensors })
}

struct Info {
    name: String,
    shape: Vec<usize>,
    number: u32,
    offset: u64,
}

fn tensor_info(cursor: &mut Cursor<'_>) -> Result<Info, String> {
    let name = cursor.name("the name of a tensor")?;
    let dimensions = cursor.u32(&name)?;
    if dimensions > MAX_DIMENSIONS {
        return Err(format!("has tensor `{name}` of {dimensions} dimensions"));
    }
    let mut shape = Vec::new();
    for _ in 0..dimensions {
        let size = cursor.u64(&name)?;
        shape.push(usize::try_from(size).map_err(|_| format!("has tensor `{name}` of size {size}"))?);
    }
    // The file has the contiguous dimension first.
    shape.reverse();
    if shape.contains(&0) {
        return Err(format!("has tensor `{name}` of the empty shape {shape:?}"));
    }
    Ok(Info { name, shape, number: cursor.u32("a tensor's type")?, offset: cursor.u64("a tensor's offset")? })
}

fn place(all: &Bytes, data: u64, alignment: u64, mut infos: Vec<Info>) -> Result<Vec<RawTensor>, String> {
    infos.sort_by_key(|info| info.offset);
    let (mut free, mut tensors) = (0u64, Vec::new());
    for Info { name, shape, number, offset } in infos {
        let wrong = |what: String| format!("has tensor `{name}` that {what}");
        if !offset.is_multiple_of(alignment) {
            return Err(wrong(format!("begins at byte {offset}, off the alignment of {alignment}")));
        }
        if offset < free {
            return Err(wrong(format!("begins at byte {offset}, inside the one before it")));
        }
        let elements = shape.iter().try_fold(1usize, |all, d| all.checked_mul(*d));
        let elements = elements.ok_or_else(|| wrong(format!("has the impossible shape {shape:?}")))?;
        let content = match format(number) {
            None => {
                free = offset.checked_add(1).ok_or_else(|| wrong("is outside the file".to_owned()))?;
                Err(number)
            }
            Some(format) => {
                let cols = shape.last().copied().unwrap_or(1);
                let row = format.row_bytes(cols, Side::Bf16).map(|row| row.codes);
                let bytes = row.and_then(|row| row.checked_mul(elements / cols));
                let bytes = bytes.ok_or_else(|| wrong(format!("of shape {shape:?} cannot be {format}")))?;
                let start = data.checked_add(offset).and_then(|s| usize::try_from(s).ok());
                let range = start.and_then(|start| Some((start, start.checked_add(bytes)?)));
                let slice = range.and_then(|(start, end)| all.slice(start..end));
                let slice = slice
                    .ok_or_else(|| wrong("ends past the end of the file, which is cut short".to_owned()))?;
                free = offset + bytes as u64;
                Ok((format, slice))
            }
        };
        tensors.push(RawTensor { name, shape, data: content });
    }
    Ok(tensors)
}

/// The numbers of tensor types.
const TYPES: [(u32, Format); 13] = [
    (0, Format::F32),
    (1, Format::F16),
    (2, Format::Q4_0),
    (3, Format::Q4_1),
    (6, Format::Q5_0),
    (7, Format::Q5_1),
    (8, Format::Q8_0),
    (10, Format::Q2K),
    (11, Format::Q3K),
    (12, Format::Q4K),
    (13, Format::Q5K),
    (14, Format::Q6K),
    (30, Format::Bf16),
];

fn format(number: u32) -> Option<Format> {
    TYPES.iter().find(|(n, _)| *n == number).map(|(_, format)| *format)
}

/// The number under which a format is written, if GGUF has it.
pub(crate) fn type_number(format: Format) -> Option<u32> {
    TYPES.iter().find(|(_, f)| *f == format).map(|(n, _)| *n)
}
