//! From f32 rows to stored formats: what conversion writes.

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use rayon::prelude::*;

use super::{affine, float};
use crate::format::{Format, Side};

/// Rows in a stored format, as the three parts of a matrix.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    pub(crate) codes: Vec<u8>,
    pub(crate) scales: Vec<u8>,
    pub(crate) biases: Vec<u8>,
}

impl Encoded {
    pub(crate) fn append(&mut self, other: &Self) {
        self.codes.extend_from_slice(&other.codes);
        self.scales.extend_from_slice(&other.scales);
        self.biases.extend_from_slice(&other.biases);
    }
}

/// The block type under which the tensor library knows a format that can be written.
fn block_type(format: Format) -> Option<GgmlDType> {
    Some(match format {
        Format::Q4_0 => GgmlDType::Q4_0,
        Format::Q4_1 => GgmlDType::Q4_1,
        Format::Q5_0 => GgmlDType::Q5_0,
        Format::Q5_1 => GgmlDType::Q5_1,
        Format::Q8_0 => GgmlDType::Q8_0,
        Format::Q4K => GgmlDType::Q4K,
        Format::Q5K => GgmlDType::Q5K,
        Format::Q6K => GgmlDType::Q6K,
        _ => return None,
    })
}

/// Whether rows can be written in this format.
pub(crate) fn can_encode(format: Format) -> bool {
    format.is_float() || matches!(format, Format::Affine { .. }) || block_type(format).is_some()
}

/// Encodes rows of `cols` values, in parallel by rows.
pub(crate) fn encode_rows(
    format: Format,
    side: Side,
    cols: usize,
    values: &[f32],
) -> Result<Encoded, String> {
    if let Some(value) = values.iter().find(|v| !v.is_finite()) {
        return Err(format!("holds {value}, which no quantization can carry"));
    }
    let rows_per_task = 65_536_usize.div_ceil(cols);
    let parts: Vec<Encoded> = values
        .par_chunks(rows_per_task * cols)
        .map(|rows| encode_part(format, side, cols, rows))
        .collect::<Result<_, _>>()?;
    let mut all = Encoded::default();
    for part in &parts {
        all.append(part);
    }
    Ok(all)
}

fn encode_part(format: Format, side: Side, cols: usize, rows: &[f32]) -> Result<Encoded, String> {
    let mut out = Encoded::default();
    match format {
        Format::F32 => float::encode(Side::F32, rows, &mut out.codes),
        Format::F16 => float::encode(Side::F16, rows, &mut out.codes),
        Format::Bf16 => float::encode(Side::Bf16, rows, &mut out.codes),
        Format::Affine { bits, group } => {
            let Encoded { codes, scales, biases } = &mut out;
            for row in rows.chunks_exact(cols) {
                affine::encode(bits, usize::from(group), side, row, codes, scales, biases);
            }
        }
        _ => {
            let kind = block_type(format).ok_or_else(|| format!("cannot be written as {format}"))?;
            let quantize = || -> candle_core::Result<Vec<u8>> {
                let rows = Tensor::from_slice(rows, (rows.len() / cols, cols), &Device::Cpu)?;
                Ok(QTensor::quantize(&rows, kind)?.data()?.into_owned())
            };
            out.codes = quantize().map_err(|e| format!("cannot be written as {format}: {e}"))?;
        }
    }
    Ok(out)
}
