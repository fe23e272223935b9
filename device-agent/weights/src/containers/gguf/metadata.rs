//! The key-value part of a GGUF header. Values stay in the file and are decoded when asked for, because a
//! vocabulary has a quarter of a million strings and a hostile file may claim more.

use std::collections::BTreeMap;

use crate::bytes::Bytes;

/// The types of values, with the numbers that the format gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    String,
    Array,
    U64,
    I64,
    F64,
}

impl Kind {
    const ALL: [Self; 13] = [
        Self::U8,
        Self::I8,
        Self::U16,
        Self::I16,
        Self::U32,
        Self::I32,
        Self::F32,
        Self::Bool,
        Self::String,
        Self::Array,
        Self::U64,
        Self::I64,
        Self::F64,
    ];

    pub(crate) fn of(number: u32) -> Option<Self> {
        Self::ALL.get(number as usize).copied()
    }

    pub(crate) fn number(self) -> u32 {
        self as u32
    }

    /// Size of one value; strings and arrays have none of their own.
    pub(crate) fn bytes(self) -> u64 {
        match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
            Self::String | Self::Array => 0,
        }
    }
}

/// One value, still as bytes.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    kind: Kind,
    /// The number of elements of an array.
    count: Option<u64>,
    bytes: Bytes,
}

impl Value {
    pub(crate) fn scalar(kind: Kind, bytes: Bytes) -> Self {
        Self { kind, count: None, bytes }
    }

    pub(crate) fn array(element: Kind, count: u64, bytes: Bytes) -> Self {
        Self { kind: element, count: Some(count), bytes }
    }

    /// Element `index` (a scalar has one) as an integer, floats excluded.
    fn integer(&self, index: usize) -> Option<i128> {
        let size = usize::try_from(self.kind.bytes()).ok()?;
        let bytes = self.bytes.get(index.checked_mul(size)?..index.checked_add(1)?.checked_mul(size)?)?;
        Some(match self.kind {
            Kind::U8 | Kind::Bool => i128::from(*bytes.first()?),
            Kind::I8 => i128::from(*bytes.first()? as i8),
            Kind::U16 => i128::from(u16::from_le_bytes(bytes.try_into().ok()?)),
            Kind::I16 => i128::from(i16::from_le_bytes(bytes.try_into().ok()?)),
            Kind::U32 => i128::from(u32::from_le_bytes(bytes.try_into().ok()?)),
            Kind::I32 => i128::from(i32::from_le_bytes(bytes.try_into().ok()?)),
            Kind::U64 => i128::from(u64::from_le_bytes(bytes.try_into().ok()?)),
            Kind::I64 => i128::from(i64::from_le_bytes(bytes.try_into().ok()?)),
            Kind::F32 | Kind::F64 | Kind::String | Kind::Array => return None,
        })
    }

    /// Element `index` as a float that prints as short as the number that was meant.
    fn float(&self, index: usize) -> Option<f64> {
        match self.kind {
            Kind::F32 => {
                let bytes = self.bytes.get(index.checked_mul(4)?..)?.first_chunk()?;
                let value = f32::from_le_bytes(*bytes);
                // 1e-6 as f32 widens to 9.99999997e-7; through its shortest decimal it stays 1e-6.
                value.to_string().parse().ok()
            }
            Kind::F64 => Some(f64::from_le_bytes(*self.bytes.get(index.checked_mul(8)?..)?.first_chunk()?)),
            _ => self.integer(index).map(|i| i as f64),
        }
    }
}

/// All keys of a file.
#[derive(Debug)]
pub(crate) struct Metadata {
    values: BTreeMap<String, Value>,
}

impl Metadata {
    pub(crate) fn new(values: BTreeMap<String, Value>) -> Self {
        Self { values }
    }

    /// A non-negative whole number; of an array (some writers give one per layer) the largest element.
    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        let value = self.values.get(key)?;
        let largest =
            (0..value.count.unwrap_or(1).min(65_536)).filter_map(|i| value.integer(i as usize)).max()?;
        u64::try_from(largest).ok()
    }

    pub(crate) fn float(&self, key: &str) -> Option<f64> {
        self.values.get(key)?.float(0).filter(|v| v.is_finite())
    }

    pub(crate) fn text(&self, key: &str) -> Option<String> {
        let value = self.values.get(key)?;
        if value.kind != Kind::String || value.count.is_some() {
            return None;
        }
        String::from_utf8(value.bytes.to_vec()).ok()
    }

    /// A short array of whole numbers, booleans included.
    pub(crate) fn numbers(&self, key: &str) -> Option<Vec<i64>> {
        let value = self.values.get(key)?;
        (0..value.count?).map(|i| i64::try_from(value.integer(i as usize)?).ok()).collect()
    }

    pub(crate) fn floats(&self, key: &str) -> Option<Vec<f64>> {
        let value = self.values.get(key)?;
        (0..value.count?).map(|i| value.float(i as usize)).collect()
    }

    /// An array of texts, or which of them is no UTF-8.
    pub(crate) fn texts(&self, key: &str) -> Result<Option<Vec<String>>, String> {
        let Some(value) = self.values.get(key).filter(|v| v.kind == Kind::String && v.count.is_some()) else {
            return Ok(None);
        };
        let (mut rest, mut texts): (&[u8], Vec<String>) = (&value.bytes, Vec::new());
        while let Some((length, after)) = rest.split_first_chunk::<8>() {
            let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
            let (text, after) =
                after.split_at_checked(length).ok_or_else(|| format!("`{key}` is cut short"))?;
            let text = std::str::from_utf8(text)
                .map_err(|_| format!("entry {} of `{key}` is not UTF-8", texts.len()))?;
            texts.push(text.to_owned());
            rest = after;
        }
        Ok(Some(texts))
    }
}
