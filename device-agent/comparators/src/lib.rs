//! What the family under test is compared with: other models through candle-transformers, other engines through
//! their OpenAI-compatible servers. One family is written here, because the borrowed code computes another: see
//! `qwen3_vl`.
//!
//! A comparator must be right before it may be slow or fast, so loading refuses every checkpoint that the borrowed
//! model code would run wrongly: a tensor it does not use, a rotary scaling or a window it does not apply. Knows
//! nothing of jobs, suites or verdicts.

mod architecture;
mod borrowed;
mod config;
mod cost;
mod dense;
mod error;
mod gguf;
mod model;
mod qwen3_vl;
mod server;
mod vocabulary;

pub use architecture::Architecture;
pub use error::ComparatorError;
pub use model::{Comparator, LanguageModel};
pub use qwen3_vl::Seen;
pub use server::{
    ChatMessage, ChatRequest, Chunk, CompletionPrompt, CompletionRequest, Counted, FinishReason, Picture,
    Reply, Server, ServerError, ServerUrl, TokenLogProb, Usage, Waits, Watch,
};
