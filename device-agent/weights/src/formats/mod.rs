//! The reference arithmetic of every format: one function per format that turns a stored row into f32.
//! Correct and plain; speed belongs to whoever implements `product` for a machine.

pub(crate) mod affine;
pub(crate) mod encode;
pub(crate) mod float;
pub(crate) mod ggml_k;
pub(crate) mod ggml_legacy;
pub(crate) mod microscaling;

#[cfg(test)]
mod golden;

use crate::format::{Format, Side};

/// Decodes one row. The slices hold exactly one row; the caller has checked their lengths.
pub(crate) fn decode_row(
    format: Format,
    side: Side,
    codes: &[u8],
    scales: &[u8],
    biases: &[u8],
    out: &mut [f32],
) {
    match format {
        Format::F32 => float::decode_f32(codes, out),
        Format::F16 => float::decode_f16(codes, out),
        Format::Bf16 => float::decode_bf16(codes, out),
        Format::Affine { bits, group } => {
            affine::decode(bits, usize::from(group), side, codes, scales, biases, out);
        }
        Format::Mxfp4 => microscaling::decode_mxfp4(codes, scales, out),
        Format::Nvfp4 => microscaling::decode_nvfp4(codes, scales, out),
        Format::Mxfp8 => microscaling::decode_mxfp8(codes, scales, out),
        Format::Q4_0 => ggml_legacy::decode_q4_0(codes, out),
        Format::Q4_1 => ggml_legacy::decode_q4_1(codes, out),
        Format::Q5_0 => ggml_legacy::decode_q5_0(codes, out),
        Format::Q5_1 => ggml_legacy::decode_q5_1(codes, out),
        Format::Q8_0 => ggml_legacy::decode_q8_0(codes, out),
        Format::Q2K => ggml_k::decode_q2(codes, out),
        Format::Q3K => ggml_k::decode_q3(codes, out),
        Format::Q4K => ggml_k::decode_q4(codes, out),
        Format::Q5K => ggml_k::decode_q5(codes, out),
        Format::Q6K => ggml_k::decode_q6(codes, out),
    }
}
