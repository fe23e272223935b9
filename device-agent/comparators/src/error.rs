//! Why a comparator could not be loaded or run.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum ComparatorError {
    #[error(transparent)]
    Weights(#[from] dyno_weights::WeightError),
    #[error(transparent)]
    Model(#[from] dyno_qwen35::ModelError),
    #[error("{} sees no pictures; leave them out, or load a model with a vision tower", path.display())]
    Blind { path: PathBuf },
    #[error(transparent)]
    Text(#[from] dyno_text::TextError),
    #[error(
        "the architecture \"{found}\" is not known here (known: {known}); run it in another engine's server"
    )]
    UnknownArchitecture { found: String, known: String },
    #[error("{} would run wrongly here: {why}; run it in another engine's server", path.display())]
    WouldRunWrongly { path: PathBuf, why: String },
    #[error("the configuration in {} does not fit its architecture: {why}", path.display())]
    Config { path: PathBuf, why: String },
    #[error("{} cannot be loaded: {why}; fetch the checkpoint again", path.display())]
    Load { path: PathBuf, why: String },
    #[error("{wanted} tokens do not fit the context of {limit}; shorten the prompt")]
    ContextFull { wanted: usize, limit: usize },
    #[error("token {id} is outside the vocabulary of {vocab}")]
    UnknownToken { id: u32, vocab: usize },
    #[error("nothing was fed")]
    NothingFed,
    #[error("the model failed: {0}")]
    Arithmetic(#[from] candle_core::Error),
}
