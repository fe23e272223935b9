//! Every format against vectors made by its reference implementation (see `scripts/oracle/weights_goldens.py`).

use safetensors::SafeTensors;

use super::{decode_row, encode::encode_rows, float};
use crate::format::{Format, Side};

const MLX: &[u8] = include_bytes!("../../tests/golden/mlx.safetensors");
const GGML: &[u8] = include_bytes!("../../tests/golden/ggml.safetensors");
const COLS: usize = 256;

fn data<'a>(file: &'a SafeTensors<'_>, name: &str) -> &'a [u8] {
    file.tensor(name).unwrap().data()
}

fn floats(side: Side, bytes: &[u8]) -> Vec<f32> {
    (0..bytes.len() / side.bytes()).map(|i| float::side_at(side, bytes, i)).collect()
}

fn bytes(side: Side, values: &[f32]) -> Vec<u8> {
    let mut out = Vec::new();
    float::encode(side, values, &mut out);
    out
}

fn decode(format: Format, side: Side, codes: &[u8], scales: &[u8], biases: &[u8]) -> Vec<f32> {
    let row = format.row_bytes(COLS, side).unwrap();
    let rows = codes.len() / row.codes;
    let mut out = vec![0f32; rows * COLS];
    for (i, out) in out.chunks_exact_mut(COLS).enumerate() {
        let cut = |bytes: &'_ [u8], size: usize| bytes[i * size..(i + 1) * size].to_vec();
        let (codes, scales) = (cut(codes, row.codes), cut(scales, row.scales));
        decode_row(format, side, &codes, &scales, &cut(biases, row.biases), out);
    }
    out
}

fn affine_cases() -> impl Iterator<Item = (Format, Side, String)> {
    let sides = [(Side::F32, "f32"), (Side::Bf16, "bf16"), (Side::F16, "f16")];
    sides.into_iter().flat_map(|(side, name)| {
        Format::AFFINE_BITS.into_iter().flat_map(move |bits| {
            Format::AFFINE_GROUPS.into_iter().map(move |group| {
                (Format::Affine { bits, group }, side, format!("affine.{name}.b{bits}.g{group}."))
            })
        })
    })
}

#[test]
fn affine_codes_are_written_bit_for_bit() {
    let file = SafeTensors::deserialize(MLX).unwrap();
    let source = floats(Side::F32, data(&file, "w"));
    for (format, side, key) in affine_cases() {
        let rounded = floats(side, &bytes(side, &source));
        let found = encode_rows(format, side, COLS, &rounded).unwrap();
        assert!(found.codes == data(&file, &format!("{key}weight")), "{key} codes");
        assert!(found.scales == data(&file, &format!("{key}scales")), "{key} scales");
        assert!(found.biases == data(&file, &format!("{key}biases")), "{key} biases");
    }
}

#[test]
fn affine_codes_are_read_as_their_reference_reads_them() {
    let file = SafeTensors::deserialize(MLX).unwrap();
    for (format, side, key) in affine_cases() {
        let part = |name: &str| data(&file, &format!("{key}{name}"));
        let found = decode(format, side, part("weight"), part("scales"), part("biases"));
        let expected = floats(side, part("dequant"));
        // The reference rounds the product, then the sum, to its own type; ours are f32 throughout.
        let unit = match side {
            Side::F32 => f32::EPSILON,
            Side::F16 => 1.0 / 1024.0,
            Side::Bf16 => 1.0 / 128.0,
        };
        let largest = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
        for (a, b) in found.iter().zip(&expected) {
            assert!((a - b).abs() <= unit * largest * 2.0, "{key}: {a} for {b}");
        }
        if side == Side::F32 {
            assert_eq!(found, expected, "{key}");
        }
    }
}

#[test]
fn microscaling_formats_are_read_exactly() {
    let file = SafeTensors::deserialize(MLX).unwrap();
    for format in [Format::Mxfp4, Format::Nvfp4, Format::Mxfp8] {
        let part = |name: &str| data(&file, &format!("{format}.{name}"));
        let found = decode(format, Side::Bf16, part("weight"), part("scales"), &[]);
        assert_eq!(found, floats(Side::F32, part("dequant")), "{format}");
    }
}

const BLOCKS: [(Format, &str); 10] = [
    (Format::Q4_0, "Q4_0"),
    (Format::Q4_1, "Q4_1"),
    (Format::Q5_0, "Q5_0"),
    (Format::Q5_1, "Q5_1"),
    (Format::Q8_0, "Q8_0"),
    (Format::Q2K, "Q2_K"),
    (Format::Q3K, "Q3_K"),
    (Format::Q4K, "Q4_K"),
    (Format::Q5K, "Q5_K"),
    (Format::Q6K, "Q6_K"),
];

#[test]
fn ggml_blocks_are_read_exactly() {
    let file = SafeTensors::deserialize(GGML).unwrap();
    for (format, name) in BLOCKS {
        let found = decode(format, Side::Bf16, data(&file, &format!("{name}.blocks")), &[], &[]);
        assert_eq!(found, floats(Side::F32, data(&file, &format!("{name}.dequant"))), "{name}");
    }
}

#[test]
fn ggml_blocks_are_written_as_their_reference_writes_them() {
    let file = SafeTensors::deserialize(GGML).unwrap();
    let source = floats(Side::F32, data(&file, "w"));
    for (format, name) in BLOCKS.into_iter().take(5) {
        let found = encode_rows(format, Side::Bf16, COLS, &source).unwrap();
        assert!(found.codes == data(&file, &format!("{name}.quantized")), "{name}");
    }
    let found = encode_rows(Format::Bf16, Side::Bf16, COLS, &source).unwrap();
    assert!(found.codes == data(&file, "BF16.quantized"), "bf16");
}

#[test]
fn every_writable_format_comes_back_within_its_step() {
    let file = SafeTensors::deserialize(GGML).unwrap();
    let source = &floats(Side::F32, data(&file, "w"))[..COLS];
    let norm = source.iter().map(|v| v * v).sum::<f32>();
    // Relative squared error of a normal row; about (step / deviation)^2 / 12.
    for (format, bound) in [
        (Format::F16, 1e-6),
        (Format::Bf16, 1e-4),
        (Format::Q8_0, 1e-4),
        (Format::Q6K, 1e-3),
        (Format::Q5K, 3e-3),
        (Format::Q5_1, 3e-3),
        (Format::Q5_0, 4e-3),
        (Format::Q4K, 1.2e-2),
        (Format::Q4_1, 1.2e-2),
        (Format::Q4_0, 1.5e-2),
    ] {
        let encoded = encode_rows(format, Side::Bf16, COLS, source).unwrap();
        let found = decode(format, Side::Bf16, &encoded.codes, &[], &[]);
        let error = found.iter().zip(source).map(|(a, b)| (a - b) * (a - b)).sum::<f32>() / norm;
        assert!(error < bound && error > 0.0, "{format}: {error}");
    }
}

#[test]
fn what_is_not_a_number_is_not_quantized() {
    let mut row = vec![0.5f32; COLS];
    row[7] = f32::NAN;
    assert!(encode_rows(Format::Q4_0, Side::Bf16, COLS, &row).is_err());
    row[7] = f32::INFINITY;
    assert!(encode_rows(Format::Affine { bits: 4, group: 64 }, Side::Bf16, COLS, &row).is_err());
}
