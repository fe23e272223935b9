//! A conversation for a server that renders it by the template of its own model: as a prompt's words, so that it is
//! hashed and kept like any other, and as the request that it becomes.

use dyno_comparators::{ChatMessage, ChatRequest, Picture};
use dyno_protocol::{Failure, FailureKind, ImageData, MessagePart, RenderRequest, Role, Sampling, Thinking};
use serde_json::{Map, Value, json};

use crate::engines::choice::settings;

/// What such a prompt says about its template.
pub(super) const TEMPLATE: &str = "the server's own";

/// The key under which the conversation stands in the prompt's words.
const KEY: &str = "conversation for the server's own template";

/// The words of a prompt that the server renders.
pub(super) fn words(request: &RenderRequest) -> Result<String, Failure> {
    if request.append_text.as_ref().is_some_and(|text| !text.is_empty()) {
        let what = "a server that uses its own template takes no beginning of the answer";
        return Err(Failure::new(FailureKind::Refused, what));
    }
    let mut parts = request.messages.iter().flatten().flat_map(|message| &message.parts);
    if parts.any(|part| matches!(part, MessagePart::Video { .. })) {
        return Err(Failure::new(FailureKind::Refused, "videos do not go to a server"));
    }
    let messages: Vec<Value> = request
        .messages
        .iter()
        .flatten()
        .map(|message| {
            let text: String = message
                .parts
                .iter()
                .filter_map(|part| match part {
                    MessagePart::Text { text } => Some(text.as_str()),
                    MessagePart::Image | MessagePart::Video { .. } => None,
                })
                .collect();
            let pictures = message.parts.iter().filter(|part| **part == MessagePart::Image).count();
            json!({"role": role(message.role), "text": text, "pictures": pictures})
        })
        .collect();
    let tools: Vec<Value> =
        request.tools_json.iter().map(|tool| serde_json::from_str(tool)).collect::<Result<_, _>>().map_err(
            |error| Failure::new(FailureKind::Refused, format!("a tool's definition is not JSON: {error}")),
        )?;
    let thinking = match request.thinking {
        Thinking::Default => None,
        Thinking::On => Some(true),
        Thinking::Off => Some(false),
    };
    let mut whole = Map::new();
    whole.insert(KEY.to_owned(), json!({"messages": messages, "tools": tools, "thinking": thinking}));
    Ok(Value::Object(whole).to_string())
}

/// The request that these words stand for; `None` for words that are no such conversation.
pub(super) fn request(
    words: &str,
    images: &[ImageData],
    max_tokens: u32,
    sampling: &Sampling,
) -> Option<Result<ChatRequest, Failure>> {
    if !words.starts_with(&format!("{{\"{KEY}\"")) {
        return None;
    }
    let whole: Value = serde_json::from_str(words).ok()?;
    let talk = whole.get(KEY)?;
    let mut left = images.iter();
    let messages = talk["messages"].as_array()?.iter().map(|message| {
        let count = message["pictures"].as_u64().unwrap_or(0) as usize;
        let text = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
        let pictures = left.by_ref().take(count).map(encoded).collect::<Result<_, Failure>>()?;
        Ok(ChatMessage { role: text("role"), text: text("text"), pictures })
    });
    let messages: Result<Vec<ChatMessage>, Failure> = messages.collect();
    Some(messages.map(|messages| ChatRequest {
        messages,
        tools: talk["tools"].as_array().cloned().unwrap_or_default(),
        thinking: talk["thinking"].as_bool(),
        max_tokens,
        sampling: settings(sampling),
        stop: Vec::new(),
        log_probs: true,
    }))
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

/// Without loss: every engine sees the same pixels.
fn encoded(image: &ImageData) -> Result<Picture, Failure> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let written = image::write_buffer_with_format(
        &mut bytes,
        &image.rgb,
        image.width,
        image.height,
        image::ExtendedColorType::Rgb8,
        image::ImageFormat::Png,
    );
    written
        .map(|()| Picture(bytes.into_inner()))
        .map_err(|error| Failure::new(FailureKind::Refused, format!("a picture cannot be encoded: {error}")))
}

#[cfg(test)]
mod tests {
    use dyno_protocol::Message;

    use super::*;

    #[test]
    fn what_is_hashed_is_what_is_sent() {
        let image = ImageData { width: 2, height: 1, rgb: vec![1, 2, 3, 4, 5, 6] };
        let text = |text: &str| MessagePart::Text { text: text.to_owned() };
        let asked = RenderRequest {
            messages: Some(vec![
                Message { role: Role::System, parts: vec![text("Be brief.")] },
                Message { role: Role::User, parts: vec![MessagePart::Image, text("What?")] },
            ]),
            raw_text: None,
            append_text: None,
            thinking: Thinking::Off,
            tools_json: vec![r#"{"type": "function"}"#.to_owned()],
            images: vec![image.clone()],
        };
        let words = words(&asked).unwrap();
        let sent = request(&words, &[image], 9, &Sampling::GREEDY).unwrap().unwrap();
        assert_eq!((sent.messages[0].role.as_str(), sent.messages[0].text.as_str()), ("system", "Be brief."));
        assert_eq!((sent.messages[1].text.as_str(), sent.messages[1].pictures.len()), ("What?", 1));
        let picture = image::load_from_memory(&sent.messages[1].pictures[0].0).unwrap().into_rgb8();
        assert_eq!(picture.into_raw(), vec![1, 2, 3, 4, 5, 6]);
        assert_eq!((sent.thinking, sent.tools.len(), sent.max_tokens), (Some(false), 1, 9));
        assert!(request("Say hi", &[], 9, &Sampling::GREEDY).is_none());
        let begun = RenderRequest { append_text: Some("So".to_owned()), ..asked };
        assert!(super::words(&begun).is_err());
    }
}
