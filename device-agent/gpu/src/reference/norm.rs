//! Norms over rows.

use super::Call;
use crate::kernel::Scalar::F32;

/// x, scale, y, cols, eps
pub(super) fn rms_norm(call: &mut Call<'_>) {
    let (kind, cols, eps) = (call.scalar(0), call.size(3), call.number(4));
    for row in 0..call.groups[0] as usize {
        let x: Vec<f64> = (0..cols).map(|i| call.get(0, kind, row * cols + i)).collect();
        let mean = x.iter().map(|v| v * v).sum::<f64>() / cols as f64;
        let length = 1.0 / (mean + eps).sqrt();
        for (i, v) in x.iter().enumerate() {
            let value = v * length * call.get(1, F32, i);
            call.set(2, kind, row * cols + i, value);
        }
    }
}

/// x, scale, bias, y, cols, eps
pub(super) fn layer_norm(call: &mut Call<'_>) {
    let (kind, cols, eps) = (call.scalar(0), call.size(4), call.number(5));
    for row in 0..call.groups[0] as usize {
        let x: Vec<f64> = (0..cols).map(|i| call.get(0, kind, row * cols + i)).collect();
        let mean = x.iter().sum::<f64>() / cols as f64;
        let spread = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / cols as f64;
        let length = 1.0 / (spread + eps).sqrt();
        for (i, v) in x.iter().enumerate() {
            let value = (v - mean) * length * call.get(1, F32, i) + call.get(2, F32, i);
            call.set(3, kind, row * cols + i, value);
        }
    }
}
