//! Rules of published evaluations, which read and judge an answer in one.

use dyno_answers::{letters, math, mathvista, mmmu_open, reading, relaxed};
use dyno_suites::task::{Expected, Rule};
use serde_json::Value;

use crate::rules::Question;

/// The answer as it was read and whether it is right; `None` for rules that are no evaluation's own.
pub(crate) fn judge(rule: Rule, question: &Question, said: &str) -> Option<(Option<String>, bool)> {
    Some(match rule {
        Rule::Mmmu => mmmu(question, said),
        Rule::MmluPro => {
            let letter = letters::mmlu_pro(said);
            (letter.map(String::from), is_option(question, letter))
        }
        Rule::Mathvista => mathvista(question, said),
        Rule::SurestLetter => surest(question, said),
        Rule::Chartqa => {
            (relaxed::announced(said), any(question, |right| relaxed::final_answer(said, right)))
        }
        Rule::ChartqaShort => (Some(said.to_owned()), any(question, |right| relaxed::short(said, right))),
        Rule::Ocrbench => {
            let formula = question.fields.get("dataset").and_then(Value::as_str) == Some("HME100k");
            (Some(said.to_owned()), reading::ocr_bench(said, &texts(question, "answer"), formula))
        }
        _ => return None,
    })
}

/// Whether two expressions are the same to MATH's rules of spelling.
pub(crate) fn same_expression(answer: &str, right: &str) -> bool {
    math::equivalent(answer, right)
}

fn any(question: &Question, is_right: impl Fn(&str) -> bool) -> bool {
    matches!(&question.answer, Expected::Texts(texts) if texts.iter().any(|right| is_right(right)))
}

fn is_option(question: &Question, letter: Option<char>) -> bool {
    let place = letter.map(|letter| u32::from(letter) - u32::from('A'));
    place.is_some_and(|place| question.answer == Expected::Option(place))
}

/// A field that holds texts or one text.
fn texts(question: &Question, field: &str) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match question.fields.get(field) {
        Some(Value::Array(list)) => list.iter().map(text).collect(),
        Some(Value::Null) | None => Vec::new(),
        Some(value) => vec![text(value)],
    }
}

fn field<'a>(question: &'a Question, name: &str) -> &'a str {
    question.fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn mmmu(question: &Question, said: &str) -> (Option<String>, bool) {
    if field(question, "question_type") == "multiple-choice" {
        let letter = letters::mmmu(said, &question.options).map(String::from);
        let right = letter.as_ref().is_some_and(|letter| texts(question, "answers").contains(letter));
        return (letter, right);
    }
    (Some(said.to_owned()), mmmu_open::right(said, &texts(question, "answers")))
}

fn mathvista(question: &Question, said: &str) -> (Option<String>, bool) {
    let places = question.fields.get("precision").and_then(Value::as_f64).unwrap_or_default();
    let form = match (field(question, "question_type"), field(question, "answer_type")) {
        ("multi_choice", _) => mathvista::Form::Choice,
        (_, "integer") => mathvista::Form::Integer,
        (_, "float") => mathvista::Form::Float(places as usize),
        _ => mathvista::Form::Text,
    };
    let extracted = mathvista::extracted(said, form, &question.options);
    let answer = mathvista::normal(&extracted, form, &question.options);
    let right = mathvista::same(answer.as_deref(), field(question, "answer"));
    (answer, right)
}

/// A letter where the right answer is one, else the words alone.
fn surest(question: &Question, said: &str) -> (Option<String>, bool) {
    let right = match &question.answer {
        Expected::Texts(texts) => texts.first().map(|text| text.trim().to_owned()),
        Expected::Option(place) => ('A'..='Z').nth(*place as usize).map(String::from),
        Expected::Checked => None,
    };
    let Some(right) = right else { return (None, false) };
    if ["A", "B", "C", "D"].contains(&right.to_uppercase().as_str()) {
        let letter = letters::surest(said, &['A', 'B', 'C', 'D']).map(String::from);
        let is_right = letter.as_ref() == Some(&right.to_uppercase());
        return (letter, is_right);
    }
    let words = said.to_lowercase().trim().trim_end_matches('.').to_owned();
    let is_right = words == right.to_lowercase();
    (Some(words), is_right)
}
