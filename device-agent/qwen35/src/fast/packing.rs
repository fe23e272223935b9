//! From stored matrices to tiles. The stored bytes are let go once they are repacked, so that weights are never
//! in memory twice.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use dyno_kernels::{Encoding, Input, Processor, Product, Side, Stored, Tiles, products};
use dyno_weights::{Checkpoint, Format, Linear};

use crate::error::Result;

pub(crate) fn pack(processor: &Processor, linear: &Linear) -> Result<Tiles> {
    let packed = linear.packed();
    let encoding = match packed.format {
        Format::F32 => Encoding::F32,
        Format::F16 => Encoding::F16,
        Format::Bf16 => Encoding::Bf16,
        Format::Affine { bits, group } => Encoding::Affine {
            bits,
            group: usize::from(group),
            side: match packed.side {
                dyno_weights::Side::F32 => Side::F32,
                dyno_weights::Side::F16 => Side::F16,
                dyno_weights::Side::Bf16 => Side::Bf16,
            },
        },
        Format::Q4_0 => Encoding::Q4_0,
        Format::Q4_1 => Encoding::Q4_1,
        Format::Q5_0 => Encoding::Q5_0,
        Format::Q5_1 => Encoding::Q5_1,
        Format::Q8_0 => Encoding::Q8_0,
        Format::Q2K => Encoding::Q2K,
        Format::Q3K => Encoding::Q3K,
        Format::Q4K => Encoding::Q4K,
        Format::Q5K => Encoding::Q5K,
        Format::Q6K => Encoding::Q6K,
        Format::Mxfp4 | Format::Nvfp4 | Format::Mxfp8 => return unpacked(processor, linear),
    };
    let (codes, scales, biases) = (packed.codes, packed.scales, packed.biases);
    let stored = Stored { encoding, rows: packed.rows, cols: packed.cols, codes, scales, biases };
    let tiles = Tiles::pack(processor.team(), &stored);
    linear.let_go();
    Ok(tiles)
}

/// Formats of small floats, widened without loss: to bf16 where every value is one.
fn unpacked(processor: &Processor, linear: &Linear) -> Result<Tiles> {
    let values = linear.dequantize()?.flatten_all()?.to_vec1::<f32>()?;
    let short = values.iter().all(|value| value.to_bits().trailing_zeros() >= 16);
    let codes: Vec<u8> = if short {
        values.iter().flat_map(|value| ((value.to_bits() >> 16) as u16).to_le_bytes()).collect()
    } else {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    };
    let encoding = if short { Encoding::Bf16 } else { Encoding::F32 };
    let (rows, cols) = (linear.rows(), linear.cols());
    let stored = Stored { encoding, rows, cols, codes: &codes, scales: &[], biases: &[] };
    let tiles = Tiles::pack(processor.team(), &stored);
    linear.let_go();
    Ok(tiles)
}

/// Loads and repacks one matrix.
pub(super) fn tiles(
    processor: &Processor,
    weights: &Checkpoint,
    name: &str,
    out: usize,
    inp: usize,
) -> Result<Tiles> {
    pack(processor, &weights.linear(name, out, inp, &Device::Cpu)?)
}

/// A small tensor as it is.
pub(super) fn vector(weights: &Checkpoint, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
    Ok(weights.tensor(name, shape, &Device::Cpu)?.flatten_all()?.to_vec1()?)
}

/// The scale of a zero-centred norm: one more than what is stored.
pub(super) fn norm(weights: &Checkpoint, name: &str, size: usize) -> Result<Vec<f32>> {
    Ok(vector(weights, name, &[size])?.into_iter().map(|w| w + 1.0).collect())
}

/// Where a part of the model is loaded to: on kernels where there is a processor for them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) device: &'a Device,
    pub(crate) processor: Option<&'a Arc<Processor>>,
}

/// A linear map over tensors that computes on whatever the model does.
#[derive(Debug)]
pub(crate) enum Weight {
    Stored(Linear),
    Packed { tiles: Tiles, processor: Arc<Processor> },
}

impl Weight {
    pub(crate) fn load(
        weights: &Checkpoint,
        name: &str,
        out: usize,
        inp: usize,
        place: Place<'_>,
    ) -> Result<Self> {
        let linear = weights.linear(name, out, inp, place.device)?;
        Ok(match place.processor {
            None => Self::Stored(linear),
            Some(processor) => {
                Self::Packed { tiles: pack(processor, &linear)?, processor: processor.clone() }
            }
        })
    }

    /// `x` is `[rows, in]`.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (tiles, processor) = match self {
            Self::Stored(linear) => return Ok(linear.forward(x)?),
            Self::Packed { tiles, processor } => (tiles, processor),
        };
        let rows = x.dim(0)?;
        let mut out = vec![0f32; rows * tiles.rows()];
        let mut input = Input::new(rows, tiles.cols());
        input.fill(rows).copy_from_slice(&x.flatten_all()?.to_vec1::<f32>()?);
        products(processor, &mut input, &mut [Product { weights: tiles, out: &mut out }]);
        Ok(Tensor::from_vec(out, (rows, tiles.rows()), x.device())?)
    }
}
