//! `MathVista`: an extracted answer in the form that the question asks for, held against the right one.
//!
//! Owns a port of the data set's own `normalize_extracted_answer` and `safe_equal`. The original has a language model
//! pick the answer out of a longer response; here [`extracted`] does it by rule, which is another measurement: say so
//! beside the figure.

use std::sync::LazyLock;

use regex::Regex;

use crate::distance::distance;
use crate::python::{float, pattern, round, show, strip, whole};

/// The form of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One of the options.
    Choice,
    Integer,
    /// With so many places behind the point.
    Float(usize),
    /// As it stands.
    Text,
}

static BRACKETED: LazyLock<Regex> = LazyLock::new(|| pattern(r"\(([a-zA-Z])\)"));
static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"-?[0-9][0-9,]*(?:\.[0-9]+)?|-?\.[0-9]+"));
static LETTER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[^A-Za-z0-9])([A-Z])(?:[^A-Za-z0-9]|$)"));
static LIST: LazyLock<Regex> = LazyLock::new(|| pattern(r"\[[^\[\]]*\]"));

/// The answer in a response: itself if it is one, else what stands last in it in the form that is asked for.
pub fn extracted(response: &str, form: Form, options: &[String]) -> String {
    let response = strip(response);
    let last = |kind: &Regex| kind.find_iter(response).last().map(|found| found.as_str().to_owned());
    let found = match form {
        Form::Choice if options.iter().any(|option| option == response) => None,
        Form::Choice => {
            let bracketed = BRACKETED.captures_iter(response).last();
            let letter = bracketed.or_else(|| LETTER.captures_iter(response).last());
            letter.and_then(|found| found.get(1)).map(|found| found.as_str().to_uppercase())
        }
        Form::Integer | Form::Float(_) if float(response).is_some() => None,
        Form::Integer | Form::Float(_) => last(&NUMBER).map(|number| number.replace(',', "")),
        Form::Text => last(&LIST),
    };
    found.unwrap_or_else(|| response.to_owned())
}

/// The answer in its form; `None` where it has none.
pub fn normal(extraction: &str, form: Form, options: &[String]) -> Option<String> {
    match form {
        Form::Choice => {
            let extraction = strip(extraction);
            let bracketed = BRACKETED.captures(extraction).and_then(|found| found.get(1));
            let choice =
                bracketed.map_or_else(|| extraction.to_owned(), |letter| letter.as_str().to_uppercase());
            let lettered = ('A'..).zip(options).find(|(letter, _)| choice == letter.to_string());
            let near = || options.iter().min_by_key(|option| distance(&choice, option));
            lettered.map(|(_, option)| option).or_else(near).cloned()
        }
        Form::Integer => {
            let number = float(extraction).filter(|number| number.is_finite())?;
            whole(&format!("{:.0}", number.trunc()))
        }
        Form::Float(places) => float(extraction).map(|number| show(round(number, places))),
        Form::Text => Some(extraction.to_owned()),
    }
}

/// Whether a normalised answer is the right one.
pub fn same(found: Option<&str>, right: &str) -> bool {
    strip(found.unwrap_or("None")) == strip(right)
}
