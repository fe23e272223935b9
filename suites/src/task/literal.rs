//! Lists as Python writes them: some sets keep a row's options as such a text. Read, never run.

use serde_json::Value;

/// A list of texts and numbers; `None` for anything else.
pub(super) fn literal(text: &str) -> Option<Vec<Value>> {
    let inner = text.trim().strip_prefix('[')?.strip_suffix(']')?;
    let mut rest = inner.trim_start();
    let mut list = Vec::new();
    while !rest.is_empty() {
        let (value, after) = value(rest)?;
        list.push(value);
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if after.is_empty() => after,
            None => return None,
        };
    }
    Some(list)
}

fn value(text: &str) -> Option<(Value, &str)> {
    if let Some(quote) = text.chars().next().filter(|first| matches!(first, '\'' | '"')) {
        let (text, rest) = quoted(&text[1..], quote)?;
        return Some((Value::from(text), rest));
    }
    let end = text.find([',', ' ']).unwrap_or(text.len());
    let number: Value = text[..end]
        .parse::<i64>()
        .map(Value::from)
        .or_else(|_| text[..end].parse::<f64>().map(Value::from))
        .ok()?;
    Some((number, &text[end..]))
}

/// The text up to its closing quote, escapes resolved, and what follows.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut letters = text.chars();
    loop {
        match letters.next()? {
            letter if letter == quote => return Some((out, letters.as_str())),
            '\\' => match letters.next()? {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'r' => out.push('\r'),
                letter @ ('\\' | '\'' | '"') => out.push(letter),
                '\n' => {}
                letter @ ('x' | 'u' | 'U') => {
                    let length = if letter == 'x' {
                        2
                    } else if letter == 'u' {
                        4
                    } else {
                        8
                    };
                    let digits = letters.as_str().get(..length)?;
                    out.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
                    letters = letters.as_str()[length..].chars();
                }
                // Python leaves what it does not know as it is.
                other => out.extend(['\\', other]),
            },
            letter => out.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_python_reads_them() {
        let texts = |text: &str| {
            literal(text).map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>().join("|"))
        };
        assert_eq!(
            texts("['a', \"it's\", 'q\\'\\n\\x41\\u00e9\\d', 3, 2.5]").unwrap(),
            r#""a"|"it's"|"q'\nAé\\d"|3|2.5"#
        );
        assert_eq!(texts("[]").unwrap(), "");
        assert_eq!(texts("['a',]").unwrap(), "\"a\"");
        for wrong in ["", "'a'", "['a' 'b']", "['a", "[print(1)]", "[[1]]", "['\\x4']", "['\\ud800'"] {
            assert_eq!(texts(wrong), None, "{wrong}");
        }
    }
}
