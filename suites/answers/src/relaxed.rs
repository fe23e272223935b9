//! `ChartQA`'s relaxed accuracy: numbers may be off by five per cent, words may not.

use std::sync::LazyLock;

use regex::Regex;

use crate::python::{float, is_space, pattern, strip};

const TOLERANCE: f64 = 0.05;

/// As lmms-eval and Qwen-VL judge a short answer: a per cent sign divides by a hundred; nothing is cleaned.
pub fn short(response: &str, right: &str) -> bool {
    let number = |text: &str| match text.strip_suffix('%') {
        Some(_) => float(text.trim_end_matches('%')).map(|number| number / 100.0),
        None => float(text),
    };
    match (number(response), number(right)) {
        (Some(found), Some(right)) if right != 0.0 => ((found - right).abs() / right.abs()) <= TOLERANCE,
        _ => response.to_lowercase() == right.to_lowercase(),
    }
}

static MARKDOWN: LazyLock<Regex> = LazyLock::new(|| pattern(r"([aA]nswer)\**:\**"));
static DECORATION: LazyLock<Regex> = LazyLock::new(|| pattern(r"[*_\[\]()]"));

/// As lm-evaluation-harness judges a response that ends in "Final Answer: ...".
pub fn final_answer(response: &str, right: &str) -> bool {
    announced(response).filter(|found| !found.is_empty()).is_some_and(|found| relaxed(&found, right))
}

/// The first line with words behind the last "answer:".
pub fn announced(response: &str) -> Option<String> {
    let response = MARKDOWN.replace_all(response, "$1:");
    // Places are those of the text in small letters, as in the original; they differ only for a few odd capitals.
    let place = response.to_lowercase().rfind("answer:")? + "answer:".len();
    let rest = response.get(place..).unwrap_or_default();
    let line = rest.split('\n').map(strip).find(|line| !line.is_empty()).unwrap_or_default();
    Some(DECORATION.replace_all(line, "").into_owned())
}

fn relaxed(found: &str, right: &str) -> bool {
    let (found, right) = (prepared(found), prepared(right));
    if let (Some(found), Some(right)) = (number(&found), number(&right)) {
        return close(found.0, right.0)
            || ((found.1 || right.1) && (close(decimal(found), right.0) || close(found.0, decimal(right))));
    }
    let mut letters = right.chars();
    let lone = letters.next().filter(|letter| letter.is_alphabetic() && letters.next().is_none());
    match (lone, found.chars().next()) {
        (Some(lone), Some(first)) => first.to_lowercase().eq(lone.to_lowercase()),
        _ => {
            found.trim_end_matches(|sign: char| sign.is_ascii_punctuation()).to_lowercase()
                == right.to_lowercase()
        }
    }
}

/// Without grouping and money where there are digits, without quotes around where there are none.
fn prepared(text: &str) -> String {
    if text.chars().any(char::is_numeric) {
        let end = |sign: char| (sign.is_ascii_punctuation() || is_space(sign)) && sign != '%';
        return text.trim_end_matches(end).replace([',', '$'], "");
    }
    let quoted = ['"', '\''].iter().find(|quote| text.starts_with(**quote) && text.ends_with(**quote));
    match quoted {
        Some(_) => text.get(1..text.len() - 1).unwrap_or_default().to_owned(),
        None => text.to_owned(),
    }
}

/// The number, and whether it is per cent.
fn number(text: &str) -> Option<(f64, bool)> {
    let text = strip(text);
    float(text.trim_end_matches('%')).map(|number| (number, text.ends_with('%')))
}

fn decimal((number, percent): (f64, bool)) -> f64 {
    if percent { number / 100.0 } else { number }
}

fn close(found: f64, right: f64) -> bool {
    ((found - right).abs() / right.abs().max(1e-10)) <= TOLERANCE
}
