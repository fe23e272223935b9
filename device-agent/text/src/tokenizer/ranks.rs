//! Rank files: tokens as base64 with their rank. Merges are not listed and must be worked out.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::added::AddedToken;
use super::bytes::letter_of;
use super::split::Split;
use crate::TextError;

pub(super) fn to_json(ranks: &str, split: &str, added: &[AddedToken]) -> Result<Value, TextError> {
    let malformed = |why: String| TextError::Malformed { what: "the rank file".into(), why };
    let mut tokens: Vec<(Vec<u8>, u32)> = Vec::new();
    for (number, line) in ranks.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let at = |why: &str| malformed(format!("line {}: {why}", number + 1));
        let (token, rank) = line.trim().split_once(' ').ok_or_else(|| at("a token and a rank are needed"))?;
        let token = STANDARD.decode(token).map_err(|_| at("the token is not base64"))?;
        let rank = rank.trim().parse().map_err(|_| at("the rank is not a number"))?;
        if token.is_empty() {
            return Err(at("the token is empty"));
        }
        tokens.push((token, rank));
    }
    tokens.sort_by_key(|(_, rank)| *rank);
    let rank_of: HashMap<&[u8], u32> = tokens.iter().map(|(token, rank)| (token.as_slice(), *rank)).collect();
    let long = tokens.iter().filter(|(token, _)| token.len() > 1);
    // Some tokens cannot be built from two of lower rank: they only ever stand for a whole piece.
    let merges: Vec<_> = long
        .filter_map(|(token, rank)| last_merge(token, *rank, &rank_of))
        .map(|(left, right)| json!([spell(left), spell(right)]))
        .collect();
    let mut vocab: Map<String, Value> =
        tokens.iter().map(|(token, rank)| (spell(token), json!(rank))).collect();
    // Added tokens keep their ids only when the vocabulary lists them: otherwise they follow the largest rank.
    vocab.extend(added.iter().map(|token| (token.text.clone(), json!(token.id))));
    // Encoders by rank look a whole piece up before they merge.
    let split = Split { whole_pieces: true, ..Split::named(split)? };
    Ok(byte_level_json(&vocab, &merges, split, added))
}

/// The `tokenizer.json` of a byte-level vocabulary.
pub(super) fn byte_level_json(
    vocab: &Map<String, Value>,
    merges: &[Value],
    split: Split,
    added: &[AddedToken],
) -> Value {
    let mut added = added.to_vec();
    added.sort_by_key(|token| token.id);
    json!({
        "version": "1.0",
        "added_tokens": added.iter().map(added_json).collect::<Vec<_>>(),
        "normalizer": split.normalizer_json(),
        "pre_tokenizer": split.to_json(),
        "post_processor": null,
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "unk_token": null, "fuse_unk": false, "byte_fallback": false,
                  "ignore_merges": split.whole_pieces, "vocab": vocab, "merges": merges},
    })
}

pub(super) fn added_json(token: &AddedToken) -> Value {
    json!({"id": token.id, "content": token.text, "special": token.control, "normalized": false,
           "single_word": false, "lstrip": false, "rstrip": false})
}

fn spell(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| letter_of(*byte)).collect()
}

/// The two parts that merging with lower ranks alone leaves of a token.
fn last_merge<'a>(token: &'a [u8], rank: u32, rank_of: &HashMap<&[u8], u32>) -> Option<(&'a [u8], &'a [u8])> {
    let mut cuts: Vec<usize> = (0..=token.len()).collect();
    while cuts.len() > 3 {
        let best = cuts
            .windows(3)
            .enumerate()
            .filter_map(|(at, w)| {
                rank_of.get(&token[w[0]..w[2]]).filter(|found| **found < rank).map(|found| (*found, at))
            })
            .min()?;
        cuts.remove(best.1 + 1);
    }
    Some((&token[..cuts[1]], &token[cuts[1]..]))
}
