//! Text out of ids one at a time, never half a character.

use super::{Control, Spelling, Tokenizer};
use crate::TextError;

/// Holds back bytes until they are whole characters. What comes out over all steps, with [`Self::finish`], is what
/// decoding all ids at once gives.
#[derive(Debug, Clone)]
pub struct StreamDecoder {
    control: Control,
    pending: Vec<u8>,
    at_start: bool,
}

impl StreamDecoder {
    pub fn new(control: Control) -> Self {
        Self { control, pending: Vec::new(), at_start: true }
    }

    /// Appends to `out` what this id completes; nothing while a character is unfinished.
    pub fn push(&mut self, tokenizer: &Tokenizer, id: u32, out: &mut String) -> Result<(), TextError> {
        if self.control == Control::Hide && tokenizer.added(id).is_some_and(|added| added.control) {
            return Ok(());
        }
        let bytes = tokenizer.token_bytes(id)?;
        let strip = self.at_start && tokenizer.spelling == Spelling::Fallback { strip_first_space: true };
        self.at_start = false;
        self.pending.extend_from_slice(if strip {
            bytes.strip_prefix(b" ").unwrap_or(&bytes)
        } else {
            &bytes
        });
        self.release(out);
        Ok(())
    }

    /// Ends the stream: bytes that never became a character are shown as U+FFFD.
    pub fn finish(&mut self, out: &mut String) {
        out.push_str(&String::from_utf8_lossy(&self.pending));
        self.pending.clear();
        self.at_start = true;
    }

    fn release(&mut self, out: &mut String) {
        loop {
            match std::str::from_utf8(&self.pending) {
                Ok(text) => {
                    out.push_str(text);
                    self.pending.clear();
                    return;
                }
                Err(error) => {
                    let (good, rest) = self.pending.split_at(error.valid_up_to());
                    out.push_str(&String::from_utf8_lossy(good));
                    let Some(bad) = error.error_len() else {
                        self.pending = rest.to_vec();
                        return;
                    };
                    out.push(char::REPLACEMENT_CHARACTER);
                    self.pending = rest[bad..].to_vec();
                }
            }
        }
    }
}
