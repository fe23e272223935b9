//! Writing one safetensors file out of pieces: the header first (all sizes are known), then the tensors.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::Progress;
use super::piece::Piece;
use super::whole_file::WholeFile;
use crate::WeightError;
use crate::format::{Format, Side};
use crate::identity::FileHash;

fn dtype(side: Side) -> &'static str {
    match side {
        Side::F32 => "F32",
        Side::F16 => "F16",
        Side::Bf16 => "BF16",
    }
}

/// Name, type, shape and bytes of one tensor of the file.
type Part = (String, &'static str, Vec<usize>, u64);

/// The tensors that a piece becomes, in the order of their content.
fn parts(piece: &Piece<'_>) -> Result<Vec<Part>, String> {
    let row = piece.row_bytes()?;
    let rows = piece.rows() as u64;
    if let Some(side) = Side::of(piece.format) {
        return Ok(vec![(piece.name.clone(), dtype(side), piece.shape.clone(), rows * row.codes as u64)]);
    }
    let Format::Affine { group, .. } = piece.format else {
        return Err(format!("has format {}, which has no place in safetensors", piece.format));
    };
    let stem = piece.name.strip_suffix(".weight").ok_or("is quantized, but not called `.weight`")?;
    let shape = |last: usize| {
        let mut shape = piece.shape.clone();
        if let Some(end) = shape.last_mut() {
            *end = last;
        }
        shape
    };
    let groups = piece.cols() / usize::from(group);
    let side = dtype(piece.side);
    Ok(vec![
        (piece.name.clone(), "U32", shape(row.codes / 4), rows * row.codes as u64),
        (format!("{stem}.scales"), side, shape(groups), rows * row.scales as u64),
        (format!("{stem}.biases"), side, shape(groups), rows * row.biases as u64),
    ])
}

pub(crate) fn write(
    path: &Path,
    pieces: &[Piece<'_>],
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<FileHash, WeightError> {
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), json!({ "format": "mlx" }));
    let mut total = 0u64;
    for piece in pieces {
        let wrong = |what| WeightError::tensor(path, &piece.name, what);
        for (name, dtype, shape, bytes) in parts(piece).map_err(wrong)? {
            let entry = json!({ "dtype": dtype, "shape": shape, "data_offsets": [total, total + bytes] });
            if header.insert(name, entry).is_some() {
                return Err(WeightError::tensor(path, &piece.name, "would be written twice"));
            }
            total += bytes;
        }
    }
    let mut header = Value::Object(header).to_string();
    // Tensors begin on an eight-byte border, as readers that map the file expect.
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    let mut file = WholeFile::create(path)?;
    file.put(&(header.len() as u64).to_le_bytes())?;
    file.put(header.as_bytes())?;
    let mut done_bytes = 0u64;
    for piece in pieces {
        let (mut scales, mut biases) = (Vec::new(), Vec::new());
        piece.encode(
            |run| {
                done_bytes += (run.codes.len() + run.scales.len() + run.biases.len()) as u64;
                scales.extend_from_slice(&run.scales);
                biases.extend_from_slice(&run.biases);
                file.put(&run.codes)
            },
            |what| WeightError::tensor(path, &piece.name, what),
        )?;
        file.put(&scales)?;
        file.put(&biases)?;
        progress(Progress { tensor: &piece.name, done_bytes, total_bytes: total });
    }
    file.finish()
}
