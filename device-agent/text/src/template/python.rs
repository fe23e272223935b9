//! What real templates expect of Python and of Hugging Face around Jinja.

use std::fmt::Write as _;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Value, escape_formatter};

pub(super) fn install(environment: &mut Environment<'static>) {
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_filter("tojson", to_json);
    environment.add_filter("string", to_string);
    environment.add_test("iterable", is_iterable);
    environment.set_formatter(|out, state, value| match value.kind() {
        ValueKind::String | ValueKind::Undefined => escape_formatter(out, state, value),
        _ => out.write_str(&spell(value)).map_err(Error::from),
    });
}

/// Blocks take their line break and indentation with them, as Hugging Face sets Jinja.
pub(super) fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .expect("only white space differs from the default")
}

/// `strftime_now` for one fixed day at midnight.
pub(super) fn strftime(today: jiff::civil::Date) -> Value {
    Value::from_function(move |format: String| -> Result<String, Error> {
        let moment = jiff::fmt::strtime::BrokenDownTime::from(today.at(0, 0, 0, 0));
        moment
            .to_string(&format)
            .map_err(|error| Error::new(ErrorKind::InvalidOperation, format!("strftime_now: {error}")))
    })
}

/// Marks for training masks surround what is rendered and change nothing in it.
pub(super) fn without_training_marks(source: &str) -> String {
    let mut out = source.to_owned();
    for open in ["{%", "{%-"] {
        for close in ["%}", "-%}"] {
            out = out.replace(&format!("{open} generation {close}"), &format!("{open} if true {close}"));
            out = out.replace(&format!("{open} endgeneration {close}"), &format!("{open} endif {close}"));
        }
    }
    out
}

/// JSON as Python's `json.dumps` writes it, non-ASCII letters as they are: `, ` and `: ` between things.
#[expect(clippy::needless_pass_by_value, reason = "the shape of a filter")]
fn to_json(value: Serde<serde_json::Value>, options: Kwargs) -> Result<Value, Error> {
    let indent: Option<usize> = options.get("indent")?;
    let ascii: Option<bool> = options.get("ensure_ascii")?;
    options.assert_all_used()?;
    let mut out = String::new();
    write_json(&mut out, &value, indent, 0);
    if ascii == Some(true) {
        out = escape_to_ascii(&out);
    }
    Ok(Value::from_safe_string(out))
}

fn escape_to_ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii() {
            out.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let _infallible = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

fn write_json(out: &mut String, value: &serde_json::Value, indent: Option<usize>, depth: usize) {
    use serde_json::Value as Json;
    let line = |out: &mut String, depth: usize| {
        if let Some(width) = indent {
            out.push('\n');
            out.push_str(&" ".repeat(width * depth));
        }
    };
    let comma = if indent.is_some() { "," } else { ", " };
    match value {
        Json::Array(items) if !items.is_empty() => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { comma } else { "" });
                line(out, depth + 1);
                write_json(out, item, indent, depth + 1);
            }
            line(out, depth);
            out.push(']');
        }
        Json::Object(entries) if !entries.is_empty() => {
            out.push('{');
            for (at, (key, item)) in entries.iter().enumerate() {
                out.push_str(if at > 0 { comma } else { "" });
                line(out, depth + 1);
                out.push_str(&Json::from(key.as_str()).to_string());
                out.push_str(": ");
                write_json(out, item, indent, depth + 1);
            }
            line(out, depth);
            out.push('}');
        }
        Json::Number(number) if number.is_f64() => {
            out.push_str(&number.as_f64().map_or_else(|| number.to_string(), float));
        }
        // serde_json escapes exactly what Python does when it leaves non-ASCII letters alone, but for DEL.
        other => out.push_str(&other.to_string()),
    }
}

/// `None` is not iterable in Python, though the engine is kinder to it; something undefined is.
fn is_iterable(value: &Value) -> bool {
    matches!(
        value.kind(),
        ValueKind::Seq | ValueKind::Map | ValueKind::String | ValueKind::Iterable | ValueKind::Undefined
    )
}

fn to_string(value: &Value) -> Value {
    match value.kind() {
        ValueKind::String => value.clone(),
        ValueKind::Undefined => Value::from(""),
        _ => Value::from(spell(value)),
    }
}

/// A value as Python prints it.
fn spell(value: &Value) -> String {
    match value.kind() {
        ValueKind::None => "None".into(),
        ValueKind::Bool => if value.is_true() { "True" } else { "False" }.into(),
        ValueKind::Number if !value.is_integer() => {
            f64::try_from(value.clone()).map_or_else(|_| value.to_string(), float)
        }
        ValueKind::Seq => {
            let items: Vec<_> = value.try_iter().into_iter().flatten().map(|item| quote(&item)).collect();
            format!("[{}]", items.join(", "))
        }
        ValueKind::Map => {
            let keys = value.try_iter().into_iter().flatten();
            let entries: Vec<_> = keys
                .map(|key| format!("{}: {}", quote(&key), quote(&value.get_item(&key).unwrap_or_default())))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        _ => value.to_string(),
    }
}

/// A value inside a container: strings get quotes.
fn quote(value: &Value) -> String {
    let Some(text) = value.as_str() else { return spell(value) };
    let mark = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(mark);
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if letter == mark => out.extend(['\\', letter]),
            _ if letter.is_ascii_control() => {
                let _infallible = write!(out, "\\x{:02x}", letter as u32);
            }
            _ => out.push(letter),
        }
    }
    out.push(mark);
    out
}

/// A float as Python's `repr`: shortest digits, an exponent below 1e-4 and from 1e16 on.
fn float(number: f64) -> String {
    if !number.is_finite() {
        return if number.is_nan() {
            "nan"
        } else if number > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .into();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if number != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    format!("{number:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(source: &str, value: &serde_json::Value) -> String {
        let mut environment = Environment::new();
        install(&mut environment);
        environment.render_str(source, minijinja::context! { v => Value::from(Serde(value)) }).unwrap()
    }

    #[test]
    fn json_has_python_spacing() {
        let value = json!({"b": [1, 2.0, true, null], "a": {"é": "q\"</x>&"}, "e": [], "f": 1e20});
        assert_eq!(
            run("{{ v | tojson }}", &value),
            r#"{"b": [1, 2.0, true, null], "a": {"é": "q\"</x>&"}, "e": [], "f": 1e+20}"#
        );
        assert_eq!(
            run("{{ v | tojson(indent=2) }}", &json!({"a": [1, {}]})),
            "{\n  \"a\": [\n    1,\n    {}\n  ]\n}"
        );
    }

    #[test]
    fn scalars_are_spelt_as_python_does() {
        let value = json!([true, false, null, 1, 1.0, 1e16, 0.00001, 1234.125, "x"]);
        assert_eq!(
            run("{% for x in v %}{{ x | string }} {% endfor %}", &value),
            "True False None 1 1.0 1e+16 1e-05 1234.125 x "
        );
        assert_eq!(run("{{ v }}", &json!({"a": ["it's", "b", true]})), r#"{'a': ["it's", 'b', True]}"#);
        assert_eq!(run("[{{ v.missing }}]", &json!({})), "[]");
    }

    #[test]
    fn strings_have_their_methods() {
        let value = json!("  a</t>b\n");
        assert_eq!(run("{{ v.strip().split('</t>')[-1] }}", &value), "b");
        assert_eq!(run("{{ v.startswith('  a') }} {{ v.rstrip('\\n').endswith('b') }}", &value), "True True");
        assert_eq!(run("{% for k, x in v.items() %}{{ k }}={{ x }};{% endfor %}", &json!({"p": 1})), "p=1;");
    }

    #[test]
    fn the_date_is_the_one_given() {
        let mut environment = Environment::new();
        environment.add_global("strftime_now", strftime(jiff::civil::date(2024, 7, 6)));
        let text = environment.render_str("{{ strftime_now('%d %b %Y') }}", ()).unwrap();
        assert_eq!(text, "06 Jul 2024");
    }
}
