//! Products of bf16 with sums in f32, on the instructions that have them.

use crate::machine::Machine;
use crate::product::Pair;
use crate::vector::LANES;

/// Calls `put(row, tile, sixteen sums)` for every row and tile.
pub(crate) fn multiply(machine: Machine, pair: Pair<'_>, put: impl FnMut(usize, usize, &[f32; LANES])) {
    let padded = pair.rows.next_multiple_of(LANES);
    assert!(pair.activations.len() >= padded * pair.cols && pair.cols.is_multiple_of(32), "whole blocks");
    assert!(
        pair.weights[..pair.tiles].iter().all(|weights| weights.len() == pair.cols * LANES),
        "whole tiles"
    );
    #[cfg(target_arch = "x86_64")]
    {
        if machine.has_amx() {
            crate::amx::multiply(pair, put);
        } else {
            x86::multiply(pair, put);
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = (machine, put);
        unreachable!("no machine of this architecture says that it multiplies bf16");
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    //! By `vdpbf16ps`: a pair of columns for sixteen rows at once.

    use std::arch::x86_64::*;

    use super::{LANES, Pair};

    /// Rows of activations whose sums are kept in registers, for two tiles.
    const ROWS: usize = 8;

    pub(super) fn multiply(pair: Pair<'_>, mut put: impl FnMut(usize, usize, &[f32; LANES])) {
        for first in (0..pair.rows).step_by(ROWS) {
            let mut sums = [[[0f32; LANES]; 2]; ROWS];
            // SAFETY: a machine says that it multiplies bf16 only where it was asked; lengths were checked.
            unsafe {
                if pair.tiles == 2 {
                    rows::<2>(pair, first, &mut sums);
                } else {
                    rows::<1>(pair, first, &mut sums);
                }
            }
            for row in first..(first + ROWS).min(pair.rows) {
                for (tile, sums) in sums[row - first][..pair.tiles].iter().enumerate() {
                    put(row, tile, sums);
                }
            }
        }
    }

    #[target_feature(enable = "avx512f,avx512bf16")]
    unsafe fn rows<const TILES: usize>(pair: Pair<'_>, first: usize, out: &mut [[[f32; LANES]; 2]; ROWS]) {
        let mut sums = [[_mm512_setzero_ps(); TILES]; ROWS];
        let activations = pair.activations.as_ptr().add(first * pair.cols);
        for column in (0..pair.cols).step_by(2) {
            let mut w = [_mm512_setzero_si512(); TILES];
            for (w, weights) in w.iter_mut().zip(pair.weights) {
                *w = _mm512_loadu_si512(weights.as_ptr().add(column * LANES).cast());
            }
            for (row, sums) in sums.iter_mut().enumerate() {
                let two = activations.add(row * pair.cols + column).cast::<i32>().read_unaligned();
                let two: __m512bh = std::mem::transmute(_mm512_set1_epi32(two));
                for (sum, w) in sums.iter_mut().zip(w) {
                    *sum = _mm512_dpbf16_ps(*sum, std::mem::transmute::<__m512i, __m512bh>(w), two);
                }
            }
        }
        for (out, sums) in out.iter_mut().zip(sums) {
            for (out, sum) in out.iter_mut().zip(sums) {
                _mm512_storeu_ps(out.as_mut_ptr(), sum);
            }
        }
    }
}
