//! Tokens beside the learnt vocabulary: control tokens and fixed words.

use crate::TextError;

/// A token that is found in text as a whole, before any splitting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedToken {
    pub id: u32,
    pub text: String,
    /// Control tokens shape a conversation and can be hidden in output; the others, such as `<think>`, are shown.
    pub control: bool,
}

/// An added token spelled out in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundAdded {
    pub id: u32,
    pub token: String,
    pub at_byte: usize,
}

/// Names that mean "the turn is over" or "the document is over" in the families that are run here. Checkpoints
/// often declare only one of the two.
const ENDS: [&str; 8] = [
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|end|>",
    "<end_of_turn>",
    "<eos>",
    "</s>",
];

pub(super) fn of(inner: &tokenizers::Tokenizer) -> Vec<AddedToken> {
    let mut added: Vec<_> = inner
        .get_added_tokens_decoder()
        .into_iter()
        .map(|(id, token)| AddedToken { id, text: token.content, control: token.special })
        .collect();
    added.sort_by_key(|token| token.id);
    added
}

/// The library gives an added token the next free id where the one in the file is out of line. Ids that are not the
/// file's would be a different prompt, so that is an error here.
pub(super) fn check(json: &[u8], added: &[AddedToken]) -> Result<(), TextError> {
    let malformed = |why: String| TextError::Malformed { what: "the tokenizer".into(), why };
    let declared: Declared = serde_json::from_slice(json).map_err(|error| malformed(error.to_string()))?;
    for token in declared.added_tokens {
        if !added.iter().any(|known| known.id == token.id && known.text == token.content) {
            return Err(malformed(format!(
                "the added token {} cannot have the id {}",
                token.content, token.id
            )));
        }
    }
    Ok(())
}

#[derive(serde::Deserialize)]
struct Declared {
    #[serde(default)]
    added_tokens: Vec<DeclaredToken>,
}

#[derive(serde::Deserialize)]
struct DeclaredToken {
    id: u32,
    content: String,
}

pub(super) fn well_known_ends(added: &[AddedToken]) -> Vec<u32> {
    added.iter().filter(|token| ENDS.contains(&token.text.as_str())).map(|token| token.id).collect()
}

/// Leftmost matches, the longest token first where several begin at one place.
pub(super) fn find(added: &[AddedToken], text: &str) -> Vec<FoundAdded> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let longest = added
            .iter()
            .filter(|token| !token.text.is_empty() && rest.starts_with(token.text.as_str()))
            .max_by_key(|token| token.text.len());
        if let Some(token) = longest {
            found.push(FoundAdded { id: token.id, token: token.text.clone(), at_byte: at });
            at += token.text.len();
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_longest_at_each_place() {
        let token = |id, text: &str| AddedToken { id, text: text.into(), control: true };
        let added = [token(1, "<a>"), token(2, "<a><b>"), token(3, "é")];
        let found: Vec<_> = find(&added, "x<a><b>é<a>").into_iter().map(|f| (f.id, f.at_byte)).collect();
        assert_eq!(found, [(2, 1), (3, 7), (1, 9)]);
        assert!(find(&added, "< a >").is_empty());
    }
}
