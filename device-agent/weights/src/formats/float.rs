//! Plain floats, little-endian.

use half::{bf16, f16};

use crate::format::Side;

pub(crate) fn decode_f32(codes: &[u8], out: &mut [f32]) {
    for (value, bytes) in out.iter_mut().zip(codes.as_chunks::<4>().0) {
        *value = f32::from_le_bytes(*bytes);
    }
}

pub(crate) fn decode_f16(codes: &[u8], out: &mut [f32]) {
    for (value, bytes) in out.iter_mut().zip(codes.as_chunks::<2>().0) {
        *value = f16::from_le_bytes(*bytes).to_f32();
    }
}

pub(crate) fn decode_bf16(codes: &[u8], out: &mut [f32]) {
    for (value, bytes) in out.iter_mut().zip(codes.as_chunks::<2>().0) {
        *value = f32::from_bits(u32::from(u16::from_le_bytes(*bytes)) << 16);
    }
}

pub(crate) fn f16_at(bytes: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32()
}

/// Value `index` of a run of side values (scales or biases).
pub(crate) fn side_at(side: Side, bytes: &[u8], index: usize) -> f32 {
    match side {
        Side::F32 => {
            let at = index * 4;
            f32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        }
        Side::F16 => f16_at(bytes, index * 2),
        Side::Bf16 => bf16::from_le_bytes([bytes[index * 2], bytes[index * 2 + 1]]).to_f32(),
    }
}

pub(crate) fn to_f32_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// Appends the values in a float type, rounded to nearest even.
pub(crate) fn encode(side: Side, values: &[f32], out: &mut Vec<u8>) {
    match side {
        Side::F32 => out.extend(values.iter().flat_map(|v| v.to_le_bytes())),
        Side::F16 => out.extend(values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes())),
        Side::Bf16 => out.extend(values.iter().flat_map(|v| bf16::from_f32(*v).to_le_bytes())),
    }
}
