//! Open answers of MMMU: key phrases and numbers out of a response, any of which may be the right one.
//!
//! Owns a port of the data set's own `parse_open_response` and `eval_open`, as lm-evaluation-harness carries them.

use std::sync::LazyLock;

use fancy_regex::Regex;

use crate::python::{float, round, strip};

const INDICATORS: [&str; 8] =
    ["could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result "];

fn looking(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern stands in this file and is tested")
}

static GROUPED: LazyLock<Regex> = LazyLock::new(|| {
    looking(
        r"-?(?:(?<=[\p{L}\p{N}_])(?![\p{L}\p{N}_])|(?<![\p{L}\p{N}_])(?=[\p{L}\p{N}_]))\p{Nd}{1,3}(?:,\p{Nd}{3})+(?![\p{L}\p{N}_])",
    )
});
static SCIENTIFIC: LazyLock<Regex> = LazyLock::new(|| looking(r"-?\p{Nd}+(?:\.\p{Nd}+)?[eE][+-]?\p{Nd}+"));
static SIMPLE: LazyLock<Regex> = LazyLock::new(|| {
    looking(r"-?(?:\p{Nd}+\.\p{Nd}+|\.\p{Nd}+|\p{Nd}+(?![\p{L}\p{N}_]))(?![eE][+-]?\p{Nd}+)(?![,\p{Nd}])")
});

#[derive(Debug, PartialEq)]
enum Value {
    Number(f64),
    Words(String),
}

/// Whether a response holds one of the right answers.
pub fn right(response: &str, answers: &[String]) -> bool {
    let answers: Vec<Value> = answers.iter().flat_map(|answer| normal(answer)).collect();
    found(response).iter().any(|value| match value {
        Value::Words(words) => {
            answers.iter().any(|answer| matches!(answer, Value::Words(right) if words.contains(right)))
        }
        Value::Number(_) => answers.contains(value),
    })
}

/// What a response may mean by its answer.
fn found(response: &str) -> Vec<Value> {
    let keys = key_phrases(response);
    let numbers = keys.iter().flat_map(|key| {
        let all = [&*GROUPED, &*SCIENTIFIC, &*SIMPLE];
        all.map(|kind| {
            kind.find_iter(key).filter_map(Result::ok).map(|found| found.as_str().to_owned()).collect()
        })
        .into_iter()
        .flat_map(|found: Vec<String>| found)
    });
    let numbers: Vec<String> = numbers.collect();
    keys.iter().chain(&numbers).flat_map(|text| normal(text)).collect()
}

/// The end of every line behind words that announce an answer. All is in small letters by then, so that the original's
/// split at sentences never happens.
fn key_phrases(response: &str) -> Vec<String> {
    let response = strip(response).trim_matches('.').to_lowercase();
    let lines: Vec<&str> = response.split('\n').collect();
    let mut keys = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let last = (at == lines.len() - 1).then_some("=");
        let mut shortest: Option<&str> = None;
        for indicator in INDICATORS.into_iter().chain(last) {
            let Some((_, rest)) = line.rsplit_once(indicator) else { continue };
            let rest = strip(rest);
            if shortest.is_none_or(|known| known.is_empty() || rest.chars().count() < known.chars().count()) {
                shortest = Some(rest);
            }
        }
        keys.extend(shortest.filter(|key| !matches!(*key, "" | ":" | "," | "." | "!" | "?" | ";" | "'")));
    }
    if keys.is_empty() { vec![response.clone()] } else { keys.into_iter().map(str::to_owned).collect() }
}

/// A number to two places, or words in small letters; a single letter must stand beside a blank.
fn normal(text: &str) -> Vec<Value> {
    let text = strip(text);
    if let Some(number) = float(&text.replace(',', "")) {
        return vec![Value::Number(round(number, 2))];
    }
    let small = text.to_lowercase();
    if small.chars().count() == 1 {
        return vec![Value::Words(format!(" {small}")), Value::Words(format!("{small} "))];
    }
    vec![Value::Words(small)]
}
