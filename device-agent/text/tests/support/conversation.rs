//! Conversations written as JSON, in the shape that Hugging Face's `apply_chat_template` takes.

use std::error::Error;

use dyno_text::{CallRecord, Conversation, Message, Part, Role, Thinking};
use serde_json::Value;

pub(crate) fn conversation(value: &Value) -> Result<Conversation, Box<dyn Error>> {
    let messages: Result<Vec<_>, Box<dyn Error>> =
        value["messages"].as_array().ok_or("messages are needed")?.iter().map(message).collect();
    let mut conversation = Conversation::new(messages?);
    conversation.tools = value["tools"].as_array().cloned().unwrap_or_default();
    conversation.open_answer = value["add_generation_prompt"].as_bool().unwrap_or(true);
    conversation.number_pictures = value["add_vision_id"].as_bool().unwrap_or(false);
    conversation.today = value["today"].as_str().map(str::parse).transpose()?;
    conversation.thinking = match value["enable_thinking"].as_bool() {
        None => Thinking::Default,
        Some(true) => Thinking::On,
        Some(false) => Thinking::Off,
    };
    Ok(conversation)
}

fn message(value: &Value) -> Result<Message, Box<dyn Error>> {
    let role = match value["role"].as_str() {
        Some("system") => Role::System,
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("tool") => Role::Tool,
        other => return Err(format!("unknown role {other:?}").into()),
    };
    let parts = match &value["content"] {
        Value::Array(parts) => parts
            .iter()
            .map(|part| match part["type"].as_str() {
                Some("image") => Part::Image,
                Some("video") => Part::Video,
                _ => Part::Text(part["text"].as_str().unwrap_or_default().to_owned()),
            })
            .collect(),
        other => vec![Part::Text(other.as_str().unwrap_or_default().to_owned())],
    };
    let calls = value["tool_calls"].as_array().into_iter().flatten().map(|call| {
        let call = &call["function"];
        CallRecord {
            name: call["name"].as_str().unwrap_or_default().to_owned(),
            arguments: call["arguments"].as_object().cloned().unwrap_or_default(),
        }
    });
    Ok(Message {
        role,
        parts,
        reasoning: value["reasoning_content"].as_str().map(str::to_owned),
        tool_calls: calls.collect(),
    })
}
