//! What goes into tiles comes out of them, for every width and way of scaling.

#![expect(clippy::float_cmp, reason = "nothing is rounded, so values are equal")]

use super::*;

#[test]
fn affine_codes_keep_their_places() {
    let team = Team::new(2);
    for bits in [2u8, 3, 4, 5, 6, 8] {
        for group in [32usize, 64, 128] {
            let (rows, cols) = (19, 256);
            let code = |row: usize, column: usize| (row * 131 + column * 29 + column / 7) & ((1 << bits) - 1);
            let mut codes = Vec::new();
            for row in 0..rows {
                let (mut window, mut held) = (0u64, 0);
                for column in 0..cols {
                    window |= (code(row, column) as u64) << held;
                    held += usize::from(bits);
                    while held >= 8 {
                        codes.push(window as u8);
                        window >>= 8;
                        held -= 8;
                    }
                }
            }
            // Sums of powers of two, so that nothing is rounded.
            let scale = |row: usize, at: usize| if (row + at).is_multiple_of(3) { -0.25f32 } else { 0.5 };
            let bias = |row: usize, at: usize| (row as f32) - 4.0 * at as f32;
            let side = |value: &dyn Fn(usize, usize) -> f32| -> Vec<u8> {
                let places = (0..rows).flat_map(|row| (0..cols / group).map(move |at| (row, at)));
                places.flat_map(|(row, at)| ((value(row, at).to_bits() >> 16) as u16).to_le_bytes()).collect()
            };
            let stored = Stored {
                encoding: Encoding::Affine { bits, group, side: Side::Bf16 },
                rows,
                cols,
                codes: &codes,
                scales: &side(&scale),
                biases: &side(&bias),
            };
            let tiles = Tiles::pack(&team, &stored);
            let mut out = vec![0f32; cols];
            for row in 0..rows {
                tiles.read_row(row, &mut out);
                for (column, value) in out.iter().enumerate() {
                    let at = column / group;
                    let right = scale(row, at) * code(row, column) as f32 + bias(row, at);
                    assert_eq!(*value, right, "{bits} bits, groups of {group}, row {row}, column {column}");
                }
            }
        }
    }
}
