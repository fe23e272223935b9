//! The shape of a Qwen3.5 model as its `config.json` states it. Owns what is accepted and every bound;
//! after parsing, no other module needs to distrust a size.

mod fields;
mod text;
mod vision;

use serde_json::Value;

use crate::error::{ModelError, Result};
use fields::Fields;
pub use text::{Attention, Experts, FeedForward, LinearAttention, Mixer, Rope, TextConfig};
pub use vision::VisionConfig;

/// Token ids that mark pictures in a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaTokens {
    /// Stands once for every merged image patch.
    pub image: u32,
    /// Stands once for every merged video patch.
    pub video: u32,
    /// Opens a picture.
    pub start: u32,
    /// Closes a picture.
    pub end: u32,
}

/// A complete, checked configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The language model.
    pub text: TextConfig,
    /// The vision tower, where the checkpoint describes one.
    pub vision: Option<VisionConfig>,
    /// The marker tokens. A GGUF file without a tokenizer does not know them; prompts then take no pictures.
    pub media: Option<MediaTokens>,
    /// Whether head and embedding share one matrix; `None` where the file does not say, and the presence
    /// of `lm_head.weight` decides.
    pub tied: Option<bool>,
}

impl Config {
    /// Checks and reads the parsed `config.json`.
    pub fn parse(json: &Value) -> Result<Self> {
        let top = Fields::of(json, "")?;
        let kind = top.text("model_type")?.unwrap_or_default();
        if !matches!(kind, "qwen3_5" | "qwen3_5_moe" | "qwen3_5_text" | "qwen3_5_moe_text") {
            return top.wrong("model_type", format!("`{kind}` is not of the Qwen3.5 family"));
        }
        // Text-only exports put the text settings at the top level.
        let inner = top.get("text_config");
        let text_fields = match inner {
            Some(value) => Fields::of(value, "text_config")?,
            None => top,
        };
        let text = TextConfig::parse(text_fields, kind.contains("_moe"))?;
        let (vision, media) = match top.get("vision_config") {
            None => (None, None),
            Some(value) => {
                let vision = VisionConfig::parse(Fields::of(value, "vision_config")?)?;
                if vision.out_hidden_size != text.hidden_size {
                    return Err(ModelError::config(
                        "vision_config.out_hidden_size",
                        format!(
                            "{} differs from the text hidden size {}",
                            vision.out_hidden_size, text.hidden_size
                        ),
                    ));
                }
                (Some(vision), media_tokens(top, text.vocab_size)?)
            }
        };
        // Where both places say something, transformers obeys the top level.
        let tied = match top.flag("tie_word_embeddings")? {
            Some(flag) => Some(flag),
            None => text_fields.flag("tie_word_embeddings")?,
        };
        Ok(Self { text, vision, media, tied })
    }
}

/// All four, or none where the file names none.
fn media_tokens(top: Fields<'_>, vocab_size: usize) -> Result<Option<MediaTokens>> {
    const KEYS: [&str; 4] =
        ["image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id"];
    if KEYS.iter().all(|key| top.get(key).is_none()) {
        return Ok(None);
    }
    let id = |key: &str| top.count(key, 0..=vocab_size - 1).map(|id| id as u32);
    Ok(Some(MediaTokens { image: id(KEYS[0])?, video: id(KEYS[1])?, start: id(KEYS[2])?, end: id(KEYS[3])? }))
}

#[cfg(test)]
mod tests;
