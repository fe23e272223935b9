//! A conversation before its template: who said what, with which pictures and tool calls.

use serde_json::{Map, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    System,
    User,
    Assistant,
    Tool,
}

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Text(String),
    Image,
    Video,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub role: Role,
    pub parts: Vec<Part>,
    /// What an assistant thought before it answered.
    pub reasoning: Option<String>,
    pub tool_calls: Vec<CallRecord>,
}

/// A call that an assistant made earlier in the conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct CallRecord {
    pub name: String,
    pub arguments: Map<String, Value>,
}

impl Message {
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self { role, parts: vec![Part::Text(text.into())], reasoning: None, tool_calls: Vec::new() }
    }
}

/// Whether the model is to think before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Thinking {
    /// What the template does when nothing is said.
    #[default]
    Default,
    On,
    Off,
}

/// All that a template may ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    pub messages: Vec<Message>,
    /// Definitions as JSON, `{"type": "function", "function": {..}}` or what the template takes.
    pub tools: Vec<Value>,
    pub thinking: Thinking,
    /// End with the opening of the assistant's turn, so that the model answers.
    pub open_answer: bool,
    /// Write "Picture 1: " before pictures, where the template can.
    pub number_pictures: bool,
    /// The date that templates asking for one are told. Without it they use their own fixed one, and prompts stay
    /// the same from day to day.
    pub today: Option<jiff::civil::Date>,
}

impl Conversation {
    pub fn new(messages: Vec<Message>) -> Self {
        Self {
            messages,
            tools: Vec::new(),
            thinking: Thinking::Default,
            open_answer: true,
            number_pictures: false,
            today: None,
        }
    }
}
