//! The tensors that a configuration implies, with what each is for. Sizes are checked against overflow here,
//! because configurations come from outside.

use serde_json::Value;

/// What a tensor does, as far as its values and its storage depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Token table or output head.
    Table,
    /// A matrix of the language model or the multi-token head.
    Matrix,
    /// Router or shared-expert gate: small and sensitive.
    Router,
    /// A matrix of the vision tower.
    VisionMatrix,
    /// Zero-centred norm: the model multiplies by one plus it.
    ZeroNorm,
    /// Norm that multiplies as it is.
    PlainNorm,
    Bias,
    Conv,
    ALog,
    DtBias,
    Positions,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TensorSpec {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) role: Role,
}

/// The largest size a configuration may give for one dimension; keeps every product inside 64 bits.
const MAX_SIZE: u64 = 1 << 20;
const MAX_LAYERS: usize = 4096;

/// One table of a configuration.
struct Table<'a>(&'a Value);

impl Table<'_> {
    fn size(&self, key: &str) -> Result<usize, String> {
        match self.0.get(key).and_then(Value::as_u64) {
            Some(n) if (1..=MAX_SIZE).contains(&n) => Ok(n as usize),
            Some(n) => Err(format!("has `{key}` = {n}, outside 1..={MAX_SIZE}")),
            None => Err(format!("has no whole number `{key}`")),
        }
    }

    fn size_or(&self, key: &str, default: usize) -> Result<usize, String> {
        if self.0.get(key).is_none() { Ok(default) } else { self.size(key) }
    }

    fn layers(&self, key: &str) -> Result<usize, String> {
        let layers = self.size(key)?;
        if layers > MAX_LAYERS { Err(format!("has `{key}` = {layers}")) } else { Ok(layers) }
    }
}

/// The dimensions of the language model that conversions need too.
#[derive(Clone, Debug)]
pub(crate) struct Dims {
    pub(crate) hidden: usize,
    pub(crate) layers: usize,
    pub(crate) key_heads: usize,
    pub(crate) value_heads: usize,
    pub(crate) key_dim: usize,
    pub(crate) value_dim: usize,
    pub(crate) experts: usize,
    pub(crate) expert_inner: usize,
    pub(crate) tied: bool,
}

/// The language model's table: nested in multimodal configurations, the whole of it in text-only ones.
pub(crate) fn text_table(config: &Value) -> &Value {
    config.get("text_config").unwrap_or(config)
}

impl Dims {
    pub(crate) fn of(config: &Value) -> Result<Self, String> {
        let text = Table(text_table(config));
        let tied = [config, text.0].iter().find_map(|t| t.get("tie_word_embeddings")?.as_bool());
        let experts = text.size_or("num_experts", 0)?;
        Ok(Self {
            hidden: text.size("hidden_size")?,
            layers: text.layers("num_hidden_layers")?,
            key_heads: text.size("linear_num_key_heads")?,
            value_heads: text.size("linear_num_value_heads")?,
            key_dim: text.size("linear_key_head_dim")?,
            value_dim: text.size("linear_value_head_dim")?,
            experts,
            expert_inner: if experts > 0 { text.size("moe_intermediate_size")? } else { 0 },
            tied: tied.unwrap_or(false),
        })
    }
}

struct List(Vec<TensorSpec>);

impl List {
    fn add(&mut self, name: String, shape: &[usize], role: Role) {
        self.0.push(TensorSpec { name, shape: shape.to_vec(), role });
    }
}

/// Every tensor of a configuration, in the order of a published checkpoint.
pub(crate) fn tensors(config: &Value) -> Result<Vec<TensorSpec>, String> {
    let (dims, text) = (Dims::of(config)?, Table(text_table(config)));
    let mut list = List(Vec::new());
    let (hidden, vocab) = (dims.hidden, text.size("vocab_size")?);
    list.add("language_model.embed_tokens.weight".into(), &[vocab, hidden], Role::Table);
    for layer in 0..dims.layers {
        let linear = is_linear(text.0, layer)?;
        block(&mut list, &format!("language_model.layers.{layer}"), &text, &dims, linear)?;
    }
    list.add("language_model.norm.weight".into(), &[hidden], Role::ZeroNorm);
    if !dims.tied {
        list.add("lm_head.weight".into(), &[vocab, hidden], Role::Table);
    }
    if let Some(vision) = config.get("vision_config").filter(|v| v.is_object()) {
        tower(&mut list, &Table(vision))?;
    }
    let drafts = text.0.get("mtp_num_hidden_layers").and_then(Value::as_u64).unwrap_or(0);
    if drafts > 0 {
        list.add("mtp.fc.weight".into(), &[hidden, 2 * hidden], Role::Matrix);
        for name in ["mtp.pre_fc_norm_embedding.weight", "mtp.pre_fc_norm_hidden.weight", "mtp.norm.weight"] {
            list.add(name.into(), &[hidden], Role::ZeroNorm);
        }
        for layer in 0..text.layers("mtp_num_hidden_layers")? {
            block(&mut list, &format!("mtp.layers.{layer}"), &text, &dims, false)?;
        }
    }
    Ok(list.0)
}

/// Whether a layer is a gated delta layer: by `layer_types`, else by the interval.
fn is_linear(text: &Value, layer: usize) -> Result<bool, String> {
    if let Some(types) = text.get("layer_types").and_then(Value::as_array) {
        return match types.get(layer).and_then(Value::as_str) {
            Some("linear_attention") => Ok(true),
            Some("full_attention") => Ok(false),
            other => Err(format!("has layer type {other:?} for layer {layer}")),
        };
    }
    let interval = Table(text).size("full_attention_interval")?;
    Ok(!(layer + 1).is_multiple_of(interval))
}

fn block(list: &mut List, at: &str, text: &Table<'_>, dims: &Dims, linear: bool) -> Result<(), String> {
    let hidden = dims.hidden;
    list.add(format!("{at}.input_layernorm.weight"), &[hidden], Role::ZeroNorm);
    list.add(format!("{at}.post_attention_layernorm.weight"), &[hidden], Role::ZeroNorm);
    if linear {
        let (values, heads) = (dims.value_heads * dims.value_dim, dims.value_heads);
        let mixed = 2 * dims.key_heads * dims.key_dim + values;
        let kernel = text.size("linear_conv_kernel_dim")?;
        list.add(format!("{at}.linear_attn.in_proj_qkv.weight"), &[mixed, hidden], Role::Matrix);
        list.add(format!("{at}.linear_attn.in_proj_z.weight"), &[values, hidden], Role::Matrix);
        list.add(format!("{at}.linear_attn.in_proj_a.weight"), &[heads, hidden], Role::Matrix);
        list.add(format!("{at}.linear_attn.in_proj_b.weight"), &[heads, hidden], Role::Matrix);
        list.add(format!("{at}.linear_attn.conv1d.weight"), &[mixed, 1, kernel], Role::Conv);
        list.add(format!("{at}.linear_attn.A_log"), &[heads], Role::ALog);
        list.add(format!("{at}.linear_attn.dt_bias"), &[heads], Role::DtBias);
        list.add(format!("{at}.linear_attn.norm.weight"), &[dims.value_dim], Role::PlainNorm);
        list.add(format!("{at}.linear_attn.out_proj.weight"), &[hidden, values], Role::Matrix);
    } else {
        let (heads, width) = (text.size("num_attention_heads")?, text.size("head_dim")?);
        let shared = text.size("num_key_value_heads")?;
        list.add(format!("{at}.self_attn.q_proj.weight"), &[2 * heads * width, hidden], Role::Matrix);
        list.add(format!("{at}.self_attn.k_proj.weight"), &[shared * width, hidden], Role::Matrix);
        list.add(format!("{at}.self_attn.v_proj.weight"), &[shared * width, hidden], Role::Matrix);
        list.add(format!("{at}.self_attn.o_proj.weight"), &[hidden, heads * width], Role::Matrix);
        list.add(format!("{at}.self_attn.q_norm.weight"), &[width], Role::ZeroNorm);
        list.add(format!("{at}.self_attn.k_norm.weight"), &[width], Role::ZeroNorm);
    }
    if dims.experts == 0 {
        feed_forward(list, &format!("{at}.mlp"), text.size("intermediate_size")?, hidden);
        return Ok(());
    }
    let (count, inner) = (dims.experts, dims.expert_inner);
    list.add(format!("{at}.mlp.gate.weight"), &[count, hidden], Role::Router);
    list.add(format!("{at}.mlp.experts.gate_up_proj.weight"), &[count, 2 * inner, hidden], Role::Matrix);
    list.add(format!("{at}.mlp.experts.down_proj.weight"), &[count, hidden, inner], Role::Matrix);
    let shared = text.size("shared_expert_intermediate_size")?;
    feed_forward(list, &format!("{at}.mlp.shared_expert"), shared, hidden);
    list.add(format!("{at}.mlp.shared_expert_gate.weight"), &[1, hidden], Role::Router);
    Ok(())
}

fn feed_forward(list: &mut List, at: &str, inner: usize, hidden: usize) {
    list.add(format!("{at}.gate_proj.weight"), &[inner, hidden], Role::Matrix);
    list.add(format!("{at}.up_proj.weight"), &[inner, hidden], Role::Matrix);
    list.add(format!("{at}.down_proj.weight"), &[hidden, inner], Role::Matrix);
}

fn tower(list: &mut List, vision: &Table<'_>) -> Result<(), String> {
    let (hidden, inner) = (vision.size("hidden_size")?, vision.size("intermediate_size")?);
    let patch = vision.size("patch_size")?;
    let frames = vision.size("temporal_patch_size")?;
    let shape = [hidden, vision.size("in_channels")?, frames, patch, patch];
    let mut pair = |name: String, shape: &[usize], role: Role| {
        list.add(format!("visual.{name}.weight"), shape, role);
        list.add(format!("visual.{name}.bias"), &shape[..1], Role::Bias);
    };
    pair("patch_embed.proj".into(), &shape, Role::VisionMatrix);
    for block in 0..vision.layers("depth")? {
        pair(format!("blocks.{block}.norm1"), &[hidden], Role::PlainNorm);
        pair(format!("blocks.{block}.norm2"), &[hidden], Role::PlainNorm);
        pair(format!("blocks.{block}.attn.qkv"), &[3 * hidden, hidden], Role::VisionMatrix);
        pair(format!("blocks.{block}.attn.proj"), &[hidden, hidden], Role::VisionMatrix);
        pair(format!("blocks.{block}.mlp.linear_fc1"), &[inner, hidden], Role::VisionMatrix);
        pair(format!("blocks.{block}.mlp.linear_fc2"), &[hidden, inner], Role::VisionMatrix);
    }
    let merge = vision.size("spatial_merge_size")?;
    let wide = hidden * merge * merge;
    pair("merger.norm".into(), &[hidden], Role::PlainNorm);
    pair("merger.linear_fc1".into(), &[wide, wide], Role::VisionMatrix);
    pair("merger.linear_fc2".into(), &[vision.size("out_hidden_size")?, wide], Role::VisionMatrix);
    let positions = vision.size("num_position_embeddings")?;
    list.add("visual.pos_embed.weight".into(), &[positions, hidden], Role::Positions);
    Ok(())
}
