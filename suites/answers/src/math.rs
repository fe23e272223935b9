//! Answers of MATH: the boxed expression, and the string rules by which Hendrycks and others (2021) call two
//! expressions the same.
//!
//! Owns a port of `hendrycks_math` of lm-evaluation-harness. Nothing here does algebra: `2/4` is not `1/2`.

/// The content of the last `\boxed{...}` or `\fbox{...}`, or of `\boxed ` up to a dollar sign.
pub fn boxed(text: &str) -> Option<&str> {
    if let Some((_, last)) = text.rsplit_once("\\boxed ") {
        return Some(last.split('$').next().unwrap_or(last));
    }
    let start = text.rfind("\\boxed").or_else(|| text.rfind("\\fbox"))?;
    let mut depth = 0;
    for (at, letter) in text[start..].char_indices() {
        depth += match letter {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        if letter == '}' && depth == 0 {
            return text[start..start + at].split_once('{').map(|(_, content)| content);
        }
    }
    None
}

/// What the harness takes for the answer of a response: all between the first and the last dollar sign, or all of it.
pub fn between_dollars(response: &str) -> &str {
    match (response.find('$'), response.rfind('$')) {
        (Some(first), Some(last)) if first < last => &response[first + 1..last],
        _ => response,
    }
}

/// Whether two expressions are the same by the rules of spelling.
pub fn equivalent(first: &str, second: &str) -> bool {
    match (plain(first), plain(second)) {
        (Some(first), Some(second)) => first == second,
        _ => first == second,
    }
}

/// The expression in plain spelling; `None` where the original runs into an error of its own and compares as is.
fn plain(text: &str) -> Option<String> {
    let mut text = text.replace('\n', "").replace("\\!", "").replace("\\\\", "\\");
    for (long, short) in [
        ("tfrac", "frac"),
        ("dfrac", "frac"),
        ("\\left", ""),
        ("\\right", ""),
        ("^{\\circ}", ""),
        ("^\\circ", ""),
        ("\\$", ""),
    ] {
        text = text.replace(long, short);
    }
    text = without_units(&text)?.replace("\\%", "").replace(" .", " 0.").replace("{.", "{0.");
    if text.is_empty() {
        return Some(text);
    }
    if text.starts_with('.') {
        text.insert(0, '0');
    }
    if let Some((name, value)) = text.split_once('=')
        && !value.contains('=')
        && name.chars().count() <= 2
    {
        text = String::from(value);
    }
    let text = with_braced_roots(&text)?.replace(' ', "");
    let text = with_braced_fractions(&text)?;
    let text = if text == "0.5" { "\\frac{1}{2}".to_owned() } else { text };
    with_slash_as_fraction(text)
}

/// `\text{ ` is only ever seen before units on the right; twice is an error.
fn without_units(text: &str) -> Option<&str> {
    let mut parts = text.split("\\text{ ");
    let first = parts.next()?;
    let unit = parts.next();
    (unit.is_none() || parts.next().is_none()).then_some(first)
}

fn with_braced_roots(text: &str) -> Option<String> {
    let mut parts = text.split("\\sqrt");
    let mut out = parts.next()?.to_owned();
    for part in parts {
        let first = part.chars().next()?;
        out.push_str("\\sqrt");
        if first == '{' {
            out.push_str(part);
        } else {
            out.push_str(&format!("{{{first}}}{}", &part[first.len_utf8()..]));
        }
    }
    Some(out)
}

fn with_braced_fractions(text: &str) -> Option<String> {
    let mut parts = text.split("\\frac");
    let mut out = parts.next()?.to_owned();
    for part in parts {
        out.push_str("\\frac");
        let mut letters = part.chars();
        let above = letters.next()?;
        if above == '{' {
            out.push_str(part);
            continue;
        }
        let Some(below) = letters.next() else { return Some(text.to_owned()) };
        let rest = letters.as_str();
        if below == '{' {
            out.push_str(&format!("{{{above}}}{{{rest}"));
        } else {
            out.push_str(&format!("{{{above}}}{{{below}}}{rest}"));
        }
    }
    Some(out)
}

fn with_slash_as_fraction(text: String) -> Option<String> {
    let parts: Vec<&str> = text.split('/').collect();
    let [above, below] = parts[..] else { return Some(text) };
    // What is no whole number makes the original fail, and compare the answers as they are.
    let (above, below) = (crate::python::whole(above)?, crate::python::whole(below)?);
    Some(if text == format!("{above}/{below}") { format!("\\frac{{{above}}}{{{below}}}") } else { text })
}
