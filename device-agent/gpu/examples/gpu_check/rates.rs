//! How fast kernels read, beside how fast the device copies.

use std::error::Error;

use dyno_gpu::{Arg, Buffer, Gpu, Kernel, Param, Scalar};
use dyno_weights::{Format, Side};
use serde_json::{Value, json};

/// Far more than any cache holds.
const POOL_BYTES: usize = 1 << 30;
const ROUNDS: u64 = 40;

/// Device time of one round of `work`, in seconds; the first rounds are left out.
fn time<G: Gpu>(
    gpu: &mut G,
    mut work: impl FnMut(&mut G, u64) -> dyno_gpu::Result<()>,
) -> Result<f64, Box<dyn Error>> {
    for round in 0..4 {
        work(gpu, round)?;
    }
    gpu.submit()?;
    let before = gpu.busy_ns().ok_or("the device tells no time")?;
    for round in 0..ROUNDS {
        work(gpu, round)?;
    }
    gpu.submit()?;
    let after = gpu.busy_ns().ok_or("the device tells no time")?;
    Ok((after - before) as f64 * 1e-9 / ROUNDS as f64)
}

/// Bytes per second of a copy, each byte counted as read and as written; then each product.
pub(crate) fn measure<G: Gpu>(gpu: &mut G) -> Result<(f64, Vec<Value>), Box<dyn Error>> {
    let pool = gpu.buffer(POOL_BYTES)?;
    let (x, y) = (gpu.buffer(1 << 22)?, gpu.buffer(1 << 22)?);
    // A copy has no kernel of ours around it: an empty one opens the time.
    let opener = gpu.kernel(&Kernel::new("argmax", []))?;
    let copied = time(gpu, |gpu, _| {
        gpu.dispatch(opener, &[Arg::In(x, 0), Arg::In(x, 0), Arg::Out(y, 0), Arg::U32(0)], [1, 1, 1], 32)?;
        gpu.copy((pool, 0), (pool, POOL_BYTES / 2), POOL_BYTES / 2)
    })?;
    let bandwidth = POOL_BYTES as f64 / copied;
    println!("a copy moves {:.0} GB/s", bandwidth / 1e9);
    let mut rows = Vec::new();
    let formats = [
        (Format::Affine { bits: 3, group: 64 }, Side::Bf16),
        (Format::Affine { bits: 4, group: 64 }, Side::Bf16),
        (Format::Affine { bits: 5, group: 64 }, Side::Bf16),
        (Format::Affine { bits: 6, group: 64 }, Side::Bf16),
        (Format::Affine { bits: 8, group: 64 }, Side::Bf16),
        (Format::Bf16, Side::F32),
    ];
    // The head, and the widest and narrowest products of a layer, of 0.8B and 2B.
    let products = [
        ("head 0.8B", 248_320, 1024, 0, 1),
        ("gate and up 0.8B", 3584, 1024, 2, 1),
        ("head 2B", 248_320, 2048, 0, 1),
        ("gate and up 2B", 6144, 2048, 2, 1),
        ("down 2B", 2048, 6144, 1, 0),
    ];
    for (format, side) in formats {
        for product in products {
            rows.push(one(gpu, (format, side), product, (pool, x, y), bandwidth)?);
        }
    }
    for buffer in [pool, x, y] {
        gpu.free(buffer);
    }
    Ok((bandwidth, rows))
}

fn one<G: Gpu>(
    gpu: &mut G,
    (format, side): (Format, Side),
    (name, rows, cols, end, norm): (&str, u32, u32, i32, i32),
    (pool, x, y): (Buffer, Buffer, Buffer),
    bandwidth: f64,
) -> Result<Value, Box<dyn Error>> {
    let out = Param::Type(Scalar::F32);
    let head = rows == 248_320;
    let kind = if head { Scalar::F32 } else { Scalar::F16 };
    let params = [
        Param::Weights(format, side),
        Param::Type(kind),
        if head { out } else { Param::Type(kind) },
        Param::Int(end),
        Param::Int(norm),
    ];
    let kernel = gpu.kernel(&Kernel::new("matvec", params))?;
    let stored = if end == 2 { 2 * rows } else { rows } as usize * cols as usize;
    let bytes = (stored as f64 * format.bits_per_weight() / 8.0) as usize;
    // Another place every time, so that what was read stays in no cache. Codes, scales and biases lie apart.
    let span = bytes.next_multiple_of(256);
    let places = (POOL_BYTES / span).max(1);
    let codes = stored * format.block_bytes() / format.block_elements();
    let sides = (bytes - codes) / 2 / 16 * 16;
    let seconds = time(gpu, |gpu, round| {
        let at = round as usize % places * span;
        let args = [
            Arg::In(pool, at),
            Arg::In(pool, at + codes),
            Arg::In(pool, at + codes + sides),
            Arg::In(x, 0),
            Arg::In(x, 0),
            Arg::Out(y, 0),
            Arg::U32(rows),
            Arg::U32(cols),
            Arg::U32(rows),
            Arg::F32(1e-6),
        ];
        let each = if end == 2 { 4 } else { 8 };
        gpu.dispatch(kernel, &args, [rows.div_ceil(each), 1, 1], 64)
    })?;
    let rate = bytes as f64 / seconds;
    println!(
        "{:8.1} us {:6.0} GB/s {:5.1} %  {name} {format}",
        seconds * 1e6,
        rate / 1e9,
        100.0 * rate / bandwidth
    );
    Ok(json!({
        "product": name, "format": format.to_string(), "activations": format!("{kind:?}"),
        "bytes": bytes, "seconds": seconds, "bytes_per_s": rate, "share_of_copy": rate / bandwidth,
    }))
}
