//! Qwen3-VL, out of the parts that it shares with the family under test: the tower, three-axis positions, causal
//! attention. candle-transformers has a model of this name, but its text sees what comes after it and places
//! pictures on one axis, so it computes something else.

use candle_core::{Device, Tensor};
use candle_nn::ops::rms_norm;
use dyno_qwen35::config::{Attention, MediaTokens, Rope, VisionConfig};
use dyno_qwen35::shared_parts::{KvCache, Layout, Mlp, Run, TextRotary, Turns, attend, lay_out};
use dyno_qwen35::vision::{Patches, VisionTower};
use dyno_qwen35::{ModelError, TokenGrid};
use dyno_weights::{Checkpoint, Embedding, Linear};
use serde_json::Value;

use crate::ComparatorError;

type Result<T> = std::result::Result<T, ModelError>;

/// What a prompt's pictures become: vectors for the prompt, and what the first layers add to them.
#[derive(Debug)]
pub struct Seen {
    rows: Tensor,
    deeper: Vec<Tensor>,
    grids: Vec<TokenGrid>,
}

impl Seen {
    /// Prompt tokens that stand for the pictures.
    pub fn tokens(&self) -> usize {
        self.grids.iter().map(TokenGrid::tokens).sum()
    }
}

/// The sizes of the language model.
struct Sizes {
    vocab: usize,
    hidden: usize,
    inner: usize,
    layers: usize,
    attention: Attention,
    eps: f32,
}

struct Layer {
    norm: Tensor,
    q: Linear,
    k: Linear,
    v: Linear,
    out: Linear,
    q_norm: Tensor,
    k_norm: Tensor,
    mlp_norm: Tensor,
    mlp: Mlp,
    cache: KvCache,
}

impl Layer {
    fn load(weights: &Checkpoint, index: usize, sizes: &Sizes, device: &Device) -> Result<Self> {
        let prefix = format!("language_model.layers.{index}");
        let Attention { heads, kv_heads, head_dim } = sizes.attention;
        let linear = |name: &str, out, inp| {
            weights.linear(&format!("{prefix}.self_attn.{name}.weight"), out, inp, device)
        };
        let norm =
            |name: &str, size: usize| weights.tensor(&format!("{prefix}.{name}.weight"), &[size], device);
        Ok(Self {
            norm: norm("input_layernorm", sizes.hidden)?,
            q: linear("q_proj", heads * head_dim, sizes.hidden)?,
            k: linear("k_proj", kv_heads * head_dim, sizes.hidden)?,
            v: linear("v_proj", kv_heads * head_dim, sizes.hidden)?,
            out: linear("o_proj", sizes.hidden, heads * head_dim)?,
            q_norm: norm("self_attn.q_norm", head_dim)?,
            k_norm: norm("self_attn.k_norm", head_dim)?,
            mlp_norm: norm("post_attention_layernorm", sizes.hidden)?,
            mlp: Mlp::load(weights, &format!("{prefix}.mlp"), sizes.hidden, sizes.inner, device)?,
            cache: KvCache::empty(sizes.attention, None, device),
        })
    }

    fn forward(&mut self, x: &Tensor, turns: &Turns, sizes: &Sizes) -> Result<Tensor> {
        let Attention { heads, kv_heads, head_dim } = sizes.attention;
        let tokens = x.dim(0)?;
        let normed = rms_norm(x, &self.norm, sizes.eps)?;
        let head = |x: Tensor, count| x.reshape((tokens, count, head_dim));
        let by_head = |x: &Tensor| x.transpose(0, 1)?.contiguous();
        let q = rms_norm(&head(self.q.forward(&normed)?, heads)?, &self.q_norm, sizes.eps)?;
        let k = rms_norm(&head(self.k.forward(&normed)?, kv_heads)?, &self.k_norm, sizes.eps)?;
        let v = head(self.v.forward(&normed)?, kv_heads)?;
        let q = by_head(&turns.apply(&q)?)?;
        let (keys, values) = self.cache.append(&by_head(&turns.apply(&k)?)?, &by_head(&v)?)?;
        let mixed = attend(&q, &keys, &values, true)?.transpose(0, 1)?.contiguous()?;
        let x = (x + self.out.forward(&mixed.reshape((tokens, heads * head_dim))?)?)?;
        let inner = self.mlp.forward(&rms_norm(&x, &self.mlp_norm, sizes.eps)?)?;
        Ok((x + inner)?)
    }
}

/// The model with its state.
pub(crate) struct Qwen3Vl {
    sizes: Sizes,
    embedding: Embedding,
    layers: Vec<Layer>,
    norm: Tensor,
    head: Linear,
    rotary: TextRotary,
    tower: VisionTower,
    vision: VisionConfig,
    media: MediaTokens,
    /// The next token's position; behind a picture it is not the count of tokens.
    next: u32,
    device: Device,
}

impl Qwen3Vl {
    /// `config` is the file's; `text` is its language model's part, completed.
    pub(crate) fn load(
        weights: &Checkpoint,
        text: &Value,
        device: &Device,
    ) -> std::result::Result<Self, ComparatorError> {
        let reader = Reader { weights, config: weights.config(), text };
        let (sizes, rope, media) = (reader.sizes()?, reader.rope()?, reader.media()?);
        let (vision, taps) = VisionConfig::parse_tapped(&weights.config()["vision_config"])?;
        reader.refuse_what_is_not_used(&sizes, &vision, taps.len())?;
        let table = "language_model.embed_tokens.weight";
        let embedding = weights.embedding(table, sizes.vocab, sizes.hidden, device)?;
        let layers = (0..sizes.layers).map(|index| Layer::load(weights, index, &sizes, device));
        let head = if weights.has(HEAD) {
            weights.linear(HEAD, sizes.vocab, sizes.hidden, device)?
        } else {
            embedding.as_linear()
        };
        Ok(Self {
            layers: layers.collect::<Result<_>>()?,
            norm: weights.tensor("language_model.norm.weight", &[sizes.hidden], device)?,
            rotary: TextRotary::new(&rope),
            tower: VisionTower::load_tapped(weights, &vision, &taps, device)?,
            next: 0,
            device: device.clone(),
            embedding,
            head,
            vision,
            media,
            sizes,
        })
    }

    pub(crate) fn vision(&self) -> &VisionConfig {
        &self.vision
    }

    pub(crate) fn see<'a>(&self, pictures: impl IntoIterator<Item = &'a Patches>) -> Result<Seen> {
        let seen = pictures.into_iter().map(|picture| self.tower.see_tapped(picture));
        let seen = seen.collect::<Result<Vec<_>>>()?;
        let depths = seen.first().map_or(0, |(_, deeper)| deeper.len());
        let deeper = (0..depths).map(|depth| {
            let of_all: Vec<&Tensor> = seen.iter().map(|(_, deeper)| &deeper[depth]).collect();
            Tensor::cat(&of_all, 0)
        });
        let rows: Vec<&Tensor> = seen.iter().map(|(features, _)| &features.rows).collect();
        Ok(Seen {
            rows: Tensor::cat(&rows, 0)?,
            deeper: deeper.collect::<candle_core::Result<_>>()?,
            grids: seen.iter().flat_map(|(features, _)| features.grids.clone()).collect(),
        })
    }

    /// Logits after the last of these tokens, `[1, vocab]`.
    pub(crate) fn feed(&mut self, ids: &[u32], seen: Option<&Seen>) -> Result<Tensor> {
        let grids = seen.map_or(&[][..], |seen| &seen.grids);
        let layout = lay_out(ids, Some(self.media), grids, self.next)?;
        let mut x = self.embedding.forward(&Tensor::new(ids, &Device::Cpu)?)?;
        if let Some(seen) = seen {
            x = over_pictures(&x, &layout, &seen.rows, |_, picture| Ok(picture))?;
        }
        let turns = self.rotary.turns(&layout.positions, &self.device)?;
        for (index, layer) in self.layers.iter_mut().enumerate() {
            x = layer.forward(&x, &turns, &self.sizes)?;
            if let Some(rows) = seen.and_then(|seen| seen.deeper.get(index)) {
                x = over_pictures(&x, &layout, rows, |there, picture| there + picture)?;
            }
        }
        self.next = layout.next;
        let last = x.narrow(0, ids.len() - 1, 1)?;
        Ok(self.head.forward(&rms_norm(&last, &self.norm, self.sizes.eps)?)?)
    }

    pub(crate) fn clear(&mut self) {
        self.next = 0;
        for layer in &mut self.layers {
            layer.cache.truncate(0);
        }
    }
}

/// `x` with every picture's rows made of what is there and the picture's own, in order.
fn over_pictures(
    x: &Tensor,
    layout: &Layout,
    rows: &Tensor,
    make: impl Fn(Tensor, Tensor) -> candle_core::Result<Tensor>,
) -> Result<Tensor> {
    let mut parts = Vec::with_capacity(layout.runs.len());
    let mut used = 0;
    for run in &layout.runs {
        parts.push(match run {
            Run::Text(range) => x.narrow(0, range.start, range.len())?,
            Run::Picture(range) => {
                let there = x.narrow(0, range.start, range.len())?;
                used += range.len();
                make(there, rows.narrow(0, used - range.len(), range.len())?)?
            }
        });
    }
    Ok(Tensor::cat(&parts, 0)?)
}

const HEAD: &str = "lm_head.weight";

/// Takes what is needed out of a configuration, by name.
struct Reader<'a> {
    weights: &'a Checkpoint,
    config: &'a Value,
    text: &'a Value,
}

impl Reader<'_> {
    fn wrong(&self, why: String) -> ComparatorError {
        ComparatorError::Config { path: self.weights.path().to_owned(), why }
    }

    fn number(&self, from: &Value, key: &str, most: usize) -> std::result::Result<usize, ComparatorError> {
        let number = from[key].as_u64().and_then(|number| usize::try_from(number).ok());
        let number = number.filter(|number| (1..=most).contains(number));
        number.ok_or_else(|| self.wrong(format!("{key} must be a number up to {most}")))
    }

    fn sizes(&self) -> std::result::Result<Sizes, ComparatorError> {
        let number = |key, most| self.number(self.text, key, most);
        let heads = number("num_attention_heads", 1024)?;
        let kv_heads = number("num_key_value_heads", heads)?;
        let head_dim = number("head_dim", 1024)?;
        if !heads.is_multiple_of(kv_heads) || !head_dim.is_multiple_of(2) {
            return Err(self.wrong(format!("{heads} heads of {head_dim} do not share {kv_heads} keys")));
        }
        Ok(Sizes {
            vocab: number("vocab_size", 1 << 20)?,
            hidden: number("hidden_size", 1 << 16)?,
            inner: number("intermediate_size", 1 << 18)?,
            layers: number("num_hidden_layers", 1024)?,
            attention: Attention { heads, kv_heads, head_dim },
            eps: self.text["rms_norm_eps"].as_f64().unwrap_or(1e-6) as f32,
        })
    }

    fn rope(&self) -> std::result::Result<Rope, ComparatorError> {
        let told = [&self.text["rope_parameters"], &self.text["rope_scaling"]];
        let sections = told.iter().find_map(|told| told["mrope_section"].as_array());
        let sections: Option<Vec<usize>> = sections
            .and_then(|list| list.iter().map(|part| part.as_u64().map(|part| part as usize)).collect());
        let dim = self.number(self.text, "head_dim", 1024)?;
        let sections: Option<[usize; 3]> = sections.and_then(|sections| sections.try_into().ok());
        let sections = sections
            .filter(|parts| {
                parts.iter().try_fold(0usize, |sum, part| sum.checked_add(*part)) == Some(dim / 2)
            })
            .ok_or_else(|| self.wrong(format!("mrope_section does not divide {}", dim / 2)))?;
        let kind = told.iter().find_map(|told| told["rope_type"].as_str()).unwrap_or("default");
        if kind != "default" {
            return Err(self.wrong(format!("its rotary scaling \"{kind}\" is not applied")));
        }
        let theta = self.text["rope_theta"].as_f64().filter(|theta| *theta > 1.0);
        let theta = theta.ok_or_else(|| self.wrong("rope_theta must be above one".to_owned()))?;
        Ok(Rope { theta, dim, sections })
    }

    fn media(&self) -> std::result::Result<MediaTokens, ComparatorError> {
        let id = |key| self.number(self.config, key, u32::MAX as usize).map(|id| id as u32);
        Ok(MediaTokens {
            image: id("image_token_id")?,
            video: id("video_token_id")?,
            start: id("vision_start_token_id")?,
            end: id("vision_end_token_id")?,
        })
    }

    /// Tensors are asked for by name and shape, so a wrong count is a tensor that means something unknown.
    fn refuse_what_is_not_used(
        &self,
        sizes: &Sizes,
        vision: &VisionConfig,
        taps: usize,
    ) -> std::result::Result<(), ComparatorError> {
        const IN_A_LAYER: usize = 11;
        const IN_A_BLOCK: usize = 12;
        const IN_A_MERGER: usize = 6;
        let head = usize::from(self.weights.has(HEAD));
        let text = 2 + head + IN_A_LAYER * sizes.layers;
        let tower = 3 + IN_A_BLOCK * vision.depth + IN_A_MERGER * (1 + taps);
        let found = self.weights.names().count();
        if found == text + tower && vision.out_hidden_size == sizes.hidden {
            return Ok(());
        }
        Err(ComparatorError::WouldRunWrongly {
            path: self.weights.path().to_owned(),
            why: format!("it has {found} tensors, where {} are used", text + tower),
        })
    }
}
