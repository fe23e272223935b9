//! Block floats as MLX stores them: E2M1 nibbles or E4M3 bytes under one 8-bit scale per group.

/// E2M1: sign, two exponent bits, one mantissa bit.
const E2M1: [f32; 16] =
    [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, -0.0, -0.5, -1.0, -1.5, -2.0, -3.0, -4.0, -6.0];

/// E4M3 without infinities; the two all-ones patterns are not numbers.
pub(crate) fn e4m3(byte: u8) -> f32 {
    let sign = u32::from(byte & 0x80) << 24;
    let (exponent, mantissa) = (u32::from(byte >> 3) & 15, u32::from(byte & 7));
    let magnitude = match (exponent, mantissa) {
        (15, 7) => f32::NAN,
        (0, _) => mantissa as f32 * f32::from_bits((127 - 9) << 23),
        _ => f32::from_bits(((exponent + 120) << 23) | (mantissa << 20)),
    };
    f32::from_bits(magnitude.to_bits() | sign)
}

/// E8M0: a bare power of two, 2^(byte - 127); 255 is not a number.
pub(crate) fn e8m0(byte: u8) -> f32 {
    match byte {
        0 => f32::from_bits(1 << 22),
        255 => f32::NAN,
        _ => f32::from_bits(u32::from(byte) << 23),
    }
}

fn nibbles(codes: &[u8], scale: f32, out: &mut [f32]) {
    for (pair, code) in out.as_chunks_mut::<2>().0.iter_mut().zip(codes) {
        pair[0] = scale * E2M1[usize::from(code & 15)];
        pair[1] = scale * E2M1[usize::from(code >> 4)];
    }
}

pub(crate) fn decode_mxfp4(codes: &[u8], scales: &[u8], out: &mut [f32]) {
    for ((out, codes), scale) in out.chunks_exact_mut(32).zip(codes.chunks_exact(16)).zip(scales) {
        nibbles(codes, e8m0(*scale), out);
    }
}

pub(crate) fn decode_nvfp4(codes: &[u8], scales: &[u8], out: &mut [f32]) {
    for ((out, codes), scale) in out.chunks_exact_mut(16).zip(codes.chunks_exact(8)).zip(scales) {
        nibbles(codes, e4m3(*scale), out);
    }
}

pub(crate) fn decode_mxfp8(codes: &[u8], scales: &[u8], out: &mut [f32]) {
    for ((out, codes), scale) in out.chunks_exact_mut(32).zip(codes.chunks_exact(32)).zip(scales) {
        let scale = e8m0(*scale);
        for (value, code) in out.iter_mut().zip(codes) {
            *value = scale * e4m3(*code);
        }
    }
}
