//! One safetensors file: an eight-byte length, a JSON header, tensors end to end. The header is checked in
//! full before anything is sliced: names once, sizes equal to shape times type, no gap, no overlap, no rest.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use safetensors::tensor::{Dtype, TensorInfo};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::WeightError;
use crate::bytes::Bytes;

/// The bound the format itself sets.
const MAX_HEADER_BYTES: usize = 100_000_000;
const MAX_DIMENSIONS: usize = 8;

/// A tensor as the file has it.
#[derive(Clone, Debug)]
pub(crate) struct RawTensor {
    pub(crate) file: Arc<Path>,
    pub(crate) source: String,
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: Bytes,
}

/// Header entries in file order; a name that comes twice is an error and not the last one wins.
struct Header(Vec<(String, TensorInfo)>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = BTreeMap<String, TensorInfo>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    }
                    let info = map.next_value::<TensorInfo>()?;
                    if entries.contains_key(&name) {
                        return Err(serde::de::Error::custom(format_args!("tensor `{name}` comes twice")));
                    }
                    entries.insert(name, info);
                }
                Ok(entries)
            }
        }
        let mut entries: Vec<_> = deserializer.deserialize_map(Entries)?.into_iter().collect();
        entries.sort_by_key(|(_, info)| info.data_offsets);
        Ok(Self(entries))
    }
}

/// Every tensor of a file, by its name in the file.
pub(crate) fn read(path: &Path) -> Result<Vec<RawTensor>, WeightError> {
    parse(path, &Bytes::map(path)?)
}

/// The same out of bytes already at hand.
pub(crate) fn parse(path: &Path, all: &Bytes) -> Result<Vec<RawTensor>, WeightError> {
    let damaged = |what: String| WeightError::damaged(path, what);
    let Some((length, rest)) = all.split_first_chunk::<8>() else {
        return Err(damaged(format!("{} bytes are no safetensors file", all.len())));
    };
    let length = u64::from_le_bytes(*length);
    let length = usize::try_from(length).ok().filter(|n| *n <= MAX_HEADER_BYTES && *n <= rest.len());
    let Some(length) = length else {
        return Err(damaged("its header is said to be longer than the file".to_owned()));
    };
    let header: Header =
        serde_json::from_slice(&rest[..length]).map_err(|e| damaged(format!("its header is wrong: {e}")))?;
    let (data, data_bytes) = (8 + length, rest.len() - length);
    let file: Arc<Path> = Arc::from(path);
    let mut expected = 0usize;
    let mut tensors = Vec::with_capacity(header.0.len());
    for (source, info) in header.0 {
        let wrong = |what: String| WeightError::tensor(path, &source, what);
        let (start, end) = info.data_offsets;
        let size = byte_size(info.dtype, &info.shape).map_err(&wrong)?;
        if start != expected {
            return Err(wrong(format!("begins at byte {start}, but the one before ends at {expected}")));
        }
        if end.checked_sub(start) != Some(size) {
            return Err(wrong(format!("claims bytes {start}..{end}, but its shape needs {size}")));
        }
        if end > data_bytes {
            return Err(wrong(format!("ends at byte {end} of {data_bytes}; the file is cut short")));
        }
        expected = end;
        let bytes =
            all.slice(data + start..data + end).ok_or_else(|| wrong("is outside the file".to_owned()))?;
        tensors.push(RawTensor { file: file.clone(), source, dtype: info.dtype, shape: info.shape, bytes });
    }
    if expected != data_bytes {
        return Err(damaged(format!("{} bytes after the last tensor belong to none", data_bytes - expected)));
    }
    Ok(tensors)
}

fn byte_size(dtype: Dtype, shape: &[usize]) -> Result<usize, String> {
    if shape.len() > MAX_DIMENSIONS {
        return Err(format!("has {} dimensions", shape.len()));
    }
    if shape.contains(&0) {
        return Err(format!("has the empty shape {shape:?}"));
    }
    let bits = shape.iter().try_fold(dtype.bitsize(), |all, d| all.checked_mul(*d));
    match bits {
        Some(bits) if bits.is_multiple_of(8) => Ok(bits / 8),
        _ => Err(format!("has the impossible shape {shape:?}")),
    }
}
