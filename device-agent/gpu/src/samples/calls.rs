//! One call of each kernel: its arguments in their order, as the forward pass would hand them over.

use super::maker::{Maker, blank, size, u32s};
use super::{Shape, Written};
use crate::kernel::{Kernel, Scalar};
use crate::reference::{Value, write};

const EPS: Value = Value::F32(1e-6);
const SWIGLU: i32 = 2;

/// Arguments, which of them are written, groups, threads.
pub(super) type Call = (Vec<Value>, Vec<(usize, Written)>, [u32; 3], u32);

pub(super) fn matvec(
    m: &mut Maker,
    kernel: &Kernel,
    shape: Shape,
    (kind, out, end): (Scalar, Scalar, i32),
) -> Call {
    let Shape { rows, cols, .. } = shape;
    let tokens = 2;
    let stored = if end == SWIGLU { 2 * rows } else { rows };
    let [codes, scales, biases] = m.weights(kernel.params[0], stored, cols);
    let x = m.numbers(kind, tokens * cols, 1.0);
    let norm = m.around(Scalar::F32, cols, 1.0, 0.5);
    let y = m.numbers(out, tokens * (rows + 3), 1.0);
    let args = vec![codes, scales, biases, x, norm, y, size(rows), size(cols), size(rows + 3), EPS];
    let each = if end == SWIGLU { 2 } else { 4 };
    let groups = [(rows as u32).div_ceil(2 * each), tokens as u32, 1];
    (args, vec![(5, Written::Numbers(out))], groups, 64)
}

pub(super) fn matmul(
    m: &mut Maker,
    kernel: &Kernel,
    shape: Shape,
    (kind, out, end): (Scalar, Scalar, i32),
) -> Call {
    let Shape { rows, cols, tokens, .. } = shape;
    let stored = if end == SWIGLU { 2 * rows } else { rows };
    let [codes, scales, biases] = m.weights(kernel.params[0], stored, cols);
    let x = m.numbers(kind, tokens * cols, 1.0);
    let bias = m.numbers(Scalar::F32, rows, 1.0);
    let y = m.numbers(out, tokens * (rows + 3), 1.0);
    let args = vec![codes, scales, biases, x, bias, y, size(tokens), size(rows), size(cols), size(rows + 3)];
    let each = if end == SWIGLU { 32 } else { 64 };
    let groups = [(rows as u32).div_ceil(each), (tokens as u32).div_ceil(32), 1];
    (args, vec![(5, Written::Numbers(out))], groups, 128)
}

pub(super) fn delta(m: &mut Maker, name: &str, shape: Shape, (kind, dk, dv): (Scalar, usize, usize)) -> Call {
    let Shape { key_heads, value_heads, tokens, before, .. } = shape;
    let channels = 2 * key_heads * dk + value_heads * dv;
    let stride = channels + value_heads * dv + 2 * value_heads;
    let share = if shape.tiled { 1 } else { value_heads / key_heads };
    let sizes = [size(key_heads), size(value_heads)];
    let rows = if name == "delta_step" { 1 } else { tokens };
    let row = m.numbers(kind, rows * stride, 1.0);
    let taps = m.numbers(Scalar::F32, 4 * channels, 0.7);
    let ring = m.numbers(Scalar::F32, 4 * channels, 1.0);
    let rate = m.around(Scalar::F32, value_heads, -1.0, 0.9);
    let dt_bias = m.numbers(Scalar::F32, value_heads, 1.0);
    let norm = m.around(Scalar::F32, dv, 1.0, 0.5);
    let state = m.numbers(Scalar::F32, value_heads * dk * dv, 0.3);
    // Whole blocks of sixteen, as the kernel wants them; keys of unit length, as they come.
    let block = tokens.next_multiple_of(16);
    let mixed = m.numbers(Scalar::F32, block * channels, (3.0 / dk as f64).sqrt());
    let f32s = Written::Numbers(Scalar::F32);
    let token_count = tokens as u32;
    match name {
        "delta_step" => {
            let y = blank(kind, value_heads * dv);
            let [keys, values] = sizes;
            let args = vec![
                row,
                taps,
                ring,
                rate,
                dt_bias,
                norm,
                state,
                y,
                keys,
                values,
                size(share),
                size(before),
                EPS,
            ];
            let written = vec![(2, f32s), (6, f32s), (7, Written::Numbers(kind))];
            (args, written, [value_heads as u32, 1, 1], 512.min(32 * dv as u32))
        }
        "delta_inputs" => {
            let [keys, values] = sizes;
            let out = blank(Scalar::F32, tokens * channels);
            let args = vec![row, taps, ring, out, keys, values, size(before)];
            let heads = (2 * key_heads + value_heads) as u32;
            (args, vec![(3, f32s)], [heads, token_count, 1], 32)
        }
        "delta_rule" => {
            let [keys, values] = sizes;
            let out = blank(Scalar::F32, tokens * value_heads * dv);
            let args = vec![
                row,
                mixed,
                ring,
                rate,
                dt_bias,
                state,
                out,
                keys,
                values,
                size(share),
                size(before),
                size(tokens),
            ];
            (args, vec![(2, f32s), (5, f32s), (6, f32s)], [value_heads as u32, dv as u32 / 32, 1], 128)
        }
        _ => {
            let [keys, values] = sizes;
            let out = m.numbers(Scalar::F32, tokens * value_heads * dv, 1.0);
            let y = blank(kind, tokens * value_heads * dv);
            let args = vec![row, out, norm, y, keys, values, EPS];
            (args, vec![(3, Written::Numbers(kind))], [value_heads as u32, token_count, 1], 32)
        }
    }
}

pub(super) fn append(m: &mut Maker, shape: Shape, kind: Scalar, dim: usize, each: usize) -> Call {
    let Shape { kv_heads, tokens, before, .. } = shape;
    let heads = each * kv_heads;
    let capacity = (before + tokens).next_multiple_of(32);
    let turned = dim / 8;
    let args = vec![
        m.numbers(kind, tokens * (2 * heads + 2 * kv_heads) * dim, 1.0),
        m.around(Scalar::F32, dim, 1.0, 0.5),
        m.around(Scalar::F32, dim, 1.0, 0.5),
        m.numbers(Scalar::F32, (before + tokens) * 2 * turned, 1.0),
        blank(kind, tokens * heads * dim),
        m.numbers(kind, kv_heads * capacity * dim, 1.0),
        m.numbers(kind, kv_heads * capacity * dim, 1.0),
        size(heads),
        size(kv_heads),
        size(capacity),
        size(before),
        size(turned),
        EPS,
    ];
    let written = [4, 5, 6].map(|at| (at, Written::Numbers(kind))).to_vec();
    (args, written, [(heads + 2 * kv_heads) as u32, tokens as u32, 1], 32)
}

pub(super) fn shares(m: &mut Maker, shape: Shape, kind: Scalar, dim: usize, each: usize) -> Call {
    let (kv_heads, length) = (shape.kv_heads, shape.before + shape.tokens);
    let heads = kv_heads * each;
    let capacity = length.next_multiple_of(32);
    // The last share is shorter than there are simdgroups, so that one of them finds nothing.
    let share = length.div_ceil(3).max(5) + 1;
    let parts = length.div_ceil(share);
    let args = vec![
        m.numbers(kind, heads * dim, 1.0),
        m.numbers(kind, kv_heads * capacity * dim, 1.0),
        m.numbers(kind, kv_heads * capacity * dim, 1.0),
        blank(Scalar::F32, parts * heads * dim),
        blank(Scalar::F32, parts * heads * 2),
        size(capacity),
        size(length),
        size(share),
        Value::F32((dim as f32).powf(-0.5) * 4.0),
    ];
    let f32s = Written::Numbers(Scalar::F32);
    (args, vec![(3, f32s), (4, f32s)], [kv_heads as u32, parts as u32, 1], 128)
}

pub(super) fn many(m: &mut Maker, shape: Shape, kind: Scalar, dim: usize, causal: bool) -> Call {
    let Shape { kv_heads, tokens, .. } = shape;
    let before = if causal { shape.before } else { 0 };
    let (each, length) = if causal { (2, before + tokens) } else { (1, tokens) };
    let heads = kv_heads * each;
    let capacity = length.next_multiple_of(32);
    let row_stride = 2 * (heads + kv_heads) * dim;
    let queries = tokens.next_multiple_of(8);
    let args = vec![
        m.numbers(kind, queries * heads * dim, 1.0),
        m.numbers(kind, kv_heads * capacity * dim, 1.0),
        m.numbers(kind, kv_heads * capacity * dim, 1.0),
        m.numbers(kind, tokens * row_stride, 1.0),
        blank(kind, tokens * heads * dim),
        size(tokens),
        size(before),
        size(length),
        size(heads * dim),
        size(dim),
        size(capacity * dim),
        size(row_stride),
        size(each),
        Value::F32((dim as f32).powf(-0.5) * 4.0),
    ];
    let groups = [tokens.div_ceil(32) as u32, heads as u32, 1];
    (args, vec![(4, Written::Numbers(kind))], groups, 128)
}

pub(super) fn rms_norm(m: &mut Maker, shape: Shape, kind: Scalar) -> Call {
    let all = shape.tokens * shape.cols;
    let args = vec![
        m.numbers(kind, all, 2.0),
        m.around(Scalar::F32, shape.cols, 1.0, 0.5),
        blank(kind, all),
        size(shape.cols),
        EPS,
    ];
    (args, vec![(2, Written::Numbers(kind))], [shape.tokens as u32, 1, 1], 128)
}

pub(super) fn layer_norm(m: &mut Maker, shape: Shape, kind: Scalar) -> Call {
    let all = shape.tokens * shape.cols;
    let args = vec![
        m.around(kind, all, 3.0, 2.0),
        m.around(Scalar::F32, shape.cols, 1.0, 0.5),
        m.numbers(Scalar::F32, shape.cols, 0.5),
        blank(kind, all),
        size(shape.cols),
        EPS,
    ];
    (args, vec![(3, Written::Numbers(kind))], [shape.tokens as u32, 1, 1], 128)
}

pub(super) fn join(m: &mut Maker, shape: Shape, kind: Scalar, dim: usize) -> Call {
    let (heads, parts) = (3 * shape.kv_heads, 5);
    let weights: Vec<f64> = (0..parts * heads * 2)
        .map(|i| if i % 2 == 0 { m.number(4.0) } else { 2.0 + m.number(1.0) })
        .collect();
    let mut bytes = vec![0; weights.len() * 4];
    weights.iter().enumerate().for_each(|(i, w)| write(Scalar::F32, &mut bytes, i, *w));
    let args = vec![
        m.numbers(Scalar::F32, parts * heads * dim, 1.0),
        Value::Bytes(bytes),
        m.numbers(kind, heads * 2 * dim, 2.0),
        blank(kind, heads * dim),
        size(parts),
    ];
    (args, vec![(3, Written::Numbers(kind))], [heads as u32, 1, 1], 64)
}

pub(super) fn embed(m: &mut Maker, kernel: &Kernel, shape: Shape, kind: Scalar) -> Call {
    let ids = (0..shape.tokens).map(|_| (m.next() % shape.rows as u64) as u32).collect::<Vec<_>>();
    let [codes, scales, biases] = m.weights(kernel.params[0], shape.rows, shape.cols);
    let out = blank(kind, shape.tokens * shape.cols);
    let args = vec![codes, scales, biases, u32s(ids), out, size(shape.rows), size(shape.cols)];
    let groups = [(shape.cols as u32 / 16).div_ceil(64), shape.tokens as u32, 1];
    (args, vec![(4, Written::Numbers(kind))], groups, 64)
}

pub(super) fn argmax_parts(m: &mut Maker, shape: Shape) -> Call {
    let (count, share) = (shape.rows * 41, 512);
    let parts = count.div_ceil(share);
    let mut logits = m.numbers(Scalar::F32, count, 4.0);
    // Two equal best ones in different shares and one twice in the same: the lowest id must win.
    if let Value::Bytes(bytes) = &mut logits {
        for at in [count / 3, count / 3 + 1, count - 2] {
            write(Scalar::F32, bytes, at, 5.0);
        }
    }
    let args = vec![logits, blank(Scalar::F32, parts), blank(Scalar::F32, parts), size(count), size(share)];
    (args, vec![(1, Written::Numbers(Scalar::F32)), (2, Written::Ids)], [parts as u32, 1, 1], 256)
}

pub(super) fn argmax(m: &mut Maker, shape: Shape) -> Call {
    let count = shape.rows;
    let mut values = m.numbers(Scalar::F32, count, 4.0);
    if let Value::Bytes(bytes) = &mut values {
        for at in [count / 2, count - 1] {
            write(Scalar::F32, bytes, at, 5.0);
        }
    }
    let ids = u32s((0..count as u32).map(|i| i * 100 + 7));
    let args = vec![values, ids, blank(Scalar::F32, 1), size(count)];
    (args, vec![(2, Written::Ids)], [1, 1, 1], 32)
}

pub(super) fn add_positions(m: &mut Maker, shape: Shape, kind: Scalar) -> Call {
    let side = 49;
    let taps = (0..shape.tokens * 4).map(|_| (m.next() % side) as u32).collect::<Vec<_>>();
    let args = vec![
        m.numbers(kind, shape.tokens * shape.cols, 1.0),
        m.numbers(Scalar::F32, side as usize * shape.cols, 1.0),
        u32s(taps),
        m.numbers(Scalar::F32, shape.tokens * 4, 1.0),
        size(shape.cols),
    ];
    (args, vec![(0, Written::Numbers(kind))], [shape.tokens as u32, 1, 1], 128)
}

pub(super) fn turn_patches(m: &mut Maker, shape: Shape, kind: Scalar, dim: usize) -> Call {
    let heads = 2 * shape.kv_heads;
    let args = vec![
        m.numbers(kind, shape.tokens * 3 * heads * dim, 1.0),
        m.numbers(Scalar::F32, shape.tokens * dim, 1.0),
        size(heads),
    ];
    (args, vec![(0, Written::Numbers(kind))], [shape.tokens as u32, 1, 1], 128)
}
