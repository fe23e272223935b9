//! The bytes of synthetic tensors. Codes are random bits as they come; scales are chosen so that the values
//! have zero mean and the variance wanted. Only integer arithmetic and correctly rounded IEEE operations are
//! used, so that every platform makes the same bytes; half floats are rounded from f32 only, because hardware
//! and software disagree on rounding them from f64.

use half::{bf16, f16};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use rayon::prelude::*;

use super::Seeded;
use crate::bytes::Bytes;
use crate::format::{Format, Side};
use crate::formats::float::encode;
use crate::matrix::Matrix;
use crate::shapes::Role;

/// Random bytes per task; a multiple of the generator's block.
const CHUNK: usize = 1 << 16;

/// Independent streams of one tensor.
const CODES: u64 = 0;
const SCALES: u64 = 1;

pub(crate) fn supports(format: Format) -> bool {
    let floats = format.is_float() || matches!(format, Format::Affine { .. } | Format::Mxfp4);
    floats || matches!(format, Format::Q4_0 | Format::Q8_0 | Format::Q4K | Format::Q6K)
}

fn random(seeded: &Seeded, stream: u64, chunk: usize, out: &mut [u8]) {
    let mut rng = ChaCha8Rng::from_seed(seeded.key);
    rng.set_stream(stream);
    rng.set_word_pos(chunk as u128 * (CHUNK / 4) as u128);
    rng.fill_bytes(out);
}

/// `count` random bytes, made in parallel and the same however they are cut.
fn random_bytes(seeded: &Seeded, stream: u64, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    bytes.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, out)| random(seeded, stream, chunk, out));
    bytes
}

/// Middle and half width of the uniform values of a tensor; a matrix keeps the variance of its input.
fn spread(role: Role, fan_in: usize) -> (f64, f64) {
    let root3 = 3f64.sqrt();
    match role {
        Role::Table | Role::Matrix | Role::Router | Role::VisionMatrix => {
            (0.0, root3 / (fan_in as f64).sqrt())
        }
        Role::ZeroNorm => (0.0, 0.2),
        Role::PlainNorm => (1.0, 0.2),
        Role::Bias | Role::Positions => (0.0, 0.1),
        Role::Conv => (0.0, 0.8),
        // Decay rates between about 0.5 and 7.5.
        Role::ALog => (0.66, 1.35),
        Role::DtBias => (-2.0, 1.0),
    }
}

pub(crate) fn matrix(seeded: &Seeded) -> Result<Matrix, String> {
    let (rows, cols) = (seeded.rows, seeded.cols);
    let row = seeded.format.row_bytes(cols, Side::Bf16);
    let size = row.and_then(|row| rows.checked_mul(row.codes));
    let size = size.ok_or_else(|| format!("of {rows}x{cols} cannot be made in {}", seeded.format))?;
    let deviation = 1.0 / (seeded.fan_in as f64).sqrt();
    match seeded.format {
        Format::F32 => floats(seeded, Side::F32),
        Format::F16 => floats(seeded, Side::F16),
        Format::Bf16 => floats(seeded, Side::Bf16),
        Format::Affine { bits, group } => {
            affine(seeded, bits, rows * cols / usize::from(group), size, deviation)
        }
        Format::Mxfp4 => {
            let codes = random_bytes(seeded, CODES, size);
            // Uniform E2M1 codes have a mean square of 8.5625; the scale is the nearest lower power of two.
            let exponent = ((deviation / 8.5625f64.sqrt()).to_bits() >> 52) as i64 - 1023 + 127;
            let scales = vec![u8::try_from(exponent).unwrap_or(0); rows * cols / 32];
            let none = Bytes::from(Vec::new());
            Matrix::new(seeded.format, Side::Bf16, (rows, cols), codes.into(), scales.into(), none)
        }
        _ => {
            let mut codes = random_bytes(seeded, CODES, size);
            blocks(seeded.format, deviation, &mut codes);
            Matrix::plain(seeded.format, (rows, cols), codes.into())
        }
    }
}

/// One random byte per value, spread evenly: 256 values, so a table serves.
fn floats(seeded: &Seeded, side: Side) -> Result<Matrix, String> {
    let (middle, half_width) = spread(seeded.role, seeded.fan_in);
    let value = |byte: i32| (middle + half_width * f64::from(2 * byte - 255) / 255.0) as f32;
    let mut table = Vec::new();
    encode(side, &(0..256).map(value).collect::<Vec<_>>(), &mut table);
    let width = side.bytes();
    let mut out = vec![0u8; seeded.rows * seeded.cols * width];
    out.par_chunks_mut(CHUNK * width).enumerate().for_each(|(chunk, out)| {
        let mut bytes = vec![0; out.len() / width];
        random(seeded, CODES, chunk, &mut bytes);
        for (out, byte) in out.chunks_exact_mut(width).zip(bytes) {
            let at = usize::from(byte) * width;
            out.copy_from_slice(&table[at..at + width]);
        }
    });
    Matrix::plain(side.as_format(), (seeded.rows, seeded.cols), out.into())
}

/// Evenly spread codes; every group has its own scale and sign, and a bias that centres it.
fn affine(seeded: &Seeded, bits: u8, groups: usize, size: usize, deviation: f64) -> Result<Matrix, String> {
    let codes = random_bytes(seeded, CODES, size);
    let last = f64::from((1u32 << bits) - 1);
    let unit = deviation / ((last * (last + 2.0) / 12.0).sqrt() * mean_square_of_steps().sqrt());
    let table: Vec<[bf16; 2]> = (0..16u8)
        .map(|draw| {
            let scale = bf16::from_f32((unit * step(draw)) as f32);
            [scale, bf16::from_f32((-f64::from(scale) * last / 2.0) as f32)]
        })
        .collect();
    let (mut scales, mut biases) = (Vec::with_capacity(groups * 2), Vec::with_capacity(groups * 2));
    for draw in random_bytes(seeded, SCALES, groups) {
        let [scale, bias] = table[usize::from(draw & 15)];
        scales.extend(scale.to_le_bytes());
        biases.extend(bias.to_le_bytes());
    }
    let shape = (seeded.rows, seeded.cols);
    Matrix::new(seeded.format, Side::Bf16, shape, codes.into(), scales.into(), biases.into())
}

/// A scale factor out of four random bits: eight sizes, two signs.
fn step(draw: u8) -> f64 {
    let size = 1.0 + f64::from(draw & 7) / 16.0;
    if draw & 8 == 0 { size } else { -size }
}

fn mean_square_of_steps() -> f64 {
    (0..8u8).map(|draw| step(draw) * step(draw)).sum::<f64>() / 8.0
}

/// Gives random blocks sane scales. The block's own random bits choose size and sign of its scale.
fn blocks(format: Format, deviation: f64, codes: &mut [u8]) {
    let put = |block: &mut [u8], at: usize, unit: f64| {
        let scale = f16::from_f32((unit * step(block[at])) as f32);
        block[at..at + 2].copy_from_slice(&scale.to_le_bytes());
    };
    let spread = mean_square_of_steps().sqrt();
    codes.par_chunks_mut(format.block_bytes() * 1024).for_each(|run| {
        for block in run.chunks_exact_mut(format.block_bytes()) {
            match format {
                // Codes -8..=7 and -128..=127 have deviations of 4.61 and 73.9; the sign of the scale removes
                // the half step by which they are off centre.
                Format::Q4_0 => put(block, 0, deviation / (4.61 * spread)),
                Format::Q8_0 => put(block, 0, deviation / (73.9 * spread)),
                Format::Q4K => {
                    // All sub-scales and sub-minima equal to 32, and a minimum of 7.5 scales: centred.
                    let unit = deviation / (4.61 * spread * 32.0);
                    put(block, 0, unit);
                    let scale = f16::from_le_bytes([block[0], block[1]]);
                    block[2..4].copy_from_slice(&f16::from_f32(f32::from(scale) * 7.5).to_le_bytes());
                    block[4..12].fill(0b1010_0000);
                    block[12..16].fill(0);
                }
                Format::Q6K => {
                    put(block, 208, deviation / (18.47 * spread * 32.0));
                    for scale in &mut block[192..208] {
                        *scale = if *scale & 1 == 0 { 32 } else { 32u8.wrapping_neg() };
                    }
                }
                _ => {}
            }
        }
    });
}
