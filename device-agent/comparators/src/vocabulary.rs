//! The words of a GGUF comparator, from the same metadata as its weights.

use candle_core::quantized::gguf_file::{Content, Value};
use dyno_text::{ChatTemplate, GgufVocabulary, Tokenizer};
use dyno_weights::Checkpoint;

use crate::ComparatorError;

pub(crate) fn tokenizer_of_gguf(content: &Content) -> Result<Tokenizer, ComparatorError> {
    Ok(Tokenizer::from_gguf(&GgufVocabulary {
        model: text(content, "model").unwrap_or_default(),
        pre: text(content, "pre").unwrap_or_default(),
        tokens: list(content, "tokens", |value| value.to_string().ok().cloned()),
        merges: list(content, "merges", |value| value.to_string().ok().cloned()),
        scores: list(content, "scores", |value| value.to_f32().ok()),
        token_type: list(content, "token_type", |value| value.to_i32().ok()),
        bos_token_id: id(content, "bos_token_id"),
        eos_token_id: id(content, "eos_token_id"),
        eot_token_id: id(content, "eot_token_id"),
        unknown_token_id: id(content, "unknown_token_id"),
        add_bos_token: flag(content, "add_bos_token"),
        add_space_prefix: flag(content, "add_space_prefix"),
    })?)
}

pub(crate) fn template_of_gguf(
    checkpoint: &Checkpoint,
    content: &Content,
) -> Result<Option<ChatTemplate>, ComparatorError> {
    let Some(source) = &checkpoint.texts().chat_template else { return Ok(None) };
    let tokens = match entry(content, "tokens") {
        Some(Value::Array(tokens)) => tokens.as_slice(),
        _ => &[],
    };
    let token = |key| {
        let token = tokens.get(id(content, key)? as usize)?;
        token.to_string().ok().map(String::as_str)
    };
    Ok(Some(ChatTemplate::from_source(source, token("bos_token_id"), token("eos_token_id"))?))
}

fn entry<'a>(content: &'a Content, key: &str) -> Option<&'a Value> {
    content.metadata.get(&format!("tokenizer.ggml.{key}"))
}

fn text(content: &Content, key: &str) -> Option<String> {
    entry(content, key)?.to_string().ok().cloned()
}

fn id(content: &Content, key: &str) -> Option<u32> {
    entry(content, key)?.to_u32().ok()
}

fn flag(content: &Content, key: &str) -> Option<bool> {
    entry(content, key)?.to_bool().ok()
}

/// Elements of another type are left out, and the tokenizer then misses them.
fn list<T>(content: &Content, key: &str, read: impl Fn(&Value) -> Option<T>) -> Vec<T> {
    match entry(content, key) {
        Some(Value::Array(values)) => values.iter().filter_map(read).collect(),
        _ => Vec::new(),
    }
}
