//! Calls in the family's format are read, and what is none is refused with its place.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn call(name: &str, parameters: &[(&str, &str)]) -> ToolCall {
    let parameters = parameters.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    ToolCall { name: name.into(), parameters }
}

fn written(call: &ToolCall) -> String {
    let parameters: Vec<_> =
        call.parameters.iter().map(|(k, v)| format!("<parameter={k}>\n{v}\n</parameter>\n")).collect();
    let parameters = parameters.concat();
    format!("<tool_call>\n<function={}>\n{parameters}</function>\n</tool_call>", call.name)
}

#[test]
fn several_calls_after_an_answer() {
    let a = call("weather", &[("city", "Köln"), ("note", "two\n\nlines\n")]);
    let b = call("now", &[]);
    let output = format!("I will look.\n\n{}\n{}", written(&a), written(&b));
    let reply = parse_tool_calls(&output).unwrap();
    assert_eq!(reply, ToolReply { answer: "I will look.".into(), calls: vec![a, b] });
}

#[test]
fn no_call_is_an_answer() {
    let reply = parse_tool_calls("use <function=x> here").unwrap();
    assert_eq!((reply.answer.as_str(), reply.calls.len()), ("use <function=x> here", 0));
}

#[test]
fn every_departure_is_named() {
    let error = |text: &str| parse_tool_calls(text).unwrap_err();
    assert_eq!(error("a<tool_call>\n<function=f>"), ToolCallError::Unclosed { at_byte: 1 });
    assert!(matches!(
        error("<tool_call>\n{\"name\": \"f\"}\n</tool_call>"),
        ToolCallError::Expected { expected: "<function=", at_byte: 12 }
    ));
    assert!(matches!(error("<tool_call><function=></function></tool_call>"), ToolCallError::Expected { .. }));
    assert!(matches!(
        error("<tool_call><function=f><parameter=a>1</function></tool_call>"),
        ToolCallError::Expected { expected: "</parameter>", .. }
    ));
    assert!(matches!(
        error("<tool_call><function=f>\n</function> x </tool_call>"),
        ToolCallError::Expected { expected: "</tool_call>", .. }
    ));
    let twice = call("f", &[("a", "1"), ("a", "2")]);
    assert!(matches!(error(&written(&twice)), ToolCallError::Repeated { .. }));
    let chatty = format!("{} done", written(&call("f", &[])));
    assert!(matches!(error(&chatty), ToolCallError::TextAfter { .. }));
}

fn tools() -> Vec<Value> {
    vec![json!({"type": "function", "function": {"name": "f", "parameters": {
        "type": "object",
        "properties": {
            "s": {"type": "string"}, "i": {"type": "integer"}, "n": {"type": "number"},
            "b": {"type": "boolean"}, "a": {"type": "array"}, "o": {"type": ["object", "null"]}, "x": {}
        },
        "required": ["s"]
    }}})]
}

#[test]
fn values_take_the_types_of_the_definition() {
    let written = [("s", "12"), ("i", "12"), ("n", "-1.5e3"), ("b", "True"), ("a", "[1, \"é\"]")];
    let call = call("f", &[&written[..], &[("o", "None"), ("x", "any")]].concat());
    let expected = json!({"s": "12", "i": 12, "n": -1500.0, "b": true, "a": [1, "é"], "o": null, "x": "any"});
    assert_eq!(Value::Object(call.arguments(&tools()).unwrap()), expected);
}

#[test]
fn values_that_do_not_fit_are_refused() {
    let error = |parameters: &[(&str, &str)]| call("f", parameters).arguments(&tools()).unwrap_err();
    assert!(matches!(error(&[("s", ""), ("i", "1.5")]), ToolCallError::WrongType { .. }));
    assert!(matches!(error(&[("s", ""), ("b", "1")]), ToolCallError::WrongType { .. }));
    assert!(matches!(error(&[("i", "1")]), ToolCallError::Missing { .. }));
    assert!(matches!(error(&[("s", ""), ("z", "1")]), ToolCallError::UnknownParameter { .. }));
    assert!(matches!(call("g", &[]).arguments(&tools()), Err(ToolCallError::UnknownFunction { .. })));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        name in "[a-z_.]{1,8}",
        keys in prop::collection::btree_set("[a-z]{1,5}", 0..4),
        values in prop::collection::vec("[ a<>/=\n\"é]{0,20}", 4),
    ) {
        let parameters: Vec<_> = keys.into_iter().zip(values).collect();
        let call = ToolCall { name, parameters };
        prop_assert_eq!(parse_tool_calls(&written(&call)).unwrap().calls, vec![call]);
    }

    #[test]
    fn no_output_brings_it_down(text in "(<tool_call>|</tool_call>|<function=|</function>|<parameter=|</parameter>|>|\n|a|é){0,30}") {
        let _either = parse_tool_calls(&text);
    }
}
