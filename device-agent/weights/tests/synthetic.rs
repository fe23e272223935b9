//! Synthetic weights: the same bytes always and everywhere, sane in size, written out as files of their own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use std::fmt::Write as _;

use candle_core::Device;
use dyno_weights::{Checkpoint, Format, shapes, write_synthetic};
use sha2::{Digest, Sha256};
use support::{config, synthetic, values};

const FORMATS: [Format; 9] = [
    Format::F32,
    Format::Bf16,
    Format::Affine { bits: 4, group: 64 },
    Format::Affine { bits: 6, group: 64 },
    Format::Affine { bits: 8, group: 64 },
    Format::Mxfp4,
    Format::Q4_0,
    Format::Q8_0,
    Format::Q6K,
];

#[test]
fn matrices_have_no_mean_and_the_variance_of_their_width() {
    for format in FORMATS.into_iter().chain([Format::Q4K, Format::F16]) {
        let source = synthetic(false, format);
        for name in ["language_model.layers.0.mlp.up_proj.weight", "language_model.embed_tokens.weight"] {
            assert_eq!(source.format(name), Some(format));
            let values = values(&source, name);
            let n = values.len() as f64;
            let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
            let deviation = (values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / n).sqrt();
            // Of 256 inputs: 1 / 16. Powers of two come within a factor of two.
            let ratio = deviation * 16.0;
            let range = if format == Format::Mxfp4 { 0.4..1.1 } else { 0.9..1.1 };
            assert!(range.contains(&ratio), "{format} {name}: {ratio}");
            assert!(mean.abs() * 16.0 < 0.1, "{format} {name}: mean {mean}");
        }
    }
}

#[test]
fn bytes_are_the_same_on_every_machine() {
    // Over the packed bytes of every matrix, made once; a change here is a change of every published
    // synthetic figure and needs a new generator name.
    let expected = include_str!("golden/synthetic.sha256");
    let mut found = String::new();
    for format in FORMATS {
        let source = synthetic(false, format);
        let mut hash = Sha256::new();
        for name in source.names() {
            let shape = source.shape(name).unwrap();
            let cols = shape.last().copied().unwrap();
            let rows = shape.iter().product::<usize>() / cols;
            // A patch embedding is asked for as the matrix it is used as.
            let (rows, cols) =
                if shape.len() == 5 { (shape[0], rows * cols / shape[0]) } else { (rows, cols) };
            let linear = source.linear(name, rows, cols, &Device::Cpu).unwrap();
            let packed = linear.packed();
            hash.update(name.as_bytes());
            for part in [packed.codes, packed.scales, packed.biases] {
                hash.update(part);
            }
        }
        for byte in hash.finalize() {
            write!(found, "{byte:02x}").unwrap();
        }
        writeln!(found, "  {format}").unwrap();
    }
    assert_eq!(found, expected);
}

#[test]
fn written_files_hold_the_same_weights() {
    for format in FORMATS {
        let dir = tempfile::tempdir().unwrap();
        let source = synthetic(false, format);
        let out = dir.path().join(if format.is_ggml_block() { "out.gguf" } else { "out" });
        if format == Format::Mxfp4 {
            let error = write_synthetic(&source, &out, &mut |_| {}).unwrap_err();
            assert!(error.to_string().contains("no writer"), "{error}");
            continue;
        }
        let written = write_synthetic(&source, &out, &mut |_| {}).unwrap();
        let opened = Checkpoint::open(&written.path).unwrap();
        for name in ["language_model.layers.3.self_attn.q_proj.weight", "lm_head.weight"] {
            assert_eq!(values(&opened, name), values(&source, name), "{format} {name}");
            assert_eq!(opened.format(name), Some(format));
        }
    }
}

#[test]
fn seed_and_name_decide_and_nothing_else() {
    let make = |seed| Checkpoint::synthetic(&config(false), seed, Format::Q4_0).unwrap();
    let (a, b, c) = (make(1), make(1), make(2));
    let (up, gate) =
        ("language_model.layers.0.mlp.up_proj.weight", "language_model.layers.0.mlp.gate_proj.weight");
    // Another order of asking must not matter.
    let (gate_b, up_b) = (values(&b, gate), values(&b, up));
    let (up_a, gate_a) = (values(&a, up), values(&a, gate));
    assert_eq!((&up_a, &gate_a), (&up_b, &gate_b));
    assert_ne!(up_a, gate_a);
    assert_ne!(up_a, values(&c, up));
    assert_eq!(a.sha256().unwrap(), b.sha256().unwrap());
    assert_ne!(a.sha256().unwrap(), c.sha256().unwrap());
}

#[test]
fn real_shapes_cost_nothing_until_asked_for() {
    for size in shapes::sizes() {
        let source =
            Checkpoint::synthetic(&shapes::config(&size).unwrap(), 0, Format::Affine { bits: 4, group: 64 });
        let source = source.unwrap();
        let names: Vec<&str> = source.names().filter(|n| n.starts_with("language_model.")).collect();
        let bytes = source.weight_bytes(names.iter().copied()) as f64;
        let weights: usize = names.iter().map(|n| source.shape(n).unwrap().iter().product::<usize>()).sum();
        let bits = bytes * 8.0 / weights as f64;
        assert!((4.5..4.52).contains(&bits), "{size}: {bits} bits per weight");
    }
}

#[test]
fn a_strange_configuration_is_an_error() {
    for (key, value) in [
        ("hidden_size", serde_json::json!(0)),
        ("hidden_size", serde_json::json!(1u64 << 60)),
        ("hidden_size", serde_json::json!("wide")),
        ("num_hidden_layers", serde_json::json!(1u64 << 40)),
        ("vocab_size", serde_json::json!(-5)),
        ("layer_types", serde_json::json!(["odd"])),
    ] {
        let mut config = config(false);
        config["text_config"][key] = value.clone();
        let error = Checkpoint::synthetic(&config, 0, Format::Bf16).unwrap_err().to_string();
        assert!(
            error.contains(key.trim_end_matches('s')) || error.contains("layer type"),
            "{key} {value}: {error}"
        );
    }
    assert!(Checkpoint::synthetic(&config(false), 0, Format::Q5_1).is_err());
}
