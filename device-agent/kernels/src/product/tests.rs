//! Products against sums of what `read_row` says the weights are, on every machine and for every encoding.

use super::*;
use crate::machine::Machine;
use crate::processor::Arithmetic;
use crate::tiles::{Encoding, Side, Stored};

/// Bytes of one block and its columns; scales are made sane where their places are known.
struct Block {
    encoding: Encoding,
    cols: usize,
    bytes: usize,
    /// Where f16 values lie.
    halves: &'static [usize],
}

fn block(encoding: Encoding, cols: usize, bytes: usize, halves: &'static [usize]) -> Block {
    Block { encoding, cols, bytes, halves }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    /// Between -1 and 1.
    fn float(&mut self) -> f32 {
        self.next() as f32 / (1u32 << 30) as f32 - 1.0
    }
}

/// A matrix of any encoding, of `rows` rows and at least `cols` columns.
fn matrix(processor: &Processor, encoding: Encoding, rows: usize, cols: usize, seed: u64) -> Tiles {
    let mut random = Random(seed);
    let mut bytes = |count: usize| -> Vec<u8> { (0..count).map(|_| random.next() as u8).collect() };
    let known = [
        block(Encoding::Q4_0, 32, 18, &[0]),
        block(Encoding::Q4_1, 32, 20, &[0, 2]),
        block(Encoding::Q5_0, 32, 22, &[0]),
        block(Encoding::Q5_1, 32, 24, &[0, 2]),
        block(Encoding::Q8_0, 32, 34, &[0]),
        block(Encoding::Q2K, 256, 84, &[80, 82]),
        block(Encoding::Q3K, 256, 110, &[108]),
        block(Encoding::Q4K, 256, 144, &[0, 2]),
        block(Encoding::Q5K, 256, 176, &[0, 2]),
        block(Encoding::Q6K, 256, 210, &[208]),
    ];
    let (mut scales, mut biases) = (Vec::new(), Vec::new());
    let codes = match encoding {
        Encoding::Affine { bits, group, side } => {
            let codes = bytes(rows * cols * usize::from(bits) / 8);
            for index in 0..rows * cols / group {
                let values = [0.01 + 0.001 * (index % 7) as f32, -0.06 - 0.002 * (index % 5) as f32];
                for (value, out) in values.into_iter().zip([&mut scales, &mut biases]) {
                    match side {
                        Side::F32 => out.extend(value.to_le_bytes()),
                        Side::F16 => out.extend(half::f16::from_f32(value).to_le_bytes()),
                        Side::Bf16 => out.extend(half::bf16::from_f32(value).to_le_bytes()),
                    }
                }
            }
            codes
        }
        Encoding::F32 => (0..rows * cols).flat_map(|_| random.float().to_le_bytes()).collect(),
        Encoding::F16 => {
            (0..rows * cols).flat_map(|_| half::f16::from_f32(random.float()).to_le_bytes()).collect()
        }
        Encoding::Bf16 => {
            (0..rows * cols).flat_map(|_| half::bf16::from_f32(random.float()).to_le_bytes()).collect()
        }
        _ => {
            let block = known.iter().find(|block| block.encoding == encoding).expect("a known block");
            let mut codes = bytes(rows * cols / block.cols * block.bytes);
            for (index, bytes) in codes.chunks_exact_mut(block.bytes).enumerate() {
                for at in block.halves {
                    let value = half::f16::from_f32(0.001 + 0.0002 * ((index + at) % 9) as f32);
                    bytes[*at..at + 2].copy_from_slice(&value.to_le_bytes());
                }
            }
            codes
        }
    };
    Tiles::pack(
        processor.team(),
        &Stored { encoding, rows, cols, codes: &codes, scales: &scales, biases: &biases },
    )
}

fn encodings() -> Vec<Encoding> {
    let mut all = vec![
        Encoding::F32,
        Encoding::F16,
        Encoding::Bf16,
        Encoding::Q4_0,
        Encoding::Q4_1,
        Encoding::Q5_0,
        Encoding::Q5_1,
        Encoding::Q8_0,
        Encoding::Q2K,
        Encoding::Q3K,
        Encoding::Q4K,
        Encoding::Q5K,
        Encoding::Q6K,
    ];
    for bits in [2, 3, 4, 5, 6, 8] {
        for (group, side) in [(32, Side::F32), (64, Side::Bf16), (128, Side::F16)] {
            all.push(Encoding::Affine { bits, group, side });
        }
    }
    all
}

/// The largest difference from the exact products, as a share of the sum of magnitudes: what rounding is
/// measured by.
fn gap(processor: &Processor, tiles: &[Tiles], rows: usize, seed: u64) -> f64 {
    let cols = tiles[0].cols();
    let mut input = Input::new(rows + 3, cols);
    let mut random = Random(seed);
    for value in input.fill(rows) {
        *value = random.float();
    }
    let mut outs: Vec<Vec<f32>> = tiles.iter().map(|tiles| vec![f32::NAN; rows * tiles.rows()]).collect();
    let mut jobs: Vec<Product<'_>> =
        tiles.iter().zip(&mut outs).map(|(weights, out)| Product { weights, out }).collect();
    products(processor, &mut input, &mut jobs);
    let mut worst = 0f64;
    let mut row = vec![0f32; cols];
    for (tiles, out) in tiles.iter().zip(&outs) {
        for at in 0..tiles.rows() {
            tiles.read_row(at, &mut row);
            for (index, x) in input.values().chunks_exact(cols).enumerate() {
                let terms = || row.iter().zip(x).map(|(w, x)| f64::from(*w) * f64::from(*x));
                let (right, size): (f64, f64) = (terms().sum(), terms().map(f64::abs).sum());
                let gap = (f64::from(out[index * tiles.rows() + at]) - right).abs() / size;
                worst = if gap.is_nan() { f64::INFINITY } else { worst.max(gap) };
            }
        }
    }
    worst
}

#[test]
fn exact_products_are_exact_up_to_the_order_of_sums() {
    for machine in Machine::all() {
        let processor = Processor::new(2, machine, Arithmetic::Exact);
        for (seed, encoding) in encodings().into_iter().enumerate() {
            let tiles = [
                matrix(&processor, encoding, 50, 512, 7 + seed as u64),
                matrix(&processor, encoding, 16, 512, 99),
            ];
            for rows in [1, 3, 13] {
                let gap = gap(&processor, &tiles, rows, 3);
                assert!(gap < 1e-6, "{machine}, {encoding:?}, {rows} rows: {gap:e}");
            }
        }
    }
}

/// The stated bounds: half a step of 127 per activation for few rows, half a unit of bf16 on both sides for many.
#[test]
fn fast_products_keep_their_stated_error() {
    for machine in Machine::all() {
        let processor = Processor::new(2, machine, Arithmetic::Fast);
        for (seed, encoding) in encodings().into_iter().enumerate() {
            let tiles = [
                matrix(&processor, encoding, 50, 512, 7 + seed as u64),
                matrix(&processor, encoding, 16, 512, 99),
            ];
            for rows in [1, 2, 3, 4, 7, 8] {
                let gap = gap(&processor, &tiles, rows, 5);
                // Activations are spread evenly up to 1: on average twice the bound of the largest.
                assert!(gap < 1.0 / 127.0, "{machine}, {encoding:?}, {rows} rows: {gap:e}");
            }
            for rows in [9, 16, 33, 70] {
                let gap = gap(&processor, &tiles, rows, 5);
                assert!(gap < 1.0 / 256.0, "{machine}, {encoding:?}, {rows} rows: {gap:e}");
            }
        }
    }
}

/// Verifying drafts needs it: what a row gives must not depend on the rows beside it.
#[test]
fn few_rows_give_what_each_gives_alone() {
    for machine in Machine::all() {
        let processor = Processor::new(1, machine, Arithmetic::Fast);
        for encoding in
            [Encoding::Bf16, Encoding::Affine { bits: 4, group: 64, side: Side::Bf16 }, Encoding::Q6K]
        {
            let tiles = matrix(&processor, encoding, 40, 512, 1);
            let values: Vec<f32> = (0..7 * 512).map(|i| ((i * 37 % 101) as f32 - 50.0) / 31.0).collect();
            let run = |values: &[f32]| {
                let rows = values.len() / 512;
                let mut input = Input::new(rows, 512);
                input.fill(rows).copy_from_slice(values);
                let mut out = vec![0f32; rows * 40];
                products(&processor, &mut input, &mut [Product { weights: &tiles, out: &mut out }]);
                out
            };
            let alone: Vec<f32> = values.chunks_exact(512).flat_map(run).collect();
            assert_eq!(run(&values), alone, "{machine}, {encoding:?}");
        }
    }
}

#[test]
fn columns_need_not_be_whole_registers() {
    for machine in Machine::all() {
        for arithmetic in [Arithmetic::Exact, Arithmetic::Fast] {
            let processor = Processor::new(1, machine, arithmetic);
            for (encoding, cols) in
                [(Encoding::F32, 7), (Encoding::Bf16, 13), (Encoding::Bf16, 22), (Encoding::F16, 5)]
            {
                let tiles = [matrix(&processor, encoding, 18, cols, 4)];
                for rows in [1, 2, 20] {
                    let gap = gap(&processor, &tiles, rows, 11);
                    assert!(gap < 1e-6, "{machine}, {encoding:?} of {cols}, {rows} rows: {gap:e}");
                }
            }
        }
    }
}
