//! The metadata of GGUF files that conversion writes: typed pairs, and which keys the family needs.

use serde_json::Value;

use crate::containers::gguf::metadata::Kind;
use crate::format::Format;
use crate::shapes::{Dims, text_table};

/// Metadata in writing order.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    count: u64,
    bytes: Vec<u8>,
}

impl Pairs {
    fn key(&mut self, key: &str, kind: Kind) {
        self.count += 1;
        self.put_text(key);
        self.bytes.extend(kind.number().to_le_bytes());
    }

    fn put_text(&mut self, text: &str) {
        self.bytes.extend((text.len() as u64).to_le_bytes());
        self.bytes.extend(text.as_bytes());
    }

    fn array(&mut self, key: &str, kind: Kind, count: usize) {
        self.key(key, Kind::Array);
        self.bytes.extend(kind.number().to_le_bytes());
        self.bytes.extend((count as u64).to_le_bytes());
    }

    pub(crate) fn text(&mut self, key: &str, text: &str) {
        self.key(key, Kind::String);
        self.put_text(text);
    }

    pub(crate) fn u32(&mut self, key: &str, value: u32) {
        self.key(key, Kind::U32);
        self.bytes.extend(value.to_le_bytes());
    }

    pub(crate) fn f32(&mut self, key: &str, value: f64) {
        self.key(key, Kind::F32);
        self.bytes.extend((value as f32).to_le_bytes());
    }

    pub(crate) fn bool(&mut self, key: &str, value: bool) {
        self.key(key, Kind::Bool);
        self.bytes.push(u8::from(value));
    }

    pub(crate) fn i32s(&mut self, key: &str, values: &[i32]) {
        self.array(key, Kind::I32, values.len());
        self.bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    }

    pub(crate) fn f32s(&mut self, key: &str, values: &[f64]) {
        self.array(key, Kind::F32, values.len());
        self.bytes.extend(values.iter().flat_map(|v| (*v as f32).to_le_bytes()));
    }

    pub(crate) fn bools(&mut self, key: &str, values: &[bool]) {
        self.array(key, Kind::Bool, values.len());
        self.bytes.extend(values.iter().map(|v| u8::from(*v)));
    }

    pub(crate) fn texts<'a>(&mut self, key: &str, texts: impl ExactSizeIterator<Item = &'a str>) {
        self.array(key, Kind::String, texts.len());
        texts.for_each(|text| self.put_text(text));
    }

    pub(crate) fn append_to(&self, out: &mut Vec<u8>) {
        out.extend(self.count.to_le_bytes());
        out.extend(&self.bytes);
    }
}

/// A table of a configuration and the prefix its keys get.
struct From<'a> {
    table: &'a Value,
    arch: &'a str,
}

impl From<'_> {
    /// Copies a whole number if the configuration has it.
    fn u32(&self, pairs: &mut Pairs, key: &str, from: &str) {
        if let Some(value) = self.table.get(from).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok())
        {
            pairs.u32(&format!("{}.{key}", self.arch), value);
        }
    }
}

/// The number that stands for the main type of a file.
fn file_type(format: Format) -> u32 {
    match format {
        Format::F16 => 1,
        Format::Q4_0 => 2,
        Format::Q4_1 => 3,
        Format::Q8_0 => 7,
        Format::Q5_0 => 8,
        Format::Q5_1 => 9,
        Format::Q4K => 14,
        Format::Q5K => 16,
        Format::Q6K => 18,
        Format::Bf16 => 32,
        _ => 0,
    }
}

/// The keys of the language model. `mtp_layers` blocks follow the trunk in the file.
pub(crate) fn of_text(config: &Value, dims: &Dims, mtp_layers: usize, format: Format) -> Pairs {
    let table = text_table(config);
    let arch = if dims.experts > 0 { "qwen35moe" } else { "qwen35" };
    let (from, mut pairs) = (From { table, arch }, Pairs::default());
    pairs.text("general.architecture", arch);
    pairs.text("general.type", "model");
    pairs.u32("general.quantization_version", 2);
    pairs.u32("general.file_type", file_type(format));
    let whole = |pairs: &mut Pairs, key: &str, n: usize| pairs.u32(&format!("{arch}.{key}"), n as u32);
    whole(&mut pairs, "block_count", dims.layers + mtp_layers);
    if mtp_layers > 0 {
        whole(&mut pairs, "nextn_predict_layers", mtp_layers);
    }
    for (key, name) in [
        ("vocab_size", "vocab_size"),
        ("context_length", "max_position_embeddings"),
        ("embedding_length", "hidden_size"),
        ("feed_forward_length", "intermediate_size"),
        ("attention.head_count", "num_attention_heads"),
        ("attention.head_count_kv", "num_key_value_heads"),
        ("attention.key_length", "head_dim"),
        ("attention.value_length", "head_dim"),
        ("ssm.conv_kernel", "linear_conv_kernel_dim"),
        ("ssm.state_size", "linear_key_head_dim"),
        ("ssm.group_count", "linear_num_key_heads"),
        ("ssm.time_step_rank", "linear_num_value_heads"),
        ("expert_count", "num_experts"),
        ("expert_used_count", "num_experts_per_tok"),
        ("expert_feed_forward_length", "moe_intermediate_size"),
        ("expert_shared_feed_forward_length", "shared_expert_intermediate_size"),
    ] {
        from.u32(&mut pairs, key, name);
    }
    whole(&mut pairs, "ssm.inner_size", dims.value_heads * dims.value_dim);
    let eps = table.get("rms_norm_eps").and_then(Value::as_f64).unwrap_or(1e-6);
    pairs.f32(&format!("{arch}.attention.layer_norm_rms_epsilon"), eps);
    rope(&mut pairs, arch, table);
    layers(&mut pairs, arch, table, dims.layers, mtp_layers);
    pairs
}

fn rope(pairs: &mut Pairs, arch: &str, table: &Value) {
    let rope = table.get("rope_parameters").or_else(|| table.get("rope_scaling"));
    let get = |key: &str| rope.and_then(|r| r.get(key)).or_else(|| table.get(key));
    let theta = get("rope_theta").and_then(Value::as_f64).unwrap_or(10_000_000.0);
    pairs.f32(&format!("{arch}.rope.freq_base"), theta);
    let head = table.get("head_dim").and_then(Value::as_u64).unwrap_or(256);
    let share = get("partial_rotary_factor").and_then(Value::as_f64).unwrap_or(0.25);
    pairs.u32(&format!("{arch}.rope.dimension_count"), (head as f64 * share) as u32);
    let sections = get("mrope_section").and_then(Value::as_array);
    let mut sections: Vec<i32> =
        sections.into_iter().flatten().filter_map(|s| i32::try_from(s.as_i64()?).ok()).collect();
    sections.resize(4, 0);
    pairs.i32s(&format!("{arch}.rope.dimension_sections"), &sections);
}

fn layers(pairs: &mut Pairs, arch: &str, table: &Value, trunk: usize, mtp_layers: usize) {
    let types: Vec<&str> = table
        .get("layer_types")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let interval = table.get("full_attention_interval").and_then(Value::as_u64).map(|n| n.max(1) as usize);
    let interval = interval
        .or_else(|| types.iter().position(|t| *t == "full_attention").map(|first| first + 1))
        .unwrap_or(4);
    pairs.u32(&format!("{arch}.full_attention_interval"), interval as u32);
    let linear = |i: usize| match types.get(i) {
        Some(kind) => *kind == "linear_attention",
        None => !(i + 1).is_multiple_of(interval),
    };
    let flags: Vec<bool> = (0..trunk + mtp_layers).map(|i| i < trunk && linear(i)).collect();
    pairs.bools(&format!("{arch}.attention.recurrent_layers"), &flags);
}

/// The keys of the vision projector.
pub(crate) fn of_vision(config: &Value, preprocessor: Option<&Value>) -> Pairs {
    let null = Value::Null;
    let vision = config.get("vision_config").unwrap_or(&null);
    let (from, mut pairs) = (From { table: vision, arch: "clip.vision" }, Pairs::default());
    pairs.text("general.architecture", "clip");
    pairs.text("general.type", "mmproj");
    pairs.u32("general.file_type", 32);
    pairs.bool("clip.has_vision_encoder", true);
    pairs.text("clip.projector_type", "qwen3vl_merger");
    pairs.bool("clip.use_gelu", true);
    for (key, name) in [
        ("patch_size", "patch_size"),
        ("embedding_length", "hidden_size"),
        ("feed_forward_length", "intermediate_size"),
        ("block_count", "depth"),
        ("attention.head_count", "num_heads"),
        ("spatial_merge_size", "spatial_merge_size"),
        ("projection_dim", "out_hidden_size"),
    ] {
        from.u32(&mut pairs, key, name);
    }
    let number = |key: &str| vision.get(key).and_then(Value::as_u64).unwrap_or(0);
    let side = number("num_position_embeddings").isqrt();
    pairs.u32("clip.vision.image_size", (side * number("patch_size")) as u32);
    pairs.f32("clip.vision.attention.layer_norm_epsilon", 1e-6);
    let triple = |key: &str| -> Vec<f64> {
        let given = preprocessor.and_then(|p| p.get(key)).and_then(Value::as_array);
        given.map_or_else(|| vec![0.5; 3], |v| v.iter().filter_map(Value::as_f64).collect())
    };
    pairs.f32s("clip.vision.image_mean", &triple("image_mean"));
    pairs.f32s("clip.vision.image_std", &triple("image_std"));
    pairs.bools("clip.vision.is_deepstack_layers", &vec![false; number("depth").min(4096) as usize]);
    pairs
}
