//! What can go wrong in the model: each error names the kind, the thing and the next step.

use thiserror::Error;

/// An error of the Qwen3.5 engine.
#[derive(Debug, Error)]
pub enum ModelError {
    /// A key of `config.json` is missing, of the wrong kind, out of bounds, or asks for what is not built.
    #[error("config key `{key}`: {problem}")]
    Config {
        /// The full path of the key, for example `text_config.hidden_size`.
        key: String,
        /// What is wrong with it and what would be accepted.
        problem: String,
    },
    /// The caller asked for something this model or state cannot do.
    #[error("{what}: {next}")]
    Refused {
        /// What was asked and why it cannot be done.
        what: String,
        /// What to do instead.
        next: &'static str,
    },
    /// The state would take more memory than the caller allows.
    #[error(
        "a context of {context} tokens needs {needed_bytes} bytes of state, the limit is {limit_bytes}: shorten the context or raise the limit"
    )]
    Memory {
        /// The context length that was asked for.
        context: usize,
        /// What the state would take.
        needed_bytes: u64,
        /// What the caller allows.
        limit_bytes: u64,
    },
    /// The state was made for a shorter context.
    #[error(
        "the state holds {held} of {context} tokens and cannot take {more} more: start a state with a longer context"
    )]
    ContextFull {
        /// Tokens in the state.
        held: usize,
        /// The context length the state was made for.
        context: usize,
        /// Tokens that were to be added.
        more: usize,
    },
    /// An image or a video that cannot be prepared.
    #[error("{media}: {problem}")]
    Media {
        /// Which one, in words.
        media: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Reading the checkpoint failed.
    #[error(transparent)]
    Weights(#[from] dyno_weights::WeightError),
    /// A tensor operation failed on the device.
    #[error("tensor operation failed on the device: {0}")]
    Tensor(#[from] candle_core::Error),
}

impl ModelError {
    pub(crate) fn config(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Config { key: key.into(), problem: problem.into() }
    }

    pub(crate) fn refused(what: impl Into<String>, next: &'static str) -> Self {
        Self::Refused { what: what.into(), next }
    }
}

/// The result of a model operation.
pub type Result<T> = std::result::Result<T, ModelError>;
