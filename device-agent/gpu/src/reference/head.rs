//! The two ends of the model.

use super::{Call, weights};
use crate::kernel::Scalar::F32;

/// codes, scales, biases, ids, y, vocab, cols
pub(super) fn embed(call: &mut Call<'_>) {
    let (kind, vocab, cols) = (call.scalar(1), call.size(5), call.size(6));
    for token in 0..call.groups[1] as usize {
        let id = (call.id(3, token) as usize).min(vocab - 1);
        for (i, value) in weights::row(call, id, cols).into_iter().enumerate() {
            call.set(4, kind, token * cols + i, value);
        }
    }
}

/// logits, values, ids, count, share
pub(super) fn argmax_parts(call: &mut Call<'_>) {
    let (count, share) = (call.size(3), call.size(4));
    for part in 0..call.groups[0] as usize {
        let begin = part * share;
        let mut best = (f64::from(-3.0e38f32), begin);
        for i in begin..(begin + share).min(count) {
            let value = call.get(0, F32, i);
            if value > best.0 {
                best = (value, i);
            }
        }
        call.set(1, F32, part, best.0);
        call.set_id(2, part, best.1 as u32);
    }
}

/// values, ids, chosen, count
pub(super) fn argmax(call: &mut Call<'_>) {
    let mut best = (f64::from(-3.0e38f32), u32::MAX);
    for i in 0..call.size(3) {
        let (value, id) = (call.get(0, F32, i), call.id(1, i));
        if value.total_cmp(&best.0).then(best.1.cmp(&id)).is_gt() {
            best = (value, id);
        }
    }
    call.set_id(2, 0, best.1);
}
