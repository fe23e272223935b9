//! Every kernel against its reference, at the shapes of the models it is made for, in several orders of lanes.
//! Long dimensions are cut where the same code runs: rows of products, but never widths, heads or tiles.

use std::process::Command;

use dyno_gpu::samples::{Shape, sample};
use dyno_gpu::{FILES, Gpu, Kernel, Param, Scalar};
use dyno_gpu_emulator::{Emulator, Mode, Sources, sanitizer_runtime, strict};
use dyno_weights::{Format, Side};

const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/emulator");
const SEEDS: [u32; 3] = [0, 1, 7];
/// Says to a child of this test that it runs under the sanitizer.
const SANITIZED: &str = "DYNO_EMULATOR_SANITIZED";

const KINDS: [Scalar; 3] = [Scalar::F32, Scalar::F16, Scalar::Bf16];

fn small() -> Shape {
    Shape::SMALL
}

/// Hidden width, inner width, value heads and key-value heads of 0.8B, 2B and 4B.
fn models() -> [Shape; 3] {
    [(1024, 16, 2), (2048, 16, 2), (2560, 32, 4)].map(|(cols, value_heads, kv_heads)| Shape {
        rows: 41,
        cols,
        tokens: 35,
        before: 70,
        key_heads: 16,
        value_heads,
        tiled: false,
        kv_heads,
    })
}

fn affine(bits: u8, group: u16, side: Side) -> Param {
    Param::Weights(Format::Affine { bits, group }, side)
}

/// Products in every format and with every end, at small sizes; then the models' widths in their usual format.
fn products() -> Vec<(Kernel, Shape)> {
    let kind = Param::Type;
    let mut all = Vec::new();
    let mut add = |name, params: Vec<Param>, shape| all.push((Kernel::new(name, params), shape));
    for bits in [3, 4, 5, 6, 8] {
        for (group, side) in [(32, Side::F32), (64, Side::F16), (128, Side::Bf16)] {
            let weights = affine(bits, group, side);
            add(
                "matvec",
                vec![weights, kind(Scalar::F32), kind(Scalar::F32), Param::Int(0), Param::Int(1)],
                small(),
            );
            add("matmul", vec![weights, kind(Scalar::F32), kind(Scalar::F32), Param::Int(0)], small());
            add("embed", vec![weights, kind(Scalar::F32)], small());
        }
    }
    for format in [Format::F32, Format::F16, Format::Bf16] {
        let weights = Param::Weights(format, Side::F32);
        add(
            "matvec",
            vec![weights, kind(Scalar::F32), kind(Scalar::F32), Param::Int(1), Param::Int(0)],
            small(),
        );
        add("matmul", vec![weights, kind(Scalar::F32), kind(Scalar::F32), Param::Int(3)], small());
        add("embed", vec![weights, kind(Scalar::F32)], small());
    }
    let weights = affine(4, 64, Side::Bf16);
    for of in KINDS {
        for end in 0..3 {
            let norm = Param::Int((end != 1).into());
            add("matvec", vec![weights, kind(of), kind(of), Param::Int(end), norm], small());
            add("matmul", vec![weights, kind(of), kind(of), Param::Int(end)], small());
        }
        add("embed", vec![weights, kind(of)], small());
    }
    let vision = Param::Weights(Format::Bf16, Side::F32);
    for end in 3..7 {
        add("matmul", vec![vision, kind(Scalar::F32), kind(Scalar::F32), Param::Int(end)], small());
    }
    let f32s = kind(Scalar::F32);
    for shape in models() {
        let inner = Shape { cols: shape.cols * if shape.cols == 1024 { 7 } else { 6 } / 2, ..shape };
        let wide = Shape { cols: shape.value_heads * 128, ..shape };
        add("matvec", vec![weights, f32s, f32s, Param::Int(0), Param::Int(1)], shape);
        add("matvec", vec![weights, f32s, f32s, Param::Int(2), Param::Int(1)], shape);
        add("matvec", vec![weights, f32s, f32s, Param::Int(1), Param::Int(0)], inner);
        add("matvec", vec![weights, f32s, f32s, Param::Int(1), Param::Int(0)], wide);
        add("matmul", vec![weights, f32s, f32s, Param::Int(2)], shape);
        add("matmul", vec![weights, f32s, f32s, Param::Int(1)], inner);
    }
    all
}

/// Everything else, in every type at small sizes and at the models' head counts in single precision.
fn others() -> Vec<(Kernel, Shape)> {
    let mut all = Vec::new();
    let dims = |kind, dims: &[i32]| -> Vec<Param> {
        [Param::Type(kind)].into_iter().chain(dims.iter().map(|d| Param::Int(*d))).collect()
    };
    let delta = ["delta_step", "delta_inputs", "delta_rule", "delta_outputs"];
    for kind in KINDS {
        for name in delta {
            all.push((Kernel::new(name, dims(kind, &[32, 32])), small()));
            let tiled = Shape { tiled: true, tokens: 16, ..small() };
            all.push((Kernel::new(name, dims(kind, &[32, 32])), tiled));
            all.push((Kernel::new(name, dims(kind, &[32, 32])), Shape { tokens: 2, before: 1, ..small() }));
        }
        all.push((Kernel::new("rms_norm", dims(kind, &[])), small()));
        all.push((Kernel::new("layer_norm", dims(kind, &[])), small()));
        all.push((Kernel::new("add_positions", dims(kind, &[])), small()));
        all.push((Kernel::new("turn_patches", dims(kind, &[72])), small()));
        all.push((Kernel::new("norm_turn_append", dims(kind, &[64])), small()));
        all.push((Kernel::new("attend_shares", dims(kind, &[64, 2])), small()));
        all.push((Kernel::new("attend_join", dims(kind, &[64])), small()));
        all.push((Kernel::new("attend_many", dims(kind, &[64, 1])), small()));
        all.push((Kernel::new("attend_many", dims(kind, &[72, 0])), small()));
    }
    for shape in models() {
        for name in delta {
            all.push((Kernel::new(name, dims(Scalar::F32, &[128, 128])), shape));
        }
        all.push((Kernel::new("rms_norm", dims(Scalar::F32, &[])), Shape { tokens: 3, ..shape }));
        all.push((Kernel::new("norm_turn_append", dims(Scalar::F32, &[256])), Shape { tokens: 5, ..shape }));
        all.push((Kernel::new("attend_shares", dims(Scalar::F32, &[256, 4])), shape));
        all.push((Kernel::new("attend_join", dims(Scalar::F32, &[256])), shape));
        all.push((Kernel::new("attend_many", dims(Scalar::F32, &[256, 1])), Shape { tokens: 11, ..shape }));
        all.push((Kernel::new("attend_many", dims(Scalar::F32, &[64, 0])), shape));
    }
    let tiled = Shape { tiled: true, ..models()[2] };
    all.push((Kernel::new("delta_step", dims(Scalar::F32, &[128, 128])), tiled));
    all.push((Kernel::new("delta_rule", dims(Scalar::F32, &[128, 128])), tiled));
    all.push((Kernel::new("argmax_parts", []), Shape { rows: 41, ..small() }));
    all.push((Kernel::new("argmax", []), Shape { rows: 61, ..small() }));
    all
}

fn run(cases: &[(Kernel, Shape)], seeds: &[u32]) {
    let sanitized = std::env::var_os(SANITIZED).is_some();
    let mode = if sanitized { Mode::Sanitized } else { Mode::Plain };
    // What is watched for does not depend on the order of lanes.
    let seeds = if sanitized { &seeds[..1] } else { seeds };
    let mut gpu = Emulator::new(CACHE, mode);
    let kernels: Vec<Kernel> = cases.iter().map(|(kernel, _)| kernel.clone()).collect();
    gpu.prepare(&kernels).expect("kernels compile");
    let mut wrong = Vec::new();
    for (at, (kernel, shape)) in cases.iter().enumerate() {
        let sample = sample(kernel, *shape, at as u64 + 1).expect("every kernel has a sample");
        let handle = gpu.kernel(kernel).expect("it is ready");
        let expected = sample.expected();
        for seed in seeds {
            gpu.seed = *seed;
            let found = sample.found(&mut gpu, handle).expect("it runs");
            let off = sample.difference(&found, &expected);
            if off > sample.bound() {
                wrong.push(format!("{} at {shape:?}, seed {seed}: off by {off:.2e}", kernel.instance()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn products_are_right_in_every_format_and_order_of_lanes() {
    run(&products(), &SEEDS);
}

#[test]
fn every_other_kernel_is_right_in_every_type_and_order_of_lanes() {
    run(&others(), &SEEDS);
}

/// The same tests in a process that starts with the sanitizer's runtime.
#[test]
fn no_kernel_leaves_its_memory() {
    if std::env::var_os(SANITIZED).is_some() {
        return;
    }
    let output = Command::new(std::env::current_exe().expect("this test"))
        .args(["products_are_right", "every_other_kernel", "--nocapture"])
        .env("LD_PRELOAD", sanitizer_runtime().expect("a sanitizer"))
        .env("ASAN_OPTIONS", "detect_leaks=0:detect_stack_use_after_return=0")
        .env(SANITIZED, "1")
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{out}\n{said}");
    assert!(out.contains("2 passed"), "both tests ran: {out}");
}

#[test]
fn no_kernel_mixes_up_address_spaces() {
    let sources = Sources::new(CACHE.into());
    let all: Vec<Kernel> = products().into_iter().chain(others()).map(|(kernel, _)| kernel).collect();
    std::fs::create_dir_all(CACHE).expect("a folder");
    for (file, _) in FILES {
        let mut of_file: Vec<Kernel> = Vec::new();
        for kernel in all.iter().filter(|kernel| kernel.file() == *file) {
            if !of_file.contains(kernel) {
                of_file.push(kernel.clone());
            }
        }
        assert!(!of_file.is_empty(), "{file} has kernels");
        strict(&sources, file, &of_file).unwrap_or_else(|error| panic!("{file}: {error}"));
    }
}
