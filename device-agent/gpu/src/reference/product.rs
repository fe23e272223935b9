//! Products with weights, and what they do with their results.

use super::{Call, silu, weights};

const ADD: i32 = 1;
const SWIGLU: i32 = 2;
const BIAS: i32 = 3;
const BIAS_GELU: i32 = 4;
const BIAS_GELU_ERF: i32 = 5;
const BIAS_ADD: i32 = 6;

fn gelu_tanh(x: f64) -> f64 {
    0.5 * x * (1.0 + (0.797_884_560_802_865_4 * (x + 0.044_715 * x * x * x)).tanh())
}

fn gelu_erf(x: f64) -> f64 {
    0.5 * x * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2))
}

/// By its series, which converges everywhere; slow and plain.
fn erf(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return x.signum();
    }
    let (mut term, mut sum, mut n) = (x, x, 0.0);
    while term.abs() > 1e-17 * sum.abs() && n < 400.0 {
        n += 1.0;
        term *= -x * x / n;
        sum += term / (2.0 * n + 1.0);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// codes, scales, biases, x, norm, y, rows, cols, stride, eps
pub(super) fn matvec(call: &mut Call<'_>) {
    let (kind, out, end) = (call.scalar(1), call.scalar(2), call.int(3));
    let (rows, cols, stride) = (call.size(6), call.size(7), call.size(8));
    let input = |call: &Call<'_>, token: usize| {
        let mut x: Vec<f64> = (0..cols).map(|i| call.get(3, kind, token * cols + i)).collect();
        if call.int(4) != 0 {
            let length = 1.0 / (dot(&x, &x) / cols as f64 + call.number(9)).sqrt();
            let scale = |(i, v): (usize, &mut f64)| *v *= length * call.get(4, crate::Scalar::F32, i);
            x.iter_mut().enumerate().for_each(scale);
        }
        x
    };
    let inputs: Vec<Vec<f64>> = (0..call.groups[1] as usize).map(|token| input(call, token)).collect();
    for row in 0..rows {
        let weight = weights::row(call, row, cols);
        let up = if end == SWIGLU { weights::row(call, rows + row, cols) } else { Vec::new() };
        for (token, x) in inputs.iter().enumerate() {
            let at = token * stride + row;
            let mut value = dot(&weight, x);
            if end == SWIGLU {
                value = silu(value) * dot(&up, x);
            }
            if end == ADD {
                value += call.get(5, out, at);
            }
            call.set(5, out, at, value);
        }
    }
}

/// codes, scales, biases, x, bias, y, tokens, rows, cols, stride
pub(super) fn matmul(call: &mut Call<'_>) {
    let (kind, out, end) = (call.scalar(1), call.scalar(2), call.int(3));
    let (tokens, rows, cols, stride) = (call.size(6), call.size(7), call.size(8), call.size(9));
    let input = |token| (0..cols).map(|i| call.get(3, kind, token * cols + i)).collect();
    let inputs: Vec<Vec<f64>> = (0..tokens).map(input).collect();
    for row in 0..rows {
        let weight = weights::row(call, row, cols);
        let up = if end == SWIGLU { weights::row(call, rows + row, cols) } else { Vec::new() };
        for (token, x) in inputs.iter().enumerate() {
            let mut value = dot(&weight, x);
            let at = token * stride + row;
            if matches!(end, BIAS | BIAS_GELU | BIAS_GELU_ERF | BIAS_ADD) {
                value += call.get(4, crate::Scalar::F32, row);
            }
            value = match end {
                SWIGLU => silu(value) * dot(&up, x),
                BIAS_GELU => gelu_tanh(value),
                BIAS_GELU_ERF => gelu_erf(value),
                ADD | BIAS_ADD => value + call.get(5, out, at),
                _ => value,
            };
            call.set(5, out, at, value);
        }
    }
}
