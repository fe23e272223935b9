//! What can go wrong between words and ids.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum TextError {
    #[error("cannot read {}: {source}; check that the checkpoint folder is complete", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} is {bytes} bytes, more than the {limit} that are accepted; it is not a tokenizer or template file", path.display())]
    TooLarge { path: PathBuf, bytes: u64, limit: u64 },
    #[error("{what} is not valid: {why}; fetch the checkpoint again or use another one")]
    Malformed { what: String, why: String },
    #[error(
        "the pre-tokenizer \"{found}\" is not known (known: {known}); load the model from a folder with a tokenizer.json"
    )]
    UnknownSplit { found: String, known: String },
    #[error(
        "the tokenizer model \"{found}\" is not supported (supported: byte-level BPE, BPE with byte fallback)"
    )]
    UnknownModel { found: String },
    #[error("the text could not be encoded: {0}")]
    Encode(String),
    #[error("token id {id} is not in the vocabulary of {ids} ids")]
    UnknownId { id: u32, ids: u32 },
    #[error("the chat template does not parse: {0}; use the built-in template or a newer checkpoint")]
    TemplateSyntax(String),
    #[error("the chat template refused the conversation: {0}")]
    TemplateRefused(String),
    #[error("the chat template failed: {0}")]
    TemplateFailed(String),
    #[error(
        "this checkpoint's chat template has no thinking switch; ask for thinking \"default\" or \"off\""
    )]
    NoThinkingSwitch,
    #[error("the checkpoint has no chat template; send raw text, or use a model with a template")]
    NoTemplate,
    #[error(
        "the prompt has {placeholders} {what} placeholders but {given} were given; a placeholder spelled out in a message counts too"
    )]
    MediaCount { what: &'static str, placeholders: usize, given: usize },
    #[error("a {what} of no tokens cannot be put into a prompt")]
    EmptyMedia { what: &'static str },
    #[error("the sampling setting {setting} is {value}; it must be {rule}")]
    BadSetting { setting: &'static str, value: f64, rule: &'static str },
    #[error("logit {index} is {value}; the engine's output is unusable")]
    BadLogit { index: usize, value: f32 },
    #[error("the engine gave {found} logits where the vocabulary has {expected}")]
    LogitCount { found: usize, expected: usize },
}
