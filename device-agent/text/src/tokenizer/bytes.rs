//! How a vocabulary spells bytes in its token strings.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde_json::Value;

use crate::TextError;

/// The two spellings in use. Anything else is refused when the tokenizer is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// Every byte is one printable character (GPT-2's table).
    Alphabet,
    /// Text with `▁` for a space, and `<0xAB>` for single bytes.
    Fallback {
        /// The encoder puts a space before the text, so decoding takes one away.
        strip_first_space: bool,
    },
}

impl Spelling {
    /// Told from the decoder that the tokenizer declares.
    pub(crate) fn of(inner: &tokenizers::Tokenizer) -> Result<Self, TextError> {
        let unknown = |found: String| TextError::UnknownModel { found };
        let decoder = inner.get_decoder().ok_or_else(|| unknown("without a decoder".into()))?;
        let decoder = serde_json::to_value(decoder).map_err(|error| unknown(error.to_string()))?;
        let steps = match decoder["decoders"].as_array() {
            Some(steps) => steps.clone(),
            None => vec![decoder],
        };
        let kind = |step: &Value| step["type"].as_str().unwrap_or_default().to_owned();
        if steps.iter().any(|step| kind(step) == "ByteLevel") {
            return Ok(Self::Alphabet);
        }
        if steps.iter().any(|step| kind(step) == "ByteFallback") {
            let strip_first_space = steps.iter().any(|step| kind(step) == "Strip");
            return Ok(Self::Fallback { strip_first_space });
        }
        Err(unknown(steps.iter().map(kind).collect::<Vec<_>>().join(", ")))
    }

    pub(crate) fn bytes(self, token: &str) -> Vec<u8> {
        match self {
            Self::Alphabet => {
                let table = alphabet();
                // A token with a character outside the table stands for itself.
                let bytes: Option<Vec<u8>> =
                    token.chars().map(|letter| table.get(&letter).copied()).collect();
                bytes.unwrap_or_else(|| token.as_bytes().to_vec())
            }
            Self::Fallback { .. } => match single_byte(token) {
                Some(byte) => vec![byte],
                None => token.replace('▁', " ").into_bytes(),
            },
        }
    }
}

fn single_byte(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    if digits.len() == 2 { u8::from_str_radix(digits, 16).ok() } else { None }
}

/// Printable Latin-1 bytes are themselves; the other 68 follow from U+0100 on, in the order of the bytes.
pub(crate) fn letter_of(byte: u8) -> char {
    let printable = |b: u8| matches!(b, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    if printable(byte) {
        return char::from(byte);
    }
    let before = (0..byte).filter(|b| !printable(*b)).count() as u32;
    char::from_u32(0x100 + before).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn alphabet() -> &'static HashMap<char, u8> {
    static TABLE: OnceLock<HashMap<char, u8>> = OnceLock::new();
    TABLE.get_or_init(|| (0..=255).map(|byte| (letter_of(byte), byte)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokenizers::pre_tokenizers::byte_level::ByteLevel;

    #[test]
    fn the_table_is_the_one_the_encoder_uses() {
        let ours: std::collections::BTreeSet<char> = (0..=255).map(letter_of).collect();
        let theirs: std::collections::BTreeSet<char> = ByteLevel::alphabet().into_iter().collect();
        assert_eq!(ours, theirs);
        assert_eq!((letter_of(b' '), letter_of(b'\n'), letter_of(0xad)), ('Ġ', 'Ċ', 'Ń'));
    }

    #[test]
    fn fallback_spelling() {
        let spelling = Spelling::Fallback { strip_first_space: true };
        assert_eq!(spelling.bytes("<0xE2>"), [0xe2]);
        assert_eq!(spelling.bytes("▁the"), b" the");
        assert_eq!(spelling.bytes("<0xE>"), b"<0xE>");
    }
}
