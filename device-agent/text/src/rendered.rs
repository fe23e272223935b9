//! A finished prompt: text and ids under one hash, so that two engines provably read the same thing.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// Text, its ids and the hash of both.
///
/// The hashed bytes are: one byte 1; the text's length in bytes as a little-endian u64; the text in UTF-8; the
/// number of ids as a little-endian u64; each id as a little-endian u32. Lengths come before contents, so no two
/// prompts share one byte sequence. The protocol's prompt without pictures hashes the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    text: String,
    ids: Vec<u32>,
    sha256: String,
}

impl Rendered {
    pub fn new(text: String, ids: Vec<u32>) -> Self {
        let mut hasher = Sha256::new();
        hasher.update([1]);
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
        hasher.update((ids.len() as u64).to_le_bytes());
        for id in &ids {
            hasher.update(id.to_le_bytes());
        }
        let sha256 = hex(&hasher.finalize());
        Self { text, ids, sha256 }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Lower-case hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Whether the output will begin inside a reasoning block that the prompt opened.
    pub fn opens_thinking(&self) -> bool {
        crate::reasoning::ends_inside_thinking(&self.text)
    }

    pub fn into_parts(self) -> (String, Vec<u32>, String) {
        (self.text, self.ids, self.sha256)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut out, byte| {
        let _infallible = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_is_of_the_documented_bytes() {
        let rendered = Rendered::new("hé".into(), vec![7, 256]);
        let mut bytes = vec![1_u8, 3, 0, 0, 0, 0, 0, 0, 0, b'h', 0xc3, 0xa9];
        bytes.extend([2, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(rendered.sha256(), hex(&Sha256::digest(&bytes)));
    }

    #[test]
    fn moving_a_byte_between_text_and_ids_changes_the_hash() {
        let a = Rendered::new("ab".into(), vec![1]);
        let b = Rendered::new("a".into(), vec![u32::from(b'b'), 1]);
        assert_ne!(a.sha256(), b.sha256());
        assert_ne!(a.sha256(), Rendered::new("ab".into(), vec![2]).sha256());
    }
}
