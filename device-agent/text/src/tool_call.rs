//! Tool calls in an output: the tagged format of Qwen3.5, read strictly.
//!
//! What a model meant is not guessed at. A call that is not well-formed is an error with its place, so that a
//! quality score counts it as wrong and a reader sees why.

use serde_json::{Map, Value};

const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";

/// One call with its values as they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    pub name: String,
    /// In the order of the output.
    pub parameters: Vec<(String, String)>,
}

/// An answer and the calls after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolReply {
    pub answer: String,
    pub calls: Vec<ToolCall>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolCallError {
    #[error(
        "the tool call at byte {at_byte} is never closed; the output was cut or the model lost its place"
    )]
    Unclosed { at_byte: usize },
    #[error("expected {expected} at byte {at_byte} of the output")]
    Expected { expected: &'static str, at_byte: usize },
    #[error("text follows the tool calls at byte {at_byte}; the format allows none")]
    TextAfter { at_byte: usize },
    #[error("the parameter {parameter} of {function} is given twice")]
    Repeated { function: String, parameter: String },
    #[error("the function {function} is not among the tools")]
    UnknownFunction { function: String },
    #[error("{function} has no parameter {parameter}")]
    UnknownParameter { function: String, parameter: String },
    #[error("{function} needs the parameter {parameter}")]
    Missing { function: String, parameter: String },
    #[error("the parameter {parameter} of {function} is {value:?}, which is not of type {expected}")]
    WrongType { function: String, parameter: String, value: String, expected: String },
}

/// Reads the answer part of an output; split off the reasoning first.
pub fn parse_tool_calls(output: &str) -> Result<ToolReply, ToolCallError> {
    let Some(first) = output.find(OPEN) else {
        return Ok(ToolReply { answer: output.to_owned(), calls: Vec::new() });
    };
    let mut reader = Reader { text: output, at: first };
    let mut calls = Vec::new();
    loop {
        reader.skip_space();
        if reader.rest().is_empty() {
            return Ok(ToolReply { answer: output[..first].trim_end().to_owned(), calls });
        }
        if !reader.rest().starts_with(OPEN) {
            return Err(ToolCallError::TextAfter { at_byte: reader.at });
        }
        calls.push(reader.call()?);
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn expect(&mut self, tag: &'static str) -> Result<(), ToolCallError> {
        if !self.rest().starts_with(tag) {
            return Err(ToolCallError::Expected { expected: tag, at_byte: self.at });
        }
        self.at += tag.len();
        Ok(())
    }

    /// A name up to the end of its tag.
    fn name(&mut self) -> Result<String, ToolCallError> {
        let error = ToolCallError::Expected { expected: "a name and >", at_byte: self.at };
        let (name, _) = self.rest().split_once('>').ok_or(error.clone())?;
        if name.is_empty() || name.contains(['<', '\n']) || name.trim() != name {
            return Err(error);
        }
        self.at += name.len() + 1;
        Ok(name.to_owned())
    }

    fn call(&mut self) -> Result<ToolCall, ToolCallError> {
        let begin = self.at;
        self.expect(OPEN)?;
        if !self.rest().contains(CLOSE) {
            return Err(ToolCallError::Unclosed { at_byte: begin });
        }
        self.skip_space();
        self.expect("<function=")?;
        let name = self.name()?;
        let mut parameters: Vec<(String, String)> = Vec::new();
        loop {
            self.skip_space();
            if self.rest().starts_with("</function>") {
                break;
            }
            self.expect("<parameter=")?;
            let key = self.name()?;
            let value = self.value()?;
            if parameters.iter().any(|(known, _)| *known == key) {
                return Err(ToolCallError::Repeated { function: name, parameter: key });
            }
            parameters.push((key, value));
        }
        self.expect("</function>")?;
        self.skip_space();
        self.expect(CLOSE)?;
        Ok(ToolCall { name, parameters })
    }

    /// A value without the line breaks that the format puts around it; its own are kept.
    fn value(&mut self) -> Result<String, ToolCallError> {
        const END: &str = "</parameter>";
        let (value, _) =
            self.rest().split_once(END).ok_or(ToolCallError::Expected { expected: END, at_byte: self.at })?;
        self.at += value.len() + END.len();
        let value = value.strip_prefix('\n').unwrap_or(value);
        Ok(value.strip_suffix('\n').unwrap_or(value).to_owned())
    }
}

impl ToolCall {
    /// The values with the types that the tool's definition gives them. `tools` are definitions as a template takes them.
    pub fn arguments(&self, tools: &[Value]) -> Result<Map<String, Value>, ToolCallError> {
        let function = || self.name.clone();
        let definitions = tools.iter().map(|tool| tool.get("function").unwrap_or(tool));
        let definition = definitions
            .into_iter()
            .find(|definition| definition["name"] == self.name.as_str())
            .ok_or_else(|| ToolCallError::UnknownFunction { function: function() })?;
        let schema = &definition["parameters"];
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for parameter in required {
            if !self.parameters.iter().any(|(key, _)| key == parameter) {
                let parameter = parameter.to_owned();
                return Err(ToolCallError::Missing { function: function(), parameter });
            }
        }
        let mut arguments = Map::new();
        for (key, text) in &self.parameters {
            let property = schema["properties"].get(key).ok_or_else(|| ToolCallError::UnknownParameter {
                function: function(),
                parameter: key.clone(),
            })?;
            let value = typed(text, property).ok_or_else(|| ToolCallError::WrongType {
                function: function(),
                parameter: key.clone(),
                value: text.clone(),
                expected: property["type"].to_string(),
            })?;
            arguments.insert(key.clone(), value);
        }
        Ok(arguments)
    }
}

/// A text as a value of one of the types of its schema; a schema without a type takes the text.
fn typed(text: &str, property: &Value) -> Option<Value> {
    let types: Vec<&str> = match &property["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        Value::String(one) => vec![one],
        _ => return Some(text.into()),
    };
    let json: Option<Value> = serde_json::from_str(text).ok();
    types.iter().find_map(|kind| match *kind {
        "string" => Some(text.into()),
        "integer" => json.clone().filter(|value| value.is_i64() || value.is_u64()),
        "number" => json.clone().filter(Value::is_number),
        // The template writes scalars as Python does, so models do, too.
        "boolean" => match text {
            "true" | "True" => Some(true.into()),
            "false" | "False" => Some(false.into()),
            _ => None,
        },
        "null" => matches!(text, "null" | "None").then_some(Value::Null),
        "array" => json.clone().filter(Value::is_array),
        "object" => json.clone().filter(Value::is_object),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
