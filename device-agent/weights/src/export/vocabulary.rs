//! A vocabulary for a GGUF file: as it came from another one, or out of a Hugging Face `tokenizer.json`.

use serde_json::Value;

use super::gguf_metadata::Pairs;
use crate::WeightError;
use crate::checkpoint::Checkpoint;
use crate::shapes::text_table;
use crate::texts::{GgufVocabulary, TokenizerSource};

const NORMAL: i32 = 1;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const UNUSED: i32 = 5;

/// Adds the tokenizer keys, or says that there is no vocabulary.
pub(crate) fn add(pairs: &mut Pairs, checkpoint: &Checkpoint, rows: usize) -> Result<(), WeightError> {
    if let Some(template) = &checkpoint.texts().chat_template {
        pairs.text("tokenizer.chat_template", template);
    }
    let configured = text_table(checkpoint.config()).get("eos_token_id").and_then(Value::as_u64);
    let configured = configured.and_then(|id| u32::try_from(id).ok());
    let built;
    let vocabulary = match &checkpoint.texts().tokenizer {
        None => {
            pairs.text("tokenizer.ggml.model", "no_vocab");
            if let Some(id) = configured {
                pairs.u32("tokenizer.ggml.eos_token_id", id);
            }
            return Ok(());
        }
        Some(TokenizerSource::Gguf(vocabulary)) => vocabulary,
        Some(TokenizerSource::HuggingFace(text)) => {
            built = from_json(text, rows)
                .map_err(|what| WeightError::unsupported(&checkpoint.path().join("tokenizer.json"), what))?;
            &built
        }
    };
    pairs.text("tokenizer.ggml.model", &vocabulary.model);
    pairs.text("tokenizer.ggml.pre", vocabulary.pre.as_deref().unwrap_or("qwen35"));
    pairs.texts("tokenizer.ggml.tokens", vocabulary.tokens.iter().map(String::as_str));
    pairs.i32s("tokenizer.ggml.token_type", &vocabulary.token_types);
    pairs.texts("tokenizer.ggml.merges", vocabulary.merges.iter().map(String::as_str));
    // The token that ends a turn, by name; the configuration's own number ends a document.
    let by_name = |name: &str| vocabulary.tokens.iter().position(|t| t == name).map(|id| id as u32);
    let eos = vocabulary.eos_id.or_else(|| by_name("<|im_end|>")).or(configured);
    if let Some(id) = eos {
        pairs.u32("tokenizer.ggml.eos_token_id", id);
    }
    if let Some(id) = vocabulary.padding_id.or_else(|| by_name("<|endoftext|>")) {
        pairs.u32("tokenizer.ggml.padding_token_id", id);
    }
    pairs.bool("tokenizer.ggml.add_bos_token", vocabulary.add_bos.unwrap_or(false));
    Ok(())
}

fn from_json(text: &str, rows: usize) -> Result<GgufVocabulary, String> {
    let json: Value = serde_json::from_str(text).map_err(|e| format!("no JSON: {e}"))?;
    let model = &json["model"];
    if model["type"] != "BPE" {
        return Err(format!("a tokenizer of type {}, not BPE", model["type"]));
    }
    let ordinary = model["vocab"].as_object().ok_or("a tokenizer without vocabulary")?;
    let mut tokens: Vec<Option<(String, i32)>> = vec![None; rows];
    let mut put = |token: &str, id: Option<u64>, kind: i32| -> Result<(), String> {
        let slot = id.and_then(|id| tokens.get_mut(usize::try_from(id).ok()?));
        *slot.ok_or_else(|| format!("a token `{token}` past the table of {rows}"))? =
            Some((token.to_owned(), kind));
        Ok(())
    };
    for (token, id) in ordinary {
        put(token, id.as_u64(), NORMAL)?;
    }
    for added in json["added_tokens"].as_array().into_iter().flatten() {
        let kind = if added["special"] == true { CONTROL } else { USER_DEFINED };
        put(added["content"].as_str().unwrap_or_default(), added["id"].as_u64(), kind)?;
    }
    let merges = model["merges"].as_array().into_iter().flatten().map(|merge| match merge {
        Value::String(pair) => Ok(pair.clone()),
        Value::Array(pair) if pair.len() == 2 => {
            Ok(format!("{} {}", pair[0].as_str().unwrap_or_default(), pair[1].as_str().unwrap_or_default()))
        }
        other => Err(format!("a merge {other}, which is no pair")),
    });
    let filled = tokens.into_iter().enumerate();
    let filled = filled.map(|(id, token)| token.unwrap_or_else(|| (format!("[PAD{id}]"), UNUSED)));
    let (tokens, token_types) = filled.unzip();
    Ok(GgufVocabulary {
        model: "gpt2".to_owned(),
        pre: Some("qwen35".to_owned()),
        tokens,
        token_types,
        merges: merges.collect::<Result<_, _>>()?,
        ..GgufVocabulary::default()
    })
}
