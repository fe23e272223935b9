//! Small checkpoints of the real architecture for the tests of this folder.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::{Path, PathBuf};

use candle_core::Device;
use dyno_weights::{Checkpoint, Format, Written, write_hugging_face};
use serde_json::{Value, json};

/// Four value heads on two key heads, so that the order of value heads shows; rows long enough for every block.
pub(crate) fn config(moe: bool) -> Value {
    let mut text = json!({
        "model_type": "qwen3_5_text", "vocab_size": 96, "hidden_size": 256, "num_hidden_layers": 4,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 64, "hidden_act": "silu",
        "linear_conv_kernel_dim": 4, "linear_key_head_dim": 32, "linear_value_head_dim": 64,
        "linear_num_key_heads": 2, "linear_num_value_heads": 4, "full_attention_interval": 4,
        "layer_types": ["linear_attention", "linear_attention", "linear_attention", "full_attention"],
        "rms_norm_eps": 1e-6, "max_position_embeddings": 4096, "attention_bias": false,
        "eos_token_id": 90, "mtp_num_hidden_layers": 1, "mtp_use_dedicated_embeddings": false,
        "attn_output_gate": true, "mamba_ssm_dtype": "float32", "tie_word_embeddings": false,
        "rope_parameters": { "rope_type": "default", "rope_theta": 10_000_000.0, "partial_rotary_factor": 0.25,
                             "mrope_section": [3, 3, 2], "mrope_interleaved": true }
    });
    if moe {
        text["model_type"] = "qwen3_5_moe_text".into();
        text["num_experts"] = 4.into();
        text["num_experts_per_tok"] = 2.into();
        text["moe_intermediate_size"] = 256.into();
        text["shared_expert_intermediate_size"] = 256.into();
    } else {
        text["intermediate_size"] = 512.into();
    }
    let kind = if moe { "qwen3_5_moe" } else { "qwen3_5" };
    let class = if moe { "Qwen3_5MoeForConditionalGeneration" } else { "Qwen3_5ForConditionalGeneration" };
    json!({
        "architectures": [class], "model_type": kind, "tie_word_embeddings": false, "text_config": text,
        "vision_config": {
            "model_type": "qwen3_5_vision", "depth": 2, "hidden_size": 64, "num_heads": 4, "intermediate_size": 128,
            "in_channels": 3, "patch_size": 16, "temporal_patch_size": 2, "spatial_merge_size": 2,
            "out_hidden_size": 256, "num_position_embeddings": 64, "hidden_act": "gelu_pytorch_tanh",
            "deepstack_visual_indexes": []
        }
    })
}

pub(crate) fn synthetic(moe: bool, format: Format) -> Checkpoint {
    Checkpoint::synthetic(&config(moe), 7, format).unwrap()
}

/// A Hugging Face folder of the small model.
pub(crate) fn hugging_face(folder: &Path, moe: bool, format: Format) -> PathBuf {
    let out = folder.join("hf");
    let Written { path, .. } = write_hugging_face(&synthetic(moe, format), &out, &mut |_| {}).unwrap();
    path
}

/// Every value of a tensor in the Hugging Face convention.
pub(crate) fn values(checkpoint: &Checkpoint, name: &str) -> Vec<f32> {
    let shape = checkpoint.shape(name).unwrap_or_else(|| panic!("no {name}")).to_vec();
    let tensor = checkpoint.tensor(name, &shape, &Device::Cpu).unwrap();
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// The largest difference, relative to the root mean square of the second.
pub(crate) fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let rms = (b.iter().map(|v| v * v).sum::<f32>() / b.len() as f32).sqrt().max(1e-12);
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / rms
}

/// Rewrites a Hugging Face folder with every fused expert stack cut into single tensors and two shards.
pub(crate) fn split_experts(from: &Path, to: &Path) {
    use safetensors::tensor::{Dtype, TensorView};
    std::fs::create_dir(to).unwrap();
    std::fs::copy(from.join("config.json"), to.join("config.json")).unwrap();
    let bytes = std::fs::read(from.join("model.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut out: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
    for (name, view) in file.tensors() {
        let (data, shape) = (view.data(), view.shape());
        let stack = name.strip_suffix("gate_up_proj").map(|p| (p.to_owned(), vec!["gate_proj", "up_proj"]));
        let stack = stack.or_else(|| {
            let prefix = name.strip_suffix("experts.down_proj")?;
            Some((format!("{prefix}experts."), vec!["down_proj"]))
        });
        let Some((prefix, parts)) = stack else {
            out.push((name, view.dtype(), shape.to_vec(), data.to_vec()));
            continue;
        };
        let rows = shape[1] / parts.len();
        let size = rows * shape[2] * 4;
        for (i, piece) in data.chunks_exact(size).enumerate() {
            let (expert, part) = (i / parts.len(), parts[i % parts.len()]);
            let name = format!("{prefix}{expert}.{part}.weight");
            out.push((name, view.dtype(), vec![rows, shape[2]], piece.to_vec()));
        }
    }
    let mut map = serde_json::Map::new();
    let middle = out.len() / 2;
    for (number, shard) in [&out[..middle], &out[middle..]].into_iter().enumerate() {
        let file = format!("model-0000{}-of-00002.safetensors", number + 1);
        let views = shard.iter().map(|(name, dtype, shape, data)| {
            map.insert(name.clone(), file.clone().into());
            (name.clone(), TensorView::new(*dtype, shape.clone(), data).unwrap())
        });
        let bytes = safetensors::serialize(views.collect::<Vec<_>>(), None).unwrap();
        std::fs::write(to.join(&file), bytes).unwrap();
    }
    let index = json!({ "metadata": {}, "weight_map": map });
    std::fs::write(to.join("model.safetensors.index.json"), index.to_string()).unwrap();
}
