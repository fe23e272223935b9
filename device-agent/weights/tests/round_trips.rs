//! One model through every container and back: what comes out must be what went in, within the step of the
//! format it went through.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use candle_core::{Device, Tensor};
use dyno_weights::{
    Checkpoint, Container, Format, MlxRecipe, VHeadOrder, quantize_to_gguf, quantize_to_mlx,
    write_hugging_face,
};
use support::{config, difference, hugging_face, synthetic, values};

const QKV: &str = "language_model.layers.0.linear_attn.in_proj_qkv.weight";

/// Names of every tensor that both checkpoints have under one name.
fn names(checkpoint: &Checkpoint) -> Vec<String> {
    checkpoint.names().filter(|n| !n.contains(".mlp.experts.")).map(str::to_owned).collect()
}

/// Which row of the second order each row of the first is, for value heads of `width` after `offset` rows.
fn grouped_of_tiled(row: usize, width: usize, offset: usize) -> usize {
    let Some(within) = row.checked_sub(offset) else { return row };
    let (head, rest) = (within / width, within % width);
    // Two key heads, two value heads each: tiled head j * 2 + k is grouped head k * 2 + j.
    offset + ((head % 2) * 2 + head / 2) * width + rest
}

#[test]
fn hugging_face_keeps_every_value() {
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::F32, Format::Bf16] {
        let source = synthetic(false, format);
        let out = folder.path().join(format.to_string());
        write_hugging_face(&source, &out, &mut |_| {}).unwrap();
        let found = Checkpoint::open(&out).unwrap();
        assert_eq!(found.container(), Container::Safetensors);
        assert_eq!(found.v_head_order(), VHeadOrder::Grouped);
        assert_eq!(found.config(), source.config());
        assert_eq!(names(&found), names(&source));
        for name in names(&source) {
            assert_eq!(values(&found, &name), values(&source, &name), "{name}");
            assert_eq!(found.format(&name), source.format(&name), "{name}");
        }
    }
}

#[test]
fn mlx_is_the_hugging_face_model_within_its_steps() {
    let folder = tempfile::tempdir().unwrap();
    let source = Checkpoint::open(&hugging_face(folder.path(), false, Format::F32)).unwrap();
    for (bits, bound) in [(8, 0.02), (6, 0.06), (4, 0.25), (3, 0.5)] {
        let out = folder.path().join(format!("mlx{bits}"));
        let mut last = 0.0;
        quantize_to_mlx(&source, &MlxRecipe::uniform(bits, 64).unwrap(), &out, &mut |p| {
            last = p.done_bytes as f64 / p.total_bytes as f64;
        })
        .unwrap();
        assert!((last - 1.0).abs() < 1e-9, "progress ends at the end");
        let found = Checkpoint::open(&out).unwrap();
        assert_eq!(found.container(), Container::Mlx);
        assert_eq!(found.format(QKV), Some(Format::Affine { bits, group: 64 }));
        assert_eq!(names(&found), names(&source));
        for name in names(&source) {
            let quantized = found.format(&name).is_some_and(|f| !f.is_float());
            let found = difference(&values(&found, &name), &values(&source, &name));
            // Floats differ only by one added to norms and taken away again.
            let bound = if quantized { bound } else { 2e-6 };
            assert!(found <= bound, "{name} at {bits} bits: {found}");
        }
    }
}

#[test]
fn mixed_recipes_say_so_in_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let source = Checkpoint::open(&hugging_face(folder.path(), false, Format::Bf16)).unwrap();
    let out = folder.path().join("mixed");
    quantize_to_mlx(&source, &MlxRecipe::mixed("mixed_3_6", 32).unwrap(), &out, &mut |_| {}).unwrap();
    let found = Checkpoint::open(&out).unwrap();
    let general = &found.config()["quantization"];
    assert_eq!((&general["bits"], &general["group_size"]), (&3.into(), &32.into()));
    assert_eq!(general["language_model.lm_head"]["bits"], 6);
    assert_eq!(found.config()["quantization_config"], *general);
    assert_eq!(found.format("lm_head.weight"), Some(Format::Affine { bits: 6, group: 32 }));
    assert_eq!(found.format(QKV), Some(Format::Affine { bits: 3, group: 32 }));
    let listing = std::fs::read_to_string(out.join("SHA256SUMS")).unwrap();
    for hash in found.file_hashes().unwrap() {
        assert!(listing.contains(&format!("{}  {}", hash.sha256, hash.name)), "{}", hash.name);
    }
}

#[test]
fn gguf_is_the_hugging_face_model_with_value_heads_tiled() {
    let folder = tempfile::tempdir().unwrap();
    let source = Checkpoint::open(&hugging_face(folder.path(), false, Format::F32)).unwrap();
    for (format, bound) in [
        (Format::F32, 1e-6),
        (Format::F16, 1e-3),
        (Format::Bf16, 1e-2),
        (Format::Q8_0, 0.02),
        (Format::Q6K, 0.1),
        (Format::Q5K, 0.15),
        (Format::Q4K, 0.3),
        (Format::Q4_0, 0.3),
    ] {
        let out = folder.path().join(format!("{format}")).join("model.gguf");
        std::fs::create_dir(out.parent().unwrap()).unwrap();
        quantize_to_gguf(&source, format, &out, &mut |_| {}).unwrap();
        let found = Checkpoint::open(&out).unwrap();
        assert_eq!(found.container(), Container::Gguf);
        assert_eq!(found.v_head_order(), VHeadOrder::Tiled);
        assert_eq!(found.format(QKV), Some(format));
        assert_eq!(names(&found), names(&source));
        for name in names(&source) {
            let (found, mut expected) = (values(&found, &name), values(&source, &name));
            let original = expected.clone();
            let cols = source.shape(&name).unwrap().last().copied().unwrap();
            let mut tile = |rows: usize, cols: usize, width: usize, offset: usize| {
                for row in 0..rows {
                    let from = grouped_of_tiled(row, width, offset);
                    expected[row * cols..(row + 1) * cols]
                        .copy_from_slice(&original[from * cols..(from + 1) * cols]);
                }
            };
            match name.rsplit_once(".linear_attn.").map(|(_, part)| part) {
                Some("in_proj_qkv.weight" | "conv1d.weight") => tile(2 * 2 * 32 + 256, cols, 64, 128),
                Some("in_proj_z.weight") => tile(256, cols, 64, 0),
                Some("in_proj_a.weight" | "in_proj_b.weight") => tile(4, cols, 1, 0),
                Some("A_log" | "dt_bias") => tile(4, 1, 1, 0),
                Some("out_proj.weight") => {
                    for row in 0..256 {
                        for col in 0..256 {
                            expected[row * 256 + col] = original[row * 256 + grouped_of_tiled(col, 64, 0)];
                        }
                    }
                }
                _ => {}
            }
            // The projector is bf16 whatever the model is.
            let bound = if name.starts_with("visual.") { 0.01f32.max(bound) } else { bound };
            let off = difference(&found, &expected);
            assert!(off <= bound, "{name} as {format}: {off}");
        }
    }
}

#[test]
fn gguf_states_the_same_configuration() {
    let folder = tempfile::tempdir().unwrap();
    for moe in [false, true] {
        let source = synthetic(moe, Format::Bf16);
        let out = folder.path().join(format!("model-{moe}.gguf"));
        quantize_to_gguf(&source, Format::Q8_0, &out, &mut |_| {}).unwrap();
        let projector = folder.path().join(format!("mmproj-model-{moe}.gguf"));
        let found = Checkpoint::open_gguf(&out, Some(&projector)).unwrap();
        let (found, expected) = (found.config(), config(moe));
        for table in ["text_config", "vision_config"] {
            for (key, value) in expected[table].as_object().unwrap() {
                assert_eq!(&found[table][key], value, "{table}.{key}");
            }
        }
        assert_eq!(found["architectures"], expected["architectures"]);
        assert_eq!(found["tie_word_embeddings"], expected["tie_word_embeddings"]);
    }
}

#[test]
fn gguf_goes_back_to_mlx_in_the_grouped_order() {
    let folder = tempfile::tempdir().unwrap();
    let source = Checkpoint::open(&hugging_face(folder.path(), true, Format::F32)).unwrap();
    let gguf = folder.path().join("model.gguf");
    quantize_to_gguf(&source, Format::F32, &gguf, &mut |_| {}).unwrap();
    let through = Checkpoint::open(&gguf).unwrap();
    let back = folder.path().join("back");
    write_hugging_face(&through, &back, &mut |_| {}).unwrap();
    let back = Checkpoint::open(&back).unwrap();
    for name in names(&source) {
        let off = difference(&values(&back, &name), &values(&source, &name));
        let bound = if name.starts_with("visual.") { 0.01 } else { 2e-6 };
        assert!(off <= bound, "{name}: {off}");
    }
    let mlx = |checkpoint: &Checkpoint, name: &str| {
        let out = folder.path().join(name);
        quantize_to_mlx(checkpoint, &MlxRecipe::uniform(4, 64).unwrap(), &out, &mut |_| {}).unwrap();
        Checkpoint::open(&out).unwrap()
    };
    let (direct, detour) = (mlx(&source, "direct"), mlx(&through, "detour"));
    assert_eq!(names(&direct), names(&detour));
    let qkv = |checkpoint: &Checkpoint| values(checkpoint, QKV);
    let off = difference(&qkv(&detour), &qkv(&direct));
    assert!(off < 0.02, "only the rounding of scales may differ: {off}");
}

/// One product of every expert matrix, which shows mixed-up experts or halves at once.
fn expert_products(checkpoint: &Checkpoint) -> Vec<Vec<f32>> {
    let experts =
        checkpoint.experts("language_model.layers.1.mlp.experts", 4, 256, 256, &Device::Cpu).unwrap();
    let x: Vec<f32> = (0..256).map(|i| ((i * 37 % 19) as f32 - 9.0) / 9.0).collect();
    let x = Tensor::from_vec(x, (1, 256), &Device::Cpu).unwrap();
    [&experts.gate, &experts.up, &experts.down]
        .into_iter()
        .flatten()
        .map(|linear| linear.forward(&x).unwrap().flatten_all().unwrap().to_vec1().unwrap())
        .collect()
}

#[test]
fn experts_are_the_same_however_they_are_stored() {
    let folder = tempfile::tempdir().unwrap();
    let source = Checkpoint::open(&hugging_face(folder.path(), true, Format::F32)).unwrap();
    let expected = expert_products(&source);
    let check = |found: &Checkpoint, bound: f32| {
        for (found, expected) in expert_products(found).iter().zip(&expected) {
            let off = difference(found, expected);
            assert!(off <= bound, "{:?}: {off}", found.len());
        }
    };
    check(&synthetic(true, Format::F32), 1e-5);
    let mlx = folder.path().join("mlx");
    quantize_to_mlx(&source, &MlxRecipe::uniform(8, 32).unwrap(), &mlx, &mut |_| {}).unwrap();
    check(&Checkpoint::open(&mlx).unwrap(), 0.05);
    let gguf = folder.path().join("model.gguf");
    quantize_to_gguf(&source, Format::Q8_0, &gguf, &mut |_| {}).unwrap();
    check(&Checkpoint::open(&gguf).unwrap(), 0.05);
    // One by one, as some repositories have them.
    let split = folder.path().join("split");
    support::split_experts(&folder.path().join("hf"), &split);
    check(&Checkpoint::open(&split).unwrap(), 1e-5);
}

#[test]
fn a_folder_that_exists_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let source = synthetic(false, Format::Bf16);
    let out = folder.path().join("taken");
    std::fs::create_dir(&out).unwrap();
    let error = write_hugging_face(&source, &out, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("taken"), "{error}");
}
