//! The built-in template against what Jinja2 made of the Qwen3.5-4B checkpoint's own; the script
//! `scripts/oracle/template_agreement.py` records it. The conversations are ours; their renderings are output of a template under Apache-2.0.

#[path = "support/conversation.rs"]
mod support;

use dyno_text::{ChatTemplate, Conversation, Message, Role, TemplateOrigin, TextError, Thinking};
use serde_json::Value;

#[test]
fn every_recorded_conversation_renders_the_same() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("data/qwen35_conversations.json")).unwrap();
    let template = ChatTemplate::qwen35(true).unwrap();
    assert_eq!(template.origin(), TemplateOrigin::BuiltIn);
    for case in &cases {
        let conversation = support::conversation(&case["conversation"]).unwrap();
        let rendered = template.render(&conversation);
        match (case["text"].as_str(), case["error"].as_str()) {
            (Some(expected), None) => assert_eq!(rendered.unwrap(), expected, "{}", case["name"]),
            (None, Some(refusal)) => match rendered {
                Err(TextError::TemplateRefused(message)) => assert_eq!(message, refusal, "{}", case["name"]),
                other => panic!("{}: {other:?}", case["name"]),
            },
            _ => panic!("a case expects a text or a refusal: {case}"),
        }
    }
    assert!(cases.len() > 25);
}

fn opening(thinks: bool, thinking: Thinking) -> String {
    let mut conversation = Conversation::new(vec![Message::text(Role::User, "Hi")]);
    conversation.thinking = thinking;
    let text = ChatTemplate::qwen35(thinks).and_then(|template| template.render(&conversation));
    let text = text.expect("one question renders");
    text.split_once("<|im_start|>assistant\n").expect("an answer is opened").1.to_owned()
}

#[test]
fn sizes_differ_only_when_nothing_is_said() {
    const OPEN: &str = "<think>\n";
    const CLOSED: &str = "<think>\n\n</think>\n\n";
    assert_eq!(opening(false, Thinking::Default), CLOSED);
    assert_eq!(opening(true, Thinking::Default), OPEN);
    for thinks in [false, true] {
        assert_eq!(opening(thinks, Thinking::On), OPEN);
        assert_eq!(opening(thinks, Thinking::Off), CLOSED);
    }
}
