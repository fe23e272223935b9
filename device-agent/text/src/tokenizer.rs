//! Text to ids and back. Owns one loaded vocabulary; knows nothing of templates or models.
//!
//! Every source (a checkpoint folder, GGUF metadata, a rank file) is first brought into the form of a
//! `tokenizer.json`, so that there is one way in and one encoder.

pub(crate) mod added;
mod bytes;
mod folder;
mod gguf;
mod ranks;
mod split;
mod stream;

use std::path::Path;

use tokenizers::tokenizer::{
    Model, NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
};

use crate::TextError;
pub use added::{AddedToken, FoundAdded};
use bytes::Spelling;
pub(crate) use folder::token_name;
pub use gguf::GgufVocabulary;
pub use split::{Split, known_splits};
pub use stream::StreamDecoder;

/// Whether strings that spell an added token, such as `<|im_end|>`, become that token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Specials {
    /// They do, wherever they stand. This is what Hugging Face does with a rendered template, and what prompts are
    /// encoded with here, so that ids agree; use [`Tokenizer::find_added`] to see whether a user's own words hold
    /// such a string.
    Parse,
    /// They are ordinary text: no added token comes out, whatever the text says.
    AsText,
}

/// What decoding does with control tokens such as `<|im_end|>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    Show,
    Hide,
}

/// A vocabulary with its rules.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    spelling: Spelling,
    added: Vec<AddedToken>,
    id_count: u32,
    begin: Option<u32>,
    ends: Vec<u32>,
}

impl Tokenizer {
    /// Loads `tokenizer.json` and what its neighbours say about begin and end tokens.
    pub fn from_folder(folder: &Path) -> Result<Self, TextError> {
        folder::load(folder)
    }

    /// Builds the tokenizer that a GGUF file carries in its metadata.
    pub fn from_gguf(vocabulary: &GgufVocabulary) -> Result<Self, TextError> {
        gguf::load(vocabulary)
    }

    /// Builds a tokenizer from a rank file (`base64-token rank` per line), a split rule and added tokens.
    pub fn from_ranks(ranks: &str, split: &str, added: &[AddedToken]) -> Result<Self, TextError> {
        Self::from_json(ranks::to_json(ranks, split, added)?.to_string().as_bytes())
    }

    /// Reads the bytes of a `tokenizer.json`.
    pub fn from_json(json: &[u8]) -> Result<Self, TextError> {
        let malformed = |why: String| TextError::Malformed { what: "the tokenizer".into(), why };
        let mut inner =
            tokenizers::Tokenizer::from_bytes(json).map_err(|error| malformed(error.to_string()))?;
        // A file may ask for padding and truncation; a prompt must never lose or gain tokens.
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|error| malformed(error.to_string()))?;
        let spelling = Spelling::of(&inner)?;
        let added = added::of(&inner);
        added::check(json, &added)?;
        let last_id = inner.get_vocab(true).into_values().max();
        let last_id = last_id.ok_or_else(|| malformed("it has no tokens".into()))?;
        let id_count = last_id.checked_add(1).ok_or_else(|| malformed("its ids leave 32 bits".into()))?;
        let ends = added::well_known_ends(&added);
        Ok(Self { inner, spelling, added, id_count, begin: None, ends })
    }

    fn with_ends(mut self, ids: impl IntoIterator<Item = u32>) -> Self {
        self.ends.extend(ids);
        self.ends.retain(|id| *id < self.id_count);
        self.ends.sort_unstable();
        self.ends.dedup();
        self
    }

    fn with_begin(mut self, id: Option<u32>) -> Self {
        self.begin = id;
        self
    }

    /// Ids of a piece of text as it stands, without a begin token.
    pub fn encode(&self, text: &str, specials: Specials) -> Result<Vec<u32>, TextError> {
        let failed = |error: tokenizers::Error| TextError::Encode(error.to_string());
        if specials == Specials::Parse {
            return Ok(self.inner.encode_fast(text, false).map_err(failed)?.get_ids().to_vec());
        }
        let mut normal = NormalizedString::from(text);
        if let Some(normalizer) = self.inner.get_normalizer() {
            normalizer.normalize(&mut normal).map_err(failed)?;
        }
        let mut pieces = PreTokenizedString::from(normal);
        if let Some(splitter) = self.inner.get_pre_tokenizer() {
            splitter.pre_tokenize(&mut pieces).map_err(failed)?;
        }
        let model = self.inner.get_model();
        pieces.tokenize(|piece| model.tokenize(piece.get())).map_err(failed)?;
        let encoding = pieces.into_encoding(None, 0, OffsetType::None).map_err(failed)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Ids of a whole raw document: with the begin token where the model wants one.
    pub fn encode_document(&self, text: &str, specials: Specials) -> Result<Vec<u32>, TextError> {
        let mut ids = self.encode(text, specials)?;
        if let Some(begin) = self.begin
            && ids.first() != Some(&begin)
        {
            ids.insert(0, begin);
        }
        Ok(ids)
    }

    /// Text of ids. Bytes that are not UTF-8 become U+FFFD, as everywhere.
    pub fn decode(&self, ids: &[u32], control: Control) -> Result<String, TextError> {
        let mut stream = StreamDecoder::new(control);
        let mut text = String::new();
        for id in ids {
            stream.push(self, *id, &mut text)?;
        }
        stream.finish(&mut text);
        Ok(text)
    }

    /// The bytes one id stands for, before any UTF-8 is pieced together.
    pub fn token_bytes(&self, id: u32) -> Result<Vec<u8>, TextError> {
        let token = self.inner.id_to_token(id).ok_or(TextError::UnknownId { id, ids: self.id_count })?;
        Ok(match self.added(id) {
            Some(added) => added.text.clone().into_bytes(),
            None => self.spelling.bytes(&token),
        })
    }

    pub fn token_id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// One more than the largest id. A model may have more rows than that: they are padding and must be masked.
    pub fn id_count(&self) -> u32 {
        self.id_count
    }

    /// The token that raw documents begin with, where the model wants one.
    pub fn begin_id(&self) -> Option<u32> {
        self.begin
    }

    /// Ids after which a chat turn or a document is over, in ascending order.
    pub fn end_ids(&self) -> &[u32] {
        &self.ends
    }

    /// The tokens beside the learnt vocabulary, in the order of their ids.
    pub fn added_tokens(&self) -> &[AddedToken] {
        &self.added
    }

    /// The added token with this id.
    pub fn added(&self, id: u32) -> Option<&AddedToken> {
        self.added.binary_search_by_key(&id, |added| added.id).ok().map(|at| &self.added[at])
    }

    /// Where a text spells added tokens. Empty for text that cannot be mistaken for structure.
    pub fn find_added(&self, text: &str) -> Vec<FoundAdded> {
        added::find(&self.added, text)
    }

    /// The pieces a text falls into before merging, as bytes of the normalised text.
    pub fn pieces(&self, text: &str) -> Result<Vec<String>, TextError> {
        let failed = |error: tokenizers::Error| TextError::Encode(error.to_string());
        let mut normal = NormalizedString::from(text);
        if let Some(normalizer) = self.inner.get_normalizer() {
            normalizer.normalize(&mut normal).map_err(failed)?;
        }
        let whole = normal.get().to_owned();
        let mut pieces = PreTokenizedString::from(whole.as_str());
        if let Some(splitter) = self.inner.get_pre_tokenizer() {
            splitter.pre_tokenize(&mut pieces).map_err(failed)?;
        }
        let splits = pieces.get_splits(OffsetReferential::Original, OffsetType::Byte);
        Ok(splits.iter().map(|(_, (from, to), _)| whole[*from..*to].to_owned()).collect())
    }
}
