//! Tool calls in the family's own format, and JSON calls as other families write them.

use serde_json::{Map, Value};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) arguments: Map<String, Value>,
}

/// The first call in an answer; `None` where there is none or it does not parse.
pub(crate) fn first(said: &str) -> Option<Call> {
    let (_, after) = said.split_once("<tool_call>")?;
    let (inside, _) = after.split_once("</tool_call>")?;
    let inside = inside.trim();
    if inside.starts_with('{') { of_json(inside) } else { of_tags(inside) }
}

fn of_json(inside: &str) -> Option<Call> {
    let Value::Object(mut call) = serde_json::from_str(inside).ok()? else { return None };
    let name = call.get("name")?.as_str()?.to_owned();
    let arguments = match call.remove("arguments") {
        Some(Value::Object(arguments)) => arguments,
        None => Map::new(),
        Some(_) => return None,
    };
    Some(Call { name, arguments })
}

fn of_tags(inside: &str) -> Option<Call> {
    let (name, body) = inside.strip_prefix("<function=")?.split_once('>')?;
    let mut body = body.strip_suffix("</function>")?.trim();
    let mut arguments = Map::new();
    while !body.is_empty() {
        let (key, rest) = body.strip_prefix("<parameter=")?.split_once('>')?;
        let (value, rest) = rest.split_once("</parameter>")?;
        let value = value.strip_prefix('\n').unwrap_or(value);
        let value = value.strip_suffix('\n').unwrap_or(value);
        // Objects, lists and numbers are written as JSON, texts as they are.
        let read = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        arguments.insert(key.to_owned(), read);
        body = rest.trim_start();
    }
    let named = !name.is_empty() && !name.contains(['<', '\n']);
    named.then(|| Call { name: name.to_owned(), arguments })
}

impl Call {
    /// Whether it calls the tool that the item wants, with the arguments that it names; others may be there.
    pub(crate) fn is_wanted(&self, wanted: &Value) -> bool {
        let name = wanted.get("name").and_then(Value::as_str);
        let arguments = wanted.get("arguments").and_then(Value::as_object);
        name == Some(&self.name)
            && arguments.into_iter().flatten().all(|(key, value)| {
                self.arguments.get(key).is_some_and(|found| found == value || plain(found) == plain(value))
            })
    }
}

/// A number that was written as a text is the number.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_lowercase())
}
