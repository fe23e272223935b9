//! A Hugging Face style configuration out of GGUF metadata, so that nothing above needs to know GGUF's keys.

use serde_json::{Map, Value, json};

use super::metadata::Metadata;

/// What only the tensors tell.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) vocab: usize,
    pub(crate) tied: bool,
    pub(crate) trunk: u64,
    pub(crate) mtp_layers: u64,
}

struct Keys<'a> {
    metadata: &'a Metadata,
    arch: &'a str,
}

impl Keys<'_> {
    fn number(&self, key: &str) -> Option<u64> {
        self.metadata.number(&format!("{}.{key}", self.arch))
    }

    fn float(&self, key: &str) -> Option<f64> {
        self.metadata.float(&format!("{}.{key}", self.arch))
    }
}

/// Entries that are there; a missing key stays missing and is the model code's to complain about.
fn table(entries: Vec<(&str, Option<Value>)>) -> Map<String, Value> {
    entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

fn value<T: Into<Value>>(number: Option<T>) -> Option<Value> {
    number.map(Into::into)
}

/// The configuration of the language model: nested as `text_config` for the family, flat for others.
pub(crate) fn of_text(metadata: &Metadata, arch: &str, seen: &Seen) -> Map<String, Value> {
    let keys = Keys { metadata, arch };
    let heads = keys.number("attention.head_count");
    let hidden = keys.number("embedding_length");
    let head_dim = keys.number("attention.key_length").or_else(|| hidden?.checked_div(heads?));
    let mut text = table(vec![
        ("vocab_size", Some(seen.vocab.into())),
        ("hidden_size", value(hidden)),
        ("num_hidden_layers", Some(seen.trunk.into())),
        ("num_attention_heads", value(heads)),
        ("num_key_value_heads", value(keys.number("attention.head_count_kv").or(heads))),
        ("head_dim", value(head_dim)),
        ("intermediate_size", value(keys.number("feed_forward_length"))),
        ("max_position_embeddings", value(keys.number("context_length"))),
        ("rms_norm_eps", value(keys.float("attention.layer_norm_rms_epsilon"))),
        ("num_experts", value(keys.number("expert_count"))),
        ("num_experts_per_tok", value(keys.number("expert_used_count"))),
        ("moe_intermediate_size", value(keys.number("expert_feed_forward_length"))),
        ("shared_expert_intermediate_size", value(keys.number("expert_shared_feed_forward_length"))),
        ("eos_token_id", value(metadata.number("tokenizer.ggml.eos_token_id"))),
        ("hidden_act", Some("silu".into())),
        ("tie_word_embeddings", Some(seen.tied.into())),
    ]);
    let theta = keys.float("rope.freq_base");
    if arch.starts_with("qwen35") {
        text.extend(gated_delta(&keys, seen));
        let share = keys.number("rope.dimension_count").zip(head_dim).map(|(r, d)| r as f64 / d as f64);
        let sections = metadata.numbers(&format!("{arch}.rope.dimension_sections"));
        let rope = table(vec![
            ("rope_type", Some("default".into())),
            ("rope_theta", value(theta)),
            ("partial_rotary_factor", value(share.filter(|s| s.is_finite()))),
            ("mrope_section", sections.map(|s| s.into_iter().take(3).collect::<Vec<_>>().into())),
            ("mrope_interleaved", Some(true.into())),
        ]);
        text.insert("rope_parameters".to_owned(), rope.into());
    } else {
        text.extend(table(vec![("rope_theta", value(theta)), ("model_type", Some(arch.into()))]));
    }
    text
}

fn gated_delta(keys: &Keys<'_>, seen: &Seen) -> Map<String, Value> {
    let value_heads = keys.number("ssm.time_step_rank");
    let interval = keys.number("full_attention_interval").filter(|n| *n > 0).unwrap_or(4);
    let recurrent = keys.metadata.numbers(&format!("{}.attention.recurrent_layers", keys.arch));
    let layer = |i: u64| {
        let linear = match recurrent.as_ref().and_then(|r| r.get(i as usize)) {
            Some(flag) => *flag != 0,
            None => !(i + 1).is_multiple_of(interval),
        };
        if linear { "linear_attention" } else { "full_attention" }
    };
    let moe = keys.arch == "qwen35moe";
    table(vec![
        ("model_type", Some(if moe { "qwen3_5_moe_text" } else { "qwen3_5_text" }.into())),
        ("linear_conv_kernel_dim", value(keys.number("ssm.conv_kernel"))),
        ("linear_key_head_dim", value(keys.number("ssm.state_size"))),
        (
            "linear_value_head_dim",
            value(
                keys.number("ssm.inner_size")
                    .zip(value_heads)
                    .and_then(|(all, heads)| all.checked_div(heads)),
            ),
        ),
        ("linear_num_key_heads", value(keys.number("ssm.group_count"))),
        ("linear_num_value_heads", value(value_heads)),
        ("full_attention_interval", Some(interval.into())),
        ("layer_types", Some((0..seen.trunk).map(layer).collect::<Vec<_>>().into())),
        ("attention_bias", Some(false.into())),
        ("attn_output_gate", Some(true.into())),
        ("mamba_ssm_dtype", Some("float32".into())),
        ("mtp_num_hidden_layers", Some(seen.mtp_layers.into())),
        ("mtp_use_dedicated_embeddings", Some(false.into())),
    ])
}

/// The vision part, out of the projector's metadata.
pub(crate) fn of_vision(metadata: &Metadata, positions: usize) -> Map<String, Value> {
    let number = |key: &str| value(metadata.number(&format!("clip.vision.{key}")));
    table(vec![
        ("model_type", Some("qwen3_5_vision".into())),
        ("depth", number("block_count")),
        ("hidden_size", number("embedding_length")),
        ("num_heads", number("attention.head_count")),
        ("intermediate_size", number("feed_forward_length")),
        ("in_channels", Some(3.into())),
        ("patch_size", number("patch_size")),
        ("temporal_patch_size", Some(2.into())),
        ("spatial_merge_size", number("spatial_merge_size").or(Some(2.into()))),
        ("out_hidden_size", number("projection_dim")),
        ("num_position_embeddings", Some(positions.into())),
        ("hidden_act", Some("gelu_pytorch_tanh".into())),
        ("deepstack_visual_indexes", Some(json!([]))),
    ])
}

/// The image processor's settings, as far as the projector states them.
pub(crate) fn of_preprocessor(metadata: &Metadata) -> Value {
    let pixels = |key: &str| metadata.number(&format!("clip.vision.{key}"));
    let size = pixels("image_min_pixels")
        .zip(pixels("image_max_pixels"))
        .map(|(min, max)| json!({ "shortest_edge": min, "longest_edge": max }));
    let floats = |key: &str| metadata.floats(&format!("clip.vision.{key}")).map(Value::from);
    Value::Object(table(vec![
        ("patch_size", value(pixels("patch_size"))),
        ("temporal_patch_size", Some(2.into())),
        ("merge_size", value(pixels("spatial_merge_size").or(Some(2)))),
        ("image_mean", floats("image_mean")),
        ("image_std", floats("image_std")),
        ("size", size),
    ]))
}
