//! The language model's part of the configuration.

use std::ops::RangeInclusive;

use super::fields::Fields;
use crate::error::Result;

// Generous against every published size, small enough that no product of two overflows and no hostile
// file can ask for an absurd allocation.
const WIDTH: RangeInclusive<usize> = 1..=1 << 17;
const HEADS: RangeInclusive<usize> = 1..=1024;
const HEAD_DIM: RangeInclusive<usize> = 1..=1024;
const LAYERS: RangeInclusive<usize> = 1..=1024;
const VOCAB: RangeInclusive<usize> = 1..=1 << 22;
const EXPERTS: RangeInclusive<usize> = 1..=4096;
const KERNEL: RangeInclusive<usize> = 2..=64;
/// No matrix of one layer may have more elements than this.
const MATRIX_ELEMENTS: usize = 1 << 34;

/// What mixes tokens in a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mixer {
    /// Gated `DeltaNet`: a recurrent state of fixed size.
    Linear,
    /// Gated softmax attention over all earlier tokens.
    Full,
}

/// Sizes of the full attention layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attention {
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Width of one head.
    pub head_dim: usize,
}

/// Sizes of the gated `DeltaNet` layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinearAttention {
    /// Query and key heads.
    pub key_heads: usize,
    /// Value heads; a multiple of `key_heads`.
    pub value_heads: usize,
    /// Width of one key head.
    pub key_dim: usize,
    /// Width of one value head.
    pub value_dim: usize,
    /// Taps of the causal convolution.
    pub conv_kernel: usize,
}

impl LinearAttention {
    /// Channels that pass through the convolution: queries, keys, values.
    pub fn conv_channels(&self) -> usize {
        2 * self.key_heads * self.key_dim + self.value_heads * self.value_dim
    }

    /// Width of all value heads together.
    pub fn value_width(&self) -> usize {
        self.value_heads * self.value_dim
    }
}

/// Sizes of a mixture-of-experts block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Experts {
    /// Routed experts.
    pub count: usize,
    /// Routed experts that see a token.
    pub per_token: usize,
    /// Inner width of a routed expert.
    pub width: usize,
    /// Inner width of the expert that sees every token.
    pub shared_width: usize,
    /// Whether the chosen experts' probabilities are divided by their sum.
    pub normalise: bool,
}

/// What follows the mixer in every layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedForward {
    /// One gated MLP of this inner width.
    Dense(usize),
    /// Routed experts and a shared one.
    Experts(Experts),
}

/// Rotary position settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rope {
    /// The base of the frequencies.
    pub theta: f64,
    /// How many dimensions of a head turn; even.
    pub dim: usize,
    /// Frequencies that follow time, height and width.
    pub sections: [usize; 3],
}

/// The language model's configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct TextConfig {
    /// Rows of the embedding, padding included.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// One entry per layer.
    pub mixers: Vec<Mixer>,
    /// Full attention sizes.
    pub attention: Attention,
    /// Gated `DeltaNet` sizes.
    pub linear: LinearAttention,
    /// MLP or experts.
    pub feed_forward: FeedForward,
    /// Rotary positions.
    pub rope: Rope,
    /// Epsilon of every RMS norm.
    pub rms_eps: f32,
    /// The longest context the model was made for.
    pub max_positions: usize,
    /// Layers of the draft head; 0 or 1.
    pub mtp_layers: usize,
    /// Stop tokens the configuration itself names.
    pub eos: Vec<u32>,
}

impl TextConfig {
    /// Layers with the given mixer.
    pub fn layers_with(&self, mixer: Mixer) -> usize {
        self.mixers.iter().filter(|found| **found == mixer).count()
    }

    pub(super) fn parse(fields: Fields<'_>, moe: bool) -> Result<Self> {
        refuse_unbuilt(fields)?;
        let hidden_size = fields.count("hidden_size", WIDTH)?;
        let vocab_size = fields.count("vocab_size", VOCAB)?;
        let attention = attention(fields, hidden_size)?;
        let linear = linear(fields)?;
        let feed_forward = if moe || fields.get("num_experts").is_some_and(|n| n.as_u64() != Some(0)) {
            FeedForward::Experts(experts(fields)?)
        } else {
            FeedForward::Dense(fields.count("intermediate_size", WIDTH)?)
        };
        let config = Self {
            vocab_size,
            hidden_size,
            mixers: mixers(fields)?,
            attention,
            linear,
            feed_forward,
            rope: rope(fields, attention.head_dim)?,
            rms_eps: fields.number("rms_norm_eps", 0.0..=1.0)?.unwrap_or(1e-6) as f32,
            max_positions: fields.count_or("max_position_embeddings", 1..=1 << 30, 262_144)?,
            mtp_layers: fields.count_or("mtp_num_hidden_layers", 0..=1, 0)?,
            eos: eos(fields, vocab_size)?,
        };
        config.bounded(fields)?;
        Ok(config)
    }

    fn bounded(&self, fields: Fields<'_>) -> Result<()> {
        let h = self.hidden_size;
        let widest = [
            ("vocab_size", self.vocab_size),
            ("num_attention_heads", 2 * self.attention.heads * self.attention.head_dim),
            ("linear_num_value_heads", self.linear.conv_channels()),
            (
                "num_experts",
                match self.feed_forward {
                    FeedForward::Dense(_) => 1,
                    FeedForward::Experts(e) => 2 * e.count * e.width.max(1),
                },
            ),
        ];
        for (key, rows) in widest {
            if rows.checked_mul(h).is_none_or(|elements| elements > MATRIX_ELEMENTS) {
                return fields.wrong(key, format!("gives a matrix of {rows} x {h}, which is out of bounds"));
            }
        }
        Ok(())
    }
}

/// Settings with a single built value: anything else would run a different model under this one's name.
fn refuse_unbuilt(fields: Fields<'_>) -> Result<()> {
    fields.only("hidden_act", fields.text("hidden_act")?, &"silu")?;
    fields.only("attention_bias", fields.flag("attention_bias")?, &false)?;
    fields.only("attn_output_gate", fields.flag("attn_output_gate")?, &true)?;
    fields.only("mtp_use_dedicated_embeddings", fields.flag("mtp_use_dedicated_embeddings")?, &false)
}

fn attention(fields: Fields<'_>, hidden_size: usize) -> Result<Attention> {
    let heads = fields.count("num_attention_heads", HEADS)?;
    let kv_heads = fields.count("num_key_value_heads", HEADS)?;
    if heads % kv_heads != 0 {
        return fields
            .wrong("num_key_value_heads", format!("{kv_heads} does not divide {heads} query heads"));
    }
    let head_dim = match fields.get("head_dim") {
        Some(_) => fields.count("head_dim", HEAD_DIM)?,
        None if hidden_size.is_multiple_of(heads) => hidden_size / heads,
        None => return fields.wrong("head_dim", "is missing and hidden_size is no multiple of the heads"),
    };
    Ok(Attention { heads, kv_heads, head_dim })
}

fn linear(fields: Fields<'_>) -> Result<LinearAttention> {
    let linear = LinearAttention {
        key_heads: fields.count("linear_num_key_heads", HEADS)?,
        value_heads: fields.count("linear_num_value_heads", HEADS)?,
        key_dim: fields.count("linear_key_head_dim", HEAD_DIM)?,
        value_dim: fields.count("linear_value_head_dim", HEAD_DIM)?,
        conv_kernel: fields.count_or("linear_conv_kernel_dim", KERNEL, 4)?,
    };
    if !linear.value_heads.is_multiple_of(linear.key_heads) {
        let problem = format!("{} is no multiple of {} key heads", linear.value_heads, linear.key_heads);
        return fields.wrong("linear_num_value_heads", problem);
    }
    Ok(linear)
}

fn experts(fields: Fields<'_>) -> Result<Experts> {
    let count = fields.count("num_experts", EXPERTS)?;
    Ok(Experts {
        count,
        per_token: fields.count("num_experts_per_tok", 1..=count)?,
        width: fields.count("moe_intermediate_size", WIDTH)?,
        shared_width: fields.count("shared_expert_intermediate_size", WIDTH)?,
        normalise: fields.flag("norm_topk_prob")?.unwrap_or(true),
    })
}

fn mixers(fields: Fields<'_>) -> Result<Vec<Mixer>> {
    let layers = fields.count("num_hidden_layers", LAYERS)?;
    // Newer transformers drop the interval when re-saving, so the list rules where both are there.
    let Some(list) = fields.get("layer_types") else {
        let interval = fields.count_or("full_attention_interval", 1..=1024, 4)?;
        return Ok((1..=layers)
            .map(|nth| if nth % interval == 0 { Mixer::Full } else { Mixer::Linear })
            .collect());
    };
    let Some(list) = list.as_array() else { return fields.wrong("layer_types", "expected a list") };
    if list.len() != layers {
        return fields.wrong("layer_types", format!("has {} entries for {layers} layers", list.len()));
    }
    list.iter()
        .map(|name| match name.as_str() {
            Some("linear_attention") => Ok(Mixer::Linear),
            Some("full_attention") => Ok(Mixer::Full),
            _ => fields
                .wrong("layer_types", format!("`{name}` is neither linear_attention nor full_attention")),
        })
        .collect()
}

fn rope(fields: Fields<'_>, head_dim: usize) -> Result<Rope> {
    let path = ["rope_parameters", "rope_scaling"].into_iter().find(|key| fields.get(key).is_some());
    let nested_path = path.map(|key| fields.key(key));
    let nested = match (path.and_then(|key| fields.get(key)), &nested_path) {
        (Some(value), Some(path)) => Some(Fields::of(value, path)?),
        _ => None,
    };
    if let Some(nested) = nested {
        for key in ["rope_type", "type"] {
            let kind = nested.text(key)?.filter(|kind| *kind != "mrope");
            nested.only(key, kind, &"default")?;
        }
        nested.only("mrope_interleaved", nested.flag("mrope_interleaved")?, &true)?;
    }
    // Old repacks keep these two flat beside the nested object.
    let number = |key: &str, bounds: RangeInclusive<f64>| -> Result<Option<f64>> {
        match nested.map(|nested| nested.number(key, bounds.clone())).transpose()?.flatten() {
            Some(found) => Ok(Some(found)),
            None => fields.number(key, bounds),
        }
    };
    let Some(theta) = number("rope_theta", 1.0..=1e12)? else {
        return fields.wrong("rope_parameters.rope_theta", "is missing");
    };
    let factor = number("partial_rotary_factor", 0.0..=1.0)?.unwrap_or(0.25);
    let dim = (head_dim as f64 * factor) as usize;
    if dim == 0 || !dim.is_multiple_of(2) {
        let problem = format!("turns {dim} of {head_dim} dimensions, expected an even count above 0");
        return fields.wrong("rope_parameters.partial_rotary_factor", problem);
    }
    let sections = match nested.map(|n| n.counts("mrope_section", 0..=1 << 16)).transpose()?.flatten() {
        Some(list) => <[usize; 3]>::try_from(list).or_else(|list| {
            fields.wrong("rope_parameters.mrope_section", format!("has {} entries, expected 3", list.len()))
        })?,
        // Without pictures the three positions are equal and the split does not matter.
        None => [dim / 2, 0, 0],
    };
    if sections.iter().sum::<usize>() != dim / 2 {
        let problem = format!("{sections:?} does not sum to the {} frequencies", dim / 2);
        return fields.wrong("rope_parameters.mrope_section", problem);
    }
    Ok(Rope { theta, dim, sections })
}

fn eos(fields: Fields<'_>, vocab_size: usize) -> Result<Vec<u32>> {
    let bounds = 0..=vocab_size - 1;
    let ids = match fields.get("eos_token_id") {
        None => Vec::new(),
        Some(value) if value.is_array() => fields.counts("eos_token_id", bounds)?.unwrap_or_default(),
        Some(_) => vec![fields.count("eos_token_id", bounds)?],
    };
    Ok(ids.into_iter().map(|id| id as u32).collect())
}
