//! Python's idea of text, where it differs from Rust's: the references are written in Python, and a verdict hangs
//! on what counts as a space, a word or a capital.

use std::sync::LazyLock;

use regex::Regex;

/// A character that Python's `\s` matches and `str.strip` removes, for the inside of a class: Unicode's white space
/// and four separators of ASCII.
pub(crate) const SPACE: &str = r"\s\x1c-\x1f";

/// A character that Python's `\w` matches, for the inside of a class: combining marks, which Rust counts, are not in.
pub(crate) const WORD: &str = r"\p{L}\p{N}_";

pub(crate) fn is_space(letter: char) -> bool {
    letter.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&letter)
}

/// Letters and numbers of every kind, and `_`. Rust's `is_alphanumeric` counts vowel signs too, so those go.
pub(crate) fn is_word(letter: char) -> bool {
    static CLASS: LazyLock<Regex> = LazyLock::new(|| pattern(&format!("[{WORD}]")));
    if letter.is_ascii() {
        return letter.is_ascii_alphanumeric() || letter == '_';
    }
    CLASS.is_match(letter.encode_utf8(&mut [0; 4]))
}

pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

pub(crate) fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|word| !word.is_empty())
}

/// Has letters with case, and all of them are capitals.
pub(crate) fn is_upper(text: &str) -> bool {
    cased(text, char::is_uppercase, char::is_lowercase)
}

/// Has letters with case, and none of them is a capital.
pub(crate) fn is_lower(text: &str) -> bool {
    cased(text, char::is_lowercase, char::is_uppercase)
}

fn cased(text: &str, wanted: fn(char) -> bool, other: fn(char) -> bool) -> bool {
    let mut found = false;
    for letter in text.chars() {
        if other(letter) || is_title(letter) {
            return false;
        }
        found |= wanted(letter);
    }
    found
}

/// The few letters that are neither capital nor small: one sign for two letters, or with an iota beneath.
fn is_title(letter: char) -> bool {
    matches!(letter,
        '\u{1c5}' | '\u{1c8}' | '\u{1cb}' | '\u{1f2}' | '\u{1f88}'..='\u{1f8f}' | '\u{1f98}'..='\u{1f9f}'
        | '\u{1fa8}'..='\u{1faf}' | '\u{1fbc}' | '\u{1fcc}' | '\u{1ffc}')
}

/// `float(text)`: blanks around it and single underscores between digits are allowed.
pub(crate) fn float(text: &str) -> Option<f64> {
    digits(text).and_then(|text| text.parse().ok())
}

/// `int(text)`, as the digits that Python would print again.
pub(crate) fn whole(text: &str) -> Option<String> {
    let text = digits(text)?;
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(&text)),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    Some(if digits.is_empty() { "0".to_owned() } else { format!("{sign}{digits}") })
}

/// A number's text without what Python allows in it and Rust does not.
fn digits(text: &str) -> Option<String> {
    let text = strip(text);
    let letters: Vec<char> = text.chars().collect();
    let lone = |at: usize| {
        let digit = |at: Option<usize>| at.and_then(|at| letters.get(at)).is_some_and(char::is_ascii_digit);
        digit(at.checked_sub(1)) && digit(Some(at + 1))
    };
    let allowed = (0..letters.len()).all(|at| letters[at] != '_' || lone(at));
    allowed.then(|| text.replace('_', ""))
}

/// `str(number)` of a float: shortest digits, with a point or an exponent.
pub(crate) fn show(number: f64) -> String {
    if number != 0.0 && number.is_finite() && !(1e-4..1e16).contains(&number.abs()) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or_default();
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    match number {
        number if number.is_nan() => "nan".to_owned(),
        number if number.is_infinite() => if number < 0.0 { "-inf" } else { "inf" }.to_owned(),
        number => format!("{number:?}"),
    }
}

/// `round(number, places)`: to the nearest decimal, an exact half to the even one, as printing does.
pub(crate) fn round(number: f64, places: usize) -> f64 {
    format!("{number:.places$}").parse().unwrap_or(number)
}

/// A pattern of ours, which is known to be one.
pub(crate) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern stands in this crate's source and is tested")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_words_and_capitals_are_pythons() {
        assert_eq!(strip("\u{1c}\u{a0} a b \u{85}\n"), "a b");
        assert_eq!(split("a\u{2003}b\u{1f}c").collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(is_word('é') && is_word('_') && is_word('²') && is_word('字') && !is_word('-'));
        assert!(!is_word('\u{93f}'), "a vowel sign of Hindi is no word character to Python");
        assert!(is_upper("A1!") && !is_upper("1!") && !is_upper("Aa") && !is_upper("\u{1c5}A"));
        assert!(is_lower("a1!") && !is_lower("") && !is_lower("aB"));
    }
}
