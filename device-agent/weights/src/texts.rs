//! What travels with weights but is not weights: tokenizer, chat template, side configurations. Handed out as
//! found; making sense of them is the business of the text crate.

use serde_json::Value;

/// The texts found beside (or inside) a checkpoint.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    /// The tokenizer, raw.
    pub tokenizer: Option<TokenizerSource>,
    /// The Jinja source of the chat template.
    pub chat_template: Option<String>,
    pub tokenizer_config: Option<Value>,
    pub generation_config: Option<Value>,
    pub preprocessor_config: Option<Value>,
    pub video_preprocessor_config: Option<Value>,
}

/// A tokenizer as found.
#[derive(Clone, Debug)]
pub enum TokenizerSource {
    /// The text of a Hugging Face `tokenizer.json`.
    HuggingFace(String),
    /// The vocabulary out of GGUF metadata.
    Gguf(GgufVocabulary),
}

/// The keys under `tokenizer.ggml`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GgufVocabulary {
    /// `gpt2` for byte-level pair encoding.
    pub model: String,
    /// Which splitting rule comes first, such as `qwen35`.
    pub pre: Option<String>,
    pub tokens: Vec<String>,
    /// 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte.
    pub token_types: Vec<i32>,
    /// Pairs separated by one space, strongest first.
    pub merges: Vec<String>,
    pub bos_id: Option<u32>,
    pub eos_id: Option<u32>,
    pub padding_id: Option<u32>,
    pub add_bos: Option<bool>,
}
