//! The chat template: a checkpoint's own Jinja, or the built-in one of the Qwen3.5 family.
//!
//! A template is a stranger's program: it runs with bounded work and depth and sees the conversation alone.

mod builtin;
mod python;

use std::path::Path;

use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, Value, context};
use serde_json::json;

use crate::TextError;
use crate::checkpoint_file::{read, read_json};
use crate::conversation::{Conversation, Message, Part, Thinking};
use crate::tokenizer::token_name;

/// Instructions one rendering may take. A conversation of a thousand turns takes about a tenth of it.
const FUEL: u64 = 20_000_000;
const SOURCE_LIMIT_BYTES: usize = 1 << 20;
const NAME: &str = "chat";
/// Marks an error that the template raised itself.
const RAISED: &str = "raised by the template: ";

/// Where a template came from; it travels with every prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateOrigin {
    Checkpoint,
    BuiltIn,
}

#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    origin: TemplateOrigin,
    switches_thinking: bool,
}

impl ChatTemplate {
    /// The template of a checkpoint folder: `chat_template.jinja`, else the one in `tokenizer_config.json`.
    pub fn from_folder(folder: &Path) -> Result<Option<Self>, TextError> {
        let config = read_json(&folder.join("tokenizer_config.json"))?.unwrap_or_default();
        let begin = token_name(&config["bos_token"]);
        let end = token_name(&config["eos_token"]);
        let source = match read(&folder.join("chat_template.jinja"))? {
            Some(bytes) => Some(String::from_utf8(bytes).map_err(|error| TextError::Malformed {
                what: "chat_template.jinja".into(),
                why: error.to_string(),
            })?),
            None => in_config(&config["chat_template"]),
        };
        source.map(|source| Self::from_source(&source, begin, end)).transpose()
    }

    /// A template's text, as a GGUF file carries it, and the tokens it may name as `bos_token` and `eos_token`.
    pub fn from_source(source: &str, begin: Option<&str>, end: Option<&str>) -> Result<Self, TextError> {
        Self::build(source, begin, end, TemplateOrigin::Checkpoint)
    }

    /// The Qwen3.5 conversation, for checkpoints that come without a template. `thinks` is what the size does when
    /// nothing is said: the 0.8B and 2B models answer at once, the larger ones think first.
    pub fn qwen35(thinks: bool) -> Result<Self, TextError> {
        let mut template = Self::build(builtin::TEMPLATE, None, None, TemplateOrigin::BuiltIn)?;
        template.environment.add_global("thinks_unasked", thinks);
        template.environment.add_global("tool_rules", builtin::TOOL_RULES.trim_end());
        Ok(template)
    }

    fn build(
        source: &str,
        begin: Option<&str>,
        end: Option<&str>,
        origin: TemplateOrigin,
    ) -> Result<Self, TextError> {
        if source.len() > SOURCE_LIMIT_BYTES {
            return Err(TextError::TemplateSyntax(format!("it is {} bytes long", source.len())));
        }
        let mut environment = Environment::new();
        environment.set_syntax(python::syntax());
        environment.set_fuel(Some(FUEL));
        python::install(&mut environment);
        environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, format!("{RAISED}{message}")))
        });
        environment.add_global("bos_token", begin.unwrap_or_default());
        environment.add_global("eos_token", end.unwrap_or_default());
        environment
            .add_template_owned(NAME, python::without_training_marks(source))
            .map_err(|error| TextError::TemplateSyntax(describe(&error)))?;
        Ok(Self { environment, origin, switches_thinking: source.contains("enable_thinking") })
    }

    pub fn origin(&self) -> TemplateOrigin {
        self.origin
    }

    /// Whether thinking can be turned on and off.
    pub fn switches_thinking(&self) -> bool {
        self.switches_thinking
    }

    pub fn render(&self, conversation: &Conversation) -> Result<String, TextError> {
        let enable_thinking = match conversation.thinking {
            Thinking::On if !self.switches_thinking => return Err(TextError::NoThinkingSwitch),
            Thinking::Default => Value::UNDEFINED,
            Thinking::On => Value::from(true),
            Thinking::Off => Value::from(false),
        };
        let messages: Vec<_> = conversation.messages.iter().map(message_json).collect();
        let tools = if conversation.tools.is_empty() {
            Value::from(())
        } else {
            Value::from(Serde(&conversation.tools))
        };
        let strftime_now = conversation.today.map_or(Value::UNDEFINED, python::strftime);
        let context = context! {
            messages => Value::from(Serde(&messages)),
            tools,
            enable_thinking,
            strftime_now,
            add_generation_prompt => conversation.open_answer,
            add_vision_id => conversation.number_pictures,
        };
        // The template engine panics on some expressions, such as an empty list read backwards; a stranger's template
        // must not end the agent. Nothing of the engine's state outlives a rendering.
        let rendered = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            self.environment.get_template(NAME).and_then(|template| template.render(context))
        }));
        match rendered {
            Ok(result) => result.map_err(|error| refused(&error)),
            Err(_) => Err(TextError::TemplateFailed("the template engine broke down on it".into())),
        }
    }
}

/// Some checkpoints carry several named templates; the one called `default` is for chat.
fn in_config(value: &serde_json::Value) -> Option<String> {
    let named = |entry: &serde_json::Value| entry["name"] == "default";
    let text = match value.as_array() {
        Some(list) => list.iter().find(|entry| named(entry))?["template"].as_str(),
        None => value.as_str(),
    };
    text.map(str::to_owned)
}

/// Text alone is one string, which is all that many templates take; pictures make it a list.
fn message_json(message: &Message) -> serde_json::Value {
    let text_only = message.parts.iter().all(|part| matches!(part, Part::Text(_)));
    let content = if text_only {
        let texts = message.parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Image | Part::Video => None,
        });
        json!(texts.collect::<String>())
    } else {
        let parts = message.parts.iter().map(|part| match part {
            Part::Text(text) => json!({"type": "text", "text": text}),
            Part::Image => json!({"type": "image"}),
            Part::Video => json!({"type": "video"}),
        });
        parts.collect()
    };
    let mut out = json!({"role": message.role.name(), "content": content});
    if let Some(reasoning) = &message.reasoning {
        out["reasoning_content"] = json!(reasoning);
    }
    if !message.tool_calls.is_empty() {
        let calls = message.tool_calls.iter().map(
            |call| json!({"type": "function", "function": {"name": call.name, "arguments": call.arguments}}),
        );
        out["tool_calls"] = calls.collect();
    }
    out
}

fn refused(error: &Error) -> TextError {
    match detail(error).split_once(RAISED) {
        Some((_, message)) => TextError::TemplateRefused(message.to_owned()),
        None => TextError::TemplateFailed(describe(error)),
    }
}

fn describe(error: &Error) -> String {
    error.line().map_or_else(|| detail(error), |line| format!("{} (line {line})", detail(error)))
}

/// The message of the innermost error: the outer ones only say which block it happened in.
fn detail(error: &Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    match inner.downcast_ref::<Error>() {
        Some(inner) => inner.detail().map_or_else(|| inner.kind().to_string(), str::to_owned),
        None => inner.to_string(),
    }
}
