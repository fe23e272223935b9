//! Containers and conventions by hand-made files: what each layout's own writer would leave, and the values
//! that must come out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use std::path::Path;

use candle_core::{Device, Tensor};
use dyno_weights::{
    Checkpoint, Container, Format, MlxRecipe, TokenizerSource, quantize_to_gguf, quantize_to_mlx,
};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use support::{difference, hugging_face, synthetic, values};

/// A folder with these f32 tensors.
fn folder(at: &Path, config: &Value, tensors: &[(&str, &[usize], Vec<f32>)]) {
    std::fs::create_dir_all(at).unwrap();
    std::fs::write(at.join("config.json"), config.to_string()).unwrap();
    let raw: Vec<Vec<u8>> =
        tensors.iter().map(|(_, _, v)| v.iter().flat_map(|v| v.to_le_bytes()).collect()).collect();
    let views = tensors
        .iter()
        .zip(&raw)
        .map(|((name, shape, _), raw)| (*name, TensorView::new(Dtype::F32, shape.to_vec(), raw).unwrap()));
    std::fs::write(at.join("model.safetensors"), safetensors::serialize(views, None).unwrap()).unwrap();
}

fn count(n: usize) -> Vec<f32> {
    (0..n).map(|i| i as f32 + 1.0).collect()
}

#[test]
fn mlx_conversion_is_told_by_the_convolution_and_undone() {
    let dir = tempfile::tempdir().unwrap();
    let norm = "language_model.model.layers.0.input_layernorm.weight";
    let gated = "language_model.model.layers.0.linear_attn.norm.weight";
    let conv = "language_model.model.layers.0.linear_attn.conv1d.weight";
    let patch = "vision_tower.patch_embed.proj.weight";
    // Channels last: value = 100 * channel + place.
    let place = |i: usize| (100 * (i % 3) + i / 3) as f32;
    let converted = dir.path().join("converted");
    let last: Vec<f32> = (0..24).map(place).collect();
    folder(
        &converted,
        &json!({}),
        &[
            (norm, &[4], count(4)),
            (gated, &[4], count(4)),
            (conv, &[2, 4, 1], count(8)),
            (patch, &[1, 2, 2, 2, 3], last),
        ],
    );
    let found = Checkpoint::open(&converted).unwrap();
    assert_eq!(found.container(), Container::Mlx);
    let layer = "language_model.layers.0";
    assert_eq!(values(&found, &format!("{layer}.input_layernorm.weight")), [0.0, 1.0, 2.0, 3.0]);
    assert_eq!(values(&found, &format!("{layer}.linear_attn.norm.weight")), count(4));
    let taps = found.tensor(&format!("{layer}.linear_attn.conv1d.weight"), &[2, 4], &Device::Cpu).unwrap();
    assert_eq!(taps.to_vec2::<f32>().unwrap(), [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]);
    let first: Vec<f32> = (0..24).map(|i| (100 * (i / 8) + i % 8) as f32).collect();
    assert_eq!(values(&found, "visual.patch_embed.proj.weight"), first);
    let linear = found.linear("visual.patch_embed.proj.weight", 1, 24, &Device::Cpu).unwrap();
    assert_eq!(linear.dequantize().unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap(), first);

    let raw = dir.path().join("raw");
    folder(&raw, &json!({}), &[(norm, &[4], count(4)), (conv, &[2, 1, 4], count(8))]);
    let found = Checkpoint::open(&raw).unwrap();
    assert_eq!(found.container(), Container::Safetensors);
    assert_eq!(values(&found, &format!("{layer}.input_layernorm.weight")), count(4));
}

#[test]
fn decay_comes_as_each_container_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let source = Checkpoint::open(&hugging_face(dir.path(), false, Format::Bf16)).unwrap();
    let gguf = dir.path().join("model.gguf");
    quantize_to_gguf(&source, Format::Bf16, &gguf, &mut |_| {}).unwrap();
    let gguf = Checkpoint::open(&gguf).unwrap();
    let name = "language_model.layers.1.linear_attn.A_log";
    let decay = |c: &Checkpoint| c.neg_exp_a(name, 4, &Device::Cpu).unwrap().to_vec1::<f32>().unwrap();
    let (grouped, tiled) = (decay(&source), decay(&gguf));
    // Bit for bit, in the other order of heads.
    let bits = |order: [usize; 4], decay: &[f32]| order.map(|head| decay[head].to_bits());
    assert_eq!(bits([0, 1, 2, 3], &tiled), bits([0, 2, 1, 3], &grouped));
    let logs = values(&source, name);
    for (a, log) in grouped.iter().zip(&logs) {
        assert!((a + log.exp()).abs() < 1e-5);
    }
    assert!(difference(&values(&gguf, name), &[logs[0], logs[2], logs[1], logs[3]]) < 1e-6);
}

#[test]
fn a_module_may_have_its_own_format() {
    let dir = tempfile::tempdir().unwrap();
    let source = synthetic(true, Format::Bf16);
    let out = dir.path().join("mlx");
    quantize_to_mlx(&source, &MlxRecipe::uniform(4, 64).unwrap(), &out, &mut |_| {}).unwrap();
    let found = Checkpoint::open(&out).unwrap();
    let router = "language_model.layers.0.mlp.gate.weight";
    assert_eq!(found.format(router), Some(Format::Affine { bits: 8, group: 64 }));
    assert_eq!(found.bits_per_weight(router), Some(8.5));
    assert_eq!(found.bits_per_weight("lm_head.weight"), Some(4.5));
    assert_eq!(found.weight_bytes(["lm_head.weight"]), 96 * 256 * 9 / 16);
    // The same block under its other name serves as well.
    let text = std::fs::read_to_string(out.join("config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&text).unwrap();
    config.as_object_mut().unwrap().remove("quantization");
    std::fs::write(out.join("config.json"), config.to_string()).unwrap();
    assert_eq!(Checkpoint::open(&out).unwrap().format(router), Some(Format::Affine { bits: 8, group: 64 }));
    // A module that has scales and is said to have none is a contradiction, not a guess.
    config["quantization_config"]["language_model.lm_head"] = false.into();
    std::fs::write(out.join("config.json"), config.to_string()).unwrap();
    let error = Checkpoint::open(&out).unwrap_err().to_string();
    assert!(error.contains("lm_head") && error.contains("not quantised"), "{error}");
}

#[test]
fn a_product_is_the_dense_product_in_every_format_and_batch() {
    let formats = [
        Format::F32,
        Format::F16,
        Format::Bf16,
        Format::Affine { bits: 3, group: 32 },
        Format::Affine { bits: 4, group: 64 },
        Format::Affine { bits: 5, group: 128 },
        Format::Affine { bits: 6, group: 64 },
        Format::Affine { bits: 8, group: 64 },
        Format::Mxfp4,
        Format::Q4_0,
        Format::Q8_0,
        Format::Q4K,
        Format::Q6K,
    ];
    for format in formats {
        let source = synthetic(false, format);
        let name = "language_model.layers.3.self_attn.o_proj.weight";
        let cols = source.shape(name).unwrap()[1];
        let linear = source.linear(name, 256, cols, &Device::Cpu).unwrap();
        let dense = linear.dequantize().unwrap();
        for batch in [1, 2, 7, 8, 33] {
            let x: Vec<f32> = (0..batch * cols).map(|i| ((i * 29 % 41) as f32 - 20.0) / 20.0).collect();
            let x = Tensor::from_vec(x, (1, batch, cols), &Device::Cpu).unwrap();
            let found = linear.forward(&x).unwrap();
            assert_eq!(found.dims(), [1, batch, 256]);
            let expected = x.squeeze(0).unwrap().matmul(&dense.t().unwrap()).unwrap();
            let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let off = difference(&flat(&found), &flat(&expected));
            assert!(off < 1e-5, "{format} with {batch} rows: {off}");
        }
        let wrong = Tensor::zeros((1, cols + 1), candle_core::DType::F32, &Device::Cpu).unwrap();
        assert!(linear.forward(&wrong).is_err());
    }
}

#[test]
fn embeddings_gather_rows_and_refuse_strange_ids() {
    let source = synthetic(false, Format::Affine { bits: 4, group: 64 });
    let table = source.embedding("language_model.embed_tokens.weight", 96, 256, &Device::Cpu).unwrap();
    let all = table.as_linear().dequantize().unwrap().to_vec2::<f32>().unwrap();
    let ids = Tensor::new(&[[5u32, 95], [0, 5]], &Device::Cpu).unwrap();
    let found = table.forward(&ids).unwrap().reshape((4, 256)).unwrap().to_vec2::<f32>().unwrap();
    for (row, id) in found.iter().zip([5, 95, 0, 5]) {
        assert_eq!(row, &all[id]);
    }
    assert!(table.forward(&Tensor::new(&[96u32], &Device::Cpu).unwrap()).is_err());
    assert!(table.forward(&Tensor::new(&[-1i64], &Device::Cpu).unwrap()).is_err());
}

#[test]
fn tokenizers_travel() {
    let dir = tempfile::tempdir().unwrap();
    let hf = hugging_face(dir.path(), false, Format::Bf16);
    let tokenizer = json!({
        "model": { "type": "BPE", "vocab": { "a": 0, "b": 1, "ab": 2 }, "merges": [["a", "b"]] },
        "added_tokens": [
            { "id": 3, "content": "<|im_end|>", "special": true },
            { "id": 4, "content": "<think>", "special": false },
            { "id": 5, "content": "<|image_pad|>", "special": true }
        ]
    });
    let text = tokenizer.to_string();
    std::fs::write(hf.join("tokenizer.json"), &text).unwrap();
    std::fs::write(hf.join("chat_template.jinja"), "{{ messages }}").unwrap();
    let source = Checkpoint::open(&hf).unwrap();
    let mlx = dir.path().join("mlx");
    quantize_to_mlx(&source, &MlxRecipe::uniform(4, 32).unwrap(), &mlx, &mut |_| {}).unwrap();
    let mlx = Checkpoint::open(&mlx).unwrap();
    assert!(matches!(&mlx.texts().tokenizer, Some(TokenizerSource::HuggingFace(t)) if *t == text));
    let gguf = dir.path().join("model.gguf");
    quantize_to_gguf(&source, Format::Q8_0, &gguf, &mut |_| {}).unwrap();
    let gguf = Checkpoint::open(&gguf).unwrap();
    for found in [&source, &mlx, &gguf] {
        assert_eq!(found.texts().chat_template.as_deref(), Some("{{ messages }}"));
    }
    let Some(TokenizerSource::Gguf(vocabulary)) = &gguf.texts().tokenizer else { panic!("no vocabulary") };
    assert_eq!(vocabulary.tokens.len(), 96, "one for every row of the table");
    assert_eq!(vocabulary.tokens[..6], ["a", "b", "ab", "<|im_end|>", "<think>", "<|image_pad|>"]);
    assert_eq!(vocabulary.token_types[..7], [1, 1, 1, 3, 4, 3, 5]);
    assert_eq!(vocabulary.merges, ["a b"]);
    assert_eq!((vocabulary.model.as_str(), vocabulary.pre.as_deref()), ("gpt2", Some("qwen35")));
    assert_eq!(vocabulary.eos_id, Some(3));
    assert_eq!(gguf.config()["image_token_id"], 5);
}

#[test]
fn identity_changes_with_any_byte_and_only_then() {
    let dir = tempfile::tempdir().unwrap();
    let hf = hugging_face(dir.path(), false, Format::Bf16);
    let hash = || Checkpoint::open(&hf).unwrap().sha256().unwrap();
    let first = hash();
    assert_eq!(first, hash());
    std::fs::write(hf.join("notes.txt"), "not part of the model").unwrap();
    assert_eq!(first, hash());
    let mut config = std::fs::read(hf.join("config.json")).unwrap();
    config.push(b'\n');
    std::fs::write(hf.join("config.json"), config).unwrap();
    assert_ne!(first, hash());
}
