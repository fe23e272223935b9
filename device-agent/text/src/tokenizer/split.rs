//! The rules by which byte-level vocabularies cut text before merging, under the names GGUF files give them.

use serde_json::{Value, json};

use crate::TextError;

/// Everything around the merges that a GGUF file only names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// The names it goes by in `tokenizer.ggml.pre`.
    pub names: &'static [&'static str],
    /// `None` uses GPT-2's rule, with digits taken one by one first.
    pub pattern: Option<&'static str>,
    /// Text is brought into Unicode's composed form first.
    pub compose: bool,
    /// A piece that is a token as it stands is not built from merges.
    pub whole_pieces: bool,
}

const SPLITS: [Split; 4] = [
    Split {
        names: &["qwen35"],
        pattern: Some(
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ),
        compose: true,
        whole_pieces: false,
    },
    Split {
        names: &["qwen2", "deepseek-r1-qwen", "megrez"],
        pattern: Some(
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ),
        compose: true,
        whole_pieces: false,
    },
    Split {
        names: &["llama-bpe", "llama3", "llama-v3"],
        pattern: Some(
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ),
        compose: false,
        whole_pieces: true,
    },
    Split {
        names: &["smollm", "starcoder", "codeshell"],
        pattern: None,
        compose: false,
        whole_pieces: false,
    },
];

impl Split {
    pub fn named(name: &str) -> Result<Self, TextError> {
        SPLITS.into_iter().find(|split| split.names.contains(&name)).ok_or_else(|| TextError::UnknownSplit {
            found: name.to_owned(),
            known: known_splits().join(", "),
        })
    }

    /// The `pre_tokenizer` of a `tokenizer.json`.
    pub(super) fn to_json(self) -> Value {
        let byte_level = |use_regex: bool| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": use_regex});
        let steps = match self.pattern {
            Some(pattern) => json!([
                {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false},
                byte_level(false)
            ]),
            None => json!([{"type": "Digits", "individual_digits": true}, byte_level(true)]),
        };
        json!({"type": "Sequence", "pretokenizers": steps})
    }

    pub(super) fn normalizer_json(self) -> Value {
        if self.compose { json!({"type": "NFC"}) } else { Value::Null }
    }
}

/// Every name that [`Split::named`] takes.
pub fn known_splits() -> Vec<&'static str> {
    SPLITS.iter().flat_map(|split| split.names).copied().collect()
}
