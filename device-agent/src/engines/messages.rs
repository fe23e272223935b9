//! A request's messages in the words of the text crate, for every engine that renders.

use dyno_protocol::{Failure, FailureKind, MessagePart, RenderRequest, Role, Thinking};
use dyno_text::{Conversation, Part, TemplateOrigin, Tokenizer};

pub(super) fn conversation(request: &RenderRequest) -> Result<Conversation, Failure> {
    let messages = request.messages.iter().flatten().map(|message| dyno_text::Message {
        role: match message.role {
            Role::System => dyno_text::Role::System,
            Role::User => dyno_text::Role::User,
            Role::Assistant => dyno_text::Role::Assistant,
            Role::Tool => dyno_text::Role::Tool,
        },
        parts: message
            .parts
            .iter()
            .map(|part| match part {
                MessagePart::Text { text } => Part::Text(text.clone()),
                MessagePart::Image => Part::Image,
                MessagePart::Video { .. } => Part::Video,
            })
            .collect(),
        reasoning: None,
        tool_calls: Vec::new(),
    });
    let mut conversation = Conversation::new(messages.collect());
    conversation.thinking = match request.thinking {
        Thinking::Default => dyno_text::Thinking::Default,
        Thinking::On => dyno_text::Thinking::On,
        Thinking::Off => dyno_text::Thinking::Off,
    };
    for tool in &request.tools_json {
        let parsed = serde_json::from_str(tool).map_err(|error| {
            Failure::new(FailureKind::Refused, format!("a tool's definition is not JSON: {error}"))
        })?;
        conversation.tools.push(parsed);
    }
    Ok(conversation)
}

/// Which template was used, as it is recorded.
pub(super) fn origin(origin: TemplateOrigin) -> &'static str {
    match origin {
        TemplateOrigin::Checkpoint => "the checkpoint's own",
        TemplateOrigin::BuiltIn => "built in",
    }
}

/// Whether each token is nothing but blanks, by id: a loop of blanks is told apart from other loops.
pub(super) fn blank_tokens(tokenizer: &Tokenizer) -> Vec<bool> {
    let is_blank = |id: u32| {
        let bytes = tokenizer.token_bytes(id).unwrap_or_default();
        !bytes.is_empty() && bytes.iter().all(u8::is_ascii_whitespace)
    };
    (0..tokenizer.id_count()).map(is_blank).collect()
}
