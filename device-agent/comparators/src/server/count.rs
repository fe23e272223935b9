//! How many tokens came, and how that is known.

use super::reply::{FinishReason, Usage};

/// Rates are taken per token, so a number of chunks must never pass for a number of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Every chunk came with the ids or log-probabilities of its tokens. `one_each` says that each held exactly
    /// one, so that the stamp of a chunk is the stamp of a token.
    ByChunk { tokens: u32, one_each: bool },
    /// The server's own total. `one_each` says that it fits one token for each chunk, an unseen end token allowed.
    ByUsage { tokens: u32, one_each: bool },
    /// Nothing proves it. There is no rate.
    Unknown,
}

impl Counted {
    /// Tokens, where they are known.
    pub fn tokens(&self) -> Option<u32> {
        match self {
            Self::ByChunk { tokens, .. } | Self::ByUsage { tokens, .. } => Some(*tokens),
            Self::Unknown => None,
        }
    }

    /// Whether the stamps of chunks are stamps of tokens.
    pub fn stamps_are_tokens(&self) -> bool {
        matches!(self, Self::ByChunk { one_each: true, .. } | Self::ByUsage { one_each: true, .. })
    }

    /// `known` holds the proven tokens of each chunk.
    pub(super) fn of(known: &[Option<u32>], usage: Option<Usage>, finish: &FinishReason) -> Self {
        let chunks = known.len() as u32;
        let proven: Option<u32> = known.iter().copied().sum();
        if let Some(tokens) = proven.filter(|_| chunks > 0) {
            return Self::ByChunk { tokens, one_each: known.iter().all(|tokens| *tokens == Some(1)) };
        }
        let Some(usage) = usage else { return Self::Unknown };
        let tokens = usage.completion_tokens;
        let ended = *finish == FinishReason::Stop && tokens == chunks + 1;
        Self::ByUsage { tokens, one_each: chunks > 0 && (tokens == chunks || ended) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn usage(completion_tokens: u32) -> Usage {
        Usage { prompt_tokens: 1, completion_tokens, cached_tokens: None }
    }

    #[test]
    fn ids_or_log_probabilities_prove_each_chunk() {
        let counted = Counted::of(&[Some(1), Some(1)], None, &FinishReason::Length);
        assert_eq!(counted, Counted::ByChunk { tokens: 2, one_each: true });
        let counted = Counted::of(&[Some(3), Some(1)], Some(usage(4)), &FinishReason::Length);
        assert!(counted.tokens() == Some(4) && !counted.stamps_are_tokens());
    }

    #[test]
    fn a_total_proves_chunks_only_when_it_fits() {
        let chunks = [None, None, None];
        assert!(Counted::of(&chunks, Some(usage(3)), &FinishReason::Length).stamps_are_tokens());
        assert!(Counted::of(&chunks, Some(usage(4)), &FinishReason::Stop).stamps_are_tokens());
        assert!(!Counted::of(&chunks, Some(usage(4)), &FinishReason::Length).stamps_are_tokens());
        assert!(!Counted::of(&chunks, Some(usage(7)), &FinishReason::Stop).stamps_are_tokens());
    }

    #[test]
    fn chunks_alone_prove_nothing() {
        assert_eq!(Counted::of(&[None, Some(1)], None, &FinishReason::Stop), Counted::Unknown);
        assert_eq!(Counted::of(&[], None, &FinishReason::Stop).tokens(), None);
    }
}
