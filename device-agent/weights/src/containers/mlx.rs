//! What MLX adds to a folder of safetensors: the quantization block of `config.json`, codes with scales and
//! biases beside them, and a few transposed or shifted tensors.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::Dtype;
use serde_json::{Map, Value};

use super::safetensors::RawTensor;
use crate::WeightError;
use crate::bytes::Bytes;
use crate::format::{Format, Side};
use crate::matrix::Matrix;
use crate::names::canonical;

/// The quantization block: the general format, and what single modules say against it.
#[derive(Debug, Default)]
pub(crate) struct Quantization {
    general: Option<Format>,
    /// By canonical module name; nothing means "not quantised".
    modules: HashMap<String, Option<Format>>,
}

impl Quantization {
    /// Reads `quantization`, or `quantization_config` when it is MLX's copy of the same.
    pub(crate) fn read(config: &Value, path: &Path) -> Result<Self, WeightError> {
        let block = config.get("quantization").or_else(|| {
            config
                .get("quantization_config")
                .filter(|b| b.get("group_size").is_some() && b.get("bits").is_some())
        });
        let Some(block) = block else { return Ok(Self::default()) };
        let wrong = |what: &str| WeightError::config(path, format!("has a quantization block {what}"));
        let block = block.as_object().ok_or_else(|| wrong("that is no table"))?;
        let general = Some(format(block).ok_or_else(|| wrong("of unknown bits, group size or mode"))?);
        let mut modules = HashMap::new();
        for (module, value) in block {
            let format = match value {
                Value::Bool(false) => None,
                Value::Object(own) => {
                    Some(format(own).ok_or_else(|| wrong(&format!("of unknown format for `{module}`")))?)
                }
                // Settings of the block itself, and `true`, which repeats the general rule.
                _ => continue,
            };
            modules.insert(canonical(&format!("{module}.weight")), format);
        }
        Ok(Self { general, modules })
    }

    pub(crate) fn is_present(&self) -> bool {
        self.general.is_some()
    }

    /// The format of a tensor that has scales.
    fn of(&self, canonical_weight: &str) -> Result<Format, String> {
        match self.modules.get(canonical_weight) {
            Some(Some(format)) => Ok(*format),
            Some(None) => Err("has scales, but config.json says it is not quantised".to_owned()),
            None => {
                self.general.ok_or_else(|| "has scales, but config.json has no quantization block".to_owned())
            }
        }
    }
}

/// Bits, group and mode of one table, with MLX's own defaults for what is not said.
fn format(table: &Map<String, Value>) -> Option<Format> {
    let number = |key: &str, default: u64| table.get(key).map_or(Some(default), Value::as_u64);
    let mode = table.get("mode").map_or(Some("affine"), Value::as_str)?;
    match mode {
        "affine" => {
            let bits = u8::try_from(number("bits", 4)?).ok()?;
            Format::affine(bits, u16::try_from(number("group_size", 64)?).ok()?)
        }
        "mxfp4" => (number("bits", 4)? == 4 && number("group_size", 32)? == 32).then_some(Format::Mxfp4),
        "nvfp4" => (number("bits", 4)? == 4 && number("group_size", 16)? == 16).then_some(Format::Nvfp4),
        "mxfp8" => (number("bits", 8)? == 8 && number("group_size", 32)? == 32).then_some(Format::Mxfp8),
        _ => None,
    }
}

/// A quantised tensor and its logical shape, out of the two or three tensors that make it up.
pub(crate) fn assemble(
    name: &str,
    quantization: &Quantization,
    weight: &RawTensor,
    scales: &RawTensor,
    biases: Option<&RawTensor>,
) -> Result<(Matrix, Vec<usize>), String> {
    let format = quantization.of(name)?;
    if weight.dtype != Dtype::U32 {
        return Err(format!("has scales, but its type is {:?} and not U32", weight.dtype));
    }
    let side = match (format, scales.dtype) {
        (Format::Affine { .. }, Dtype::F32) => Side::F32,
        (Format::Affine { .. }, Dtype::F16) => Side::F16,
        // Byte scales have no float type; the side of such a matrix is never looked at.
        (Format::Affine { .. }, Dtype::BF16) | (Format::Mxfp4 | Format::Nvfp4 | Format::Mxfp8, Dtype::U8) => {
            Side::Bf16
        }
        (_, dtype) => return Err(format!("is {format}, which has no scales of type {dtype:?}")),
    };
    let bits = match format {
        Format::Affine { bits, .. } => usize::from(bits),
        Format::Mxfp8 => 8,
        _ => 4,
    };
    let [leading @ .., words] = weight.shape.as_slice() else {
        return Err("has no dimensions".to_owned());
    };
    let [scale_leading @ .., groups] = scales.shape.as_slice() else {
        return Err("has scales without dimensions".to_owned());
    };
    let cols = groups.checked_mul(format.block_elements());
    let fits = cols.and_then(|c| c.checked_mul(bits)) == words.checked_mul(32);
    let Some(cols) = cols.filter(|_| fits && leading == scale_leading) else {
        return Err(format!(
            "of packed shape {:?} does not fit scales of shape {:?} as {format}",
            weight.shape, scales.shape
        ));
    };
    let bias_bytes = match (format, biases) {
        (Format::Affine { .. }, Some(b)) if b.shape == scales.shape && b.dtype == scales.dtype => {
            b.bytes.clone()
        }
        (Format::Affine { .. }, _) => {
            return Err("is affine without biases of the scales' shape and type".to_owned());
        }
        (_, None) => Bytes::from(Vec::new()),
        (_, Some(_)) => return Err(format!("is {format}, which has no biases")),
    };
    let rows = leading.iter().product();
    let matrix =
        Matrix::new(format, side, (rows, cols), weight.bytes.clone(), scales.bytes.clone(), bias_bytes)?;
    let mut shape = leading.to_vec();
    shape.push(cols);
    Ok((matrix, shape))
}
