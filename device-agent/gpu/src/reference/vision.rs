//! What the vision tower has beside products, norms and attention.

use super::Call;
use crate::kernel::Scalar::F32;

/// x, table, taps, weights, cols
pub(super) fn add_positions(call: &mut Call<'_>) {
    let (kind, cols) = (call.scalar(0), call.size(4));
    for patch in 0..call.groups[0] as usize {
        for i in 0..cols {
            let tap = |tap: usize| {
                let at = call.id(2, patch * 4 + tap) as usize;
                call.get(3, F32, patch * 4 + tap) * call.get(1, F32, at * cols + i)
            };
            let sum = call.get(0, kind, patch * cols + i) + (0..4).map(tap).sum::<f64>();
            call.set(0, kind, patch * cols + i, sum);
        }
    }
}

/// rows, turns, heads
pub(super) fn turn_patches(call: &mut Call<'_>) {
    let (kind, dim, heads) = (call.scalar(0), call.int(1) as usize, call.size(2));
    let half = dim / 2;
    for patch in 0..call.groups[0] as usize {
        for head in 0..2 * heads {
            for i in 0..half {
                let at = (patch * 3 * heads + head) * dim + i;
                let (a, b) = (call.get(0, kind, at), call.get(0, kind, at + half));
                let turn = |j: usize| call.get(1, F32, patch * dim + j);
                let (cos, sin) = (turn(i), turn(half + i));
                call.set(0, kind, at, a * cos - b * sin);
                call.set(0, kind, at + half, b * cos + a * sin);
            }
        }
    }
}
