//! Between words and token ids: tokenizer, chat template, sampling, stop and loop rules.
//!
//! Knows text, ids and rows of logits. Knows nothing of tensors, weights or devices.

mod cards;
mod checkpoint_file;
mod conversation;
mod error;
mod loops;
mod media;
mod prompt;
mod reasoning;
mod rendered;
mod sampling;
mod scoring;
mod stop;
mod template;
mod tokenizer;
mod tool_call;

pub use cards::{CardMode, card};
pub use conversation::{CallRecord, Conversation, Message, Part, Role, Thinking};
pub use error::TextError;
pub use loops::{Loop, LoopDetector, LoopKind};
pub use media::{MediaTokens, VideoTokens, expand_media, video_timestamps_s};
pub use prompt::{AddedInMessage, added_in_messages, render, render_raw};
pub use reasoning::{Reply, ThinkingBudget, split_reasoning};
pub use rendered::Rendered;
pub use sampling::{Sampler, Settings};
pub use scoring::{Scored, score};
pub use stop::{StopHit, StopRules, StopWatch};
pub use template::{ChatTemplate, TemplateOrigin};
pub use tokenizer::{
    AddedToken, Control, FoundAdded, GgufVocabulary, Specials, Split, StreamDecoder, Tokenizer, known_splits,
};
pub use tool_call::{ToolCall, ToolCallError, ToolReply, parse_tool_calls};
