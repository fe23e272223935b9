//! Weights on the device, in their stored format. Matrices that read the same input lie as one where their formats
//! agree, so that one dispatch makes all of their outputs.

use dyno_weights::{Format, Linear, Side};

use crate::error::{GpuError, Result};
use crate::gpu::{Buffer, Gpu};
use crate::kernel::{Param, knows};

/// One matrix, or several below each other.
#[derive(Debug, Clone)]
pub(crate) struct Weights {
    pub(crate) codes: Buffer,
    pub(crate) scales: Buffer,
    pub(crate) biases: Buffer,
    pub(crate) format: Format,
    pub(crate) side: Side,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
}

impl Weights {
    /// Puts the rows of all `parts` below each other on the device.
    pub(crate) fn upload(gpu: &mut impl Gpu, parts: &[&Linear]) -> Result<Self> {
        let first = parts.first().ok_or_else(|| GpuError::model("no matrix", "report this"))?.packed();
        let (format, side, cols) = (first.format, first.side, first.cols);
        if !knows(format) {
            let what = format!("its weights are in {format}, for which there is no kernel");
            return Err(GpuError::model(
                what,
                "choose bf16, f16, f32 or an MLX affine format of 3 to 8 bits",
            ));
        }
        if !cols.is_multiple_of(16) {
            let what = format!("a matrix has rows of {cols}, and kernels read sixteen weights at a time");
            return Err(GpuError::model(what, "run it on the processor"));
        }
        let mut rows = 0;
        let (mut codes, mut scales, mut biases) = (Vec::new(), Vec::new(), Vec::new());
        for part in parts {
            let part = part.packed();
            if (part.format, part.side, part.cols) != (format, side, cols) {
                let what = format!("matrices that must lie together are in {format} and {}", part.format);
                return Err(GpuError::model(what, "quantize them alike"));
            }
            rows += part.rows;
            codes.extend_from_slice(part.codes);
            scales.extend_from_slice(part.scales);
            biases.extend_from_slice(part.biases);
        }
        let codes = filled(gpu, &codes)?;
        // Plain floats have neither; a kernel is handed something all the same and does not look at it.
        let (scales, biases) =
            if scales.is_empty() { (codes, codes) } else { (filled(gpu, &scales)?, filled(gpu, &biases)?) };
        Ok(Self { codes, scales, biases, format, side, rows, cols })
    }

    /// One set of weights for each run of neighbours in the same format.
    pub(crate) fn upload_joined(gpu: &mut impl Gpu, parts: &[Linear]) -> Result<Vec<Self>> {
        let alike = |a: &Linear, b: &Linear| {
            let (a, b) = (a.packed(), b.packed());
            (a.format, a.side) == (b.format, b.side)
        };
        parts.chunk_by(alike).map(|run| Self::upload(gpu, &run.iter().collect::<Vec<_>>())).collect()
    }

    /// The template argument that names the format.
    pub(crate) fn param(&self) -> Param {
        // The type of scales means nothing for plain floats; one name for all of them saves a kernel.
        let side = if self.format.is_float() { Side::F32 } else { self.side };
        Param::Weights(self.format, side)
    }

    /// Bytes that one pass over the matrix reads.
    pub(crate) fn bytes(&self) -> u64 {
        let apart = if self.format.is_float() { 0 } else { self.scales.bytes + self.biases.bytes };
        (self.codes.bytes + apart) as u64
    }
}

/// A buffer with this content.
pub(crate) fn filled(gpu: &mut impl Gpu, bytes: &[u8]) -> Result<Buffer> {
    let buffer = gpu.buffer(bytes.len())?;
    gpu.write(buffer, 0, bytes)?;
    Ok(buffer)
}

/// A buffer with these numbers.
pub(crate) fn floats(gpu: &mut impl Gpu, values: &[f32]) -> Result<Buffer> {
    filled(gpu, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
}
