//! The vocabulary of a GGUF file. The caller reads the metadata; this turns it into a tokenizer.

use serde_json::{Map, Value, json};

use super::Tokenizer;
use super::added::AddedToken;
use super::ranks::{added_json, byte_level_json};
use super::split::Split;
use crate::TextError;

/// The `tokenizer.ggml.*` entries of a GGUF file, under their own names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GgufVocabulary {
    /// `model`: `gpt2` or `llama`.
    pub model: String,
    /// `pre`: which rule cuts the text.
    pub pre: String,
    pub tokens: Vec<String>,
    /// Two token strings with a space between them, best first.
    pub merges: Vec<String>,
    /// Scores of a `llama` vocabulary.
    pub scores: Vec<f32>,
    pub token_type: Vec<i32>,
    pub bos_token_id: Option<u32>,
    pub eos_token_id: Option<u32>,
    pub eot_token_id: Option<u32>,
    pub unknown_token_id: Option<u32>,
    pub add_bos_token: Option<bool>,
    pub add_space_prefix: Option<bool>,
}

/// Token kinds as GGUF numbers them.
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;

pub(super) fn load(vocabulary: &GgufVocabulary) -> Result<Tokenizer, TextError> {
    let malformed = |why: String| TextError::Malformed { what: "the GGUF vocabulary".into(), why };
    if vocabulary.tokens.is_empty() {
        return Err(malformed("it has no tokens".into()));
    }
    if vocabulary.token_type.len() != vocabulary.tokens.len() {
        return Err(malformed(format!(
            "it has {} tokens but {} token types",
            vocabulary.tokens.len(),
            vocabulary.token_type.len()
        )));
    }
    let json = match vocabulary.model.as_str() {
        "gpt2" => byte_level(vocabulary)?,
        "llama" => sentence_pieces(vocabulary)?,
        other => return Err(TextError::UnknownModel { found: other.to_owned() }),
    };
    // Byte-level families begin with nothing unless told; sentence pieces begin with their begin token.
    let begins = vocabulary
        .add_bos_token
        .unwrap_or(vocabulary.model == "llama" || vocabulary.pre.starts_with("llama"));
    let tokenizer = Tokenizer::from_json(json.to_string().as_bytes())?
        .with_ends([vocabulary.eos_token_id, vocabulary.eot_token_id].into_iter().flatten())
        .with_begin(vocabulary.bos_token_id.filter(|_| begins));
    if tokenizer.id_count() as usize == vocabulary.tokens.len() {
        Ok(tokenizer)
    } else {
        Err(malformed("it lists one token twice".into()))
    }
}

fn added(vocabulary: &GgufVocabulary) -> Vec<AddedToken> {
    let kinds = vocabulary.tokens.iter().zip(&vocabulary.token_type).enumerate();
    kinds
        .filter(|(_, (text, kind))| matches!(**kind, CONTROL | USER_DEFINED) && !text.is_empty())
        .map(|(id, (text, kind))| AddedToken { id: id as u32, text: text.clone(), control: *kind == CONTROL })
        .collect()
}

fn vocab(vocabulary: &GgufVocabulary) -> Map<String, Value> {
    vocabulary.tokens.iter().enumerate().map(|(id, token)| (token.clone(), json!(id))).collect()
}

fn byte_level(vocabulary: &GgufVocabulary) -> Result<Value, TextError> {
    let split = Split::named(&vocabulary.pre)?;
    let mut merges = Vec::with_capacity(vocabulary.merges.len());
    for (at, merge) in vocabulary.merges.iter().enumerate() {
        let (left, right) = merge.split_once(' ').ok_or_else(|| TextError::Malformed {
            what: "the GGUF vocabulary".into(),
            why: format!("merge {at} does not name two tokens"),
        })?;
        merges.push(json!([left, right]));
    }
    Ok(byte_level_json(&vocab(vocabulary), &merges, split, &added(vocabulary)))
}

/// Sentence pieces carry scores, not merges. Joining the pair whose result scores best is the same as merging by
/// the rank of the result, so every way to cut a piece into two pieces is a merge of that piece's rank.
fn sentence_pieces(vocabulary: &GgufVocabulary) -> Result<Value, TextError> {
    if vocabulary.scores.len() != vocabulary.tokens.len() {
        return Err(TextError::Malformed {
            what: "the GGUF vocabulary".into(),
            why: format!("it has {} tokens but {} scores", vocabulary.tokens.len(), vocabulary.scores.len()),
        });
    }
    let ids: std::collections::HashMap<&str, usize> =
        vocabulary.tokens.iter().enumerate().map(|(id, token)| (token.as_str(), id)).collect();
    let mut merges = Vec::new();
    for (id, token) in vocabulary.tokens.iter().enumerate() {
        let cuts = token.char_indices().skip(1).map(|(cut, _)| token.split_at(cut));
        let pairs = cuts.filter_map(|(left, right)| Some((*ids.get(left)?, *ids.get(right)?)));
        merges.extend(pairs.map(|(left, right)| (id, left, right)));
    }
    merges.sort_by(|a, b| {
        vocabulary.scores[b.0].total_cmp(&vocabulary.scores[a.0]).then((a.0, a.1, a.2).cmp(&(b.0, b.1, b.2)))
    });
    let merges: Vec<_> = merges
        .into_iter()
        .map(|(_, left, right)| json!([vocabulary.tokens[left], vocabulary.tokens[right]]))
        .collect();
    let prefix = vocabulary.add_space_prefix.unwrap_or(true);
    let to_mark = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
    let mut normalizers = vec![to_mark];
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": "▁"}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if prefix {
        normalizers.insert(0, json!({"type": "Prepend", "prepend": "▁"}));
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    let unknown = vocabulary.unknown_token_id.and_then(|id| vocabulary.tokens.get(id as usize));
    Ok(json!({
        "version": "1.0",
        "added_tokens": added(vocabulary).iter().map(added_json).collect::<Vec<_>>(),
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "pre_tokenizer": null,
        "post_processor": null,
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": {"type": "BPE", "unk_token": unknown, "fuse_unk": true, "byte_fallback": true,
                  "ignore_merges": false, "vocab": vocab(vocabulary), "merges": merges},
    }))
}
