//! The rules of right and wrong.

use dyno_suites::task::{Expected, Item, Rule, Score};
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::response::{Response, answer_part};
use crate::{choices, extract, ifeval, number, reference, refusal, tool_call};

/// What of an item its judge has to know; kept beside the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    pub options: Vec<String>,
    pub answer: Expected,
    /// For checkers that read the row themselves; empty for the others.
    pub fields: Map<String, Value>,
}

impl Question {
    pub fn of(item: &Item) -> Self {
        let fields = if item.answer == Expected::Checked { item.fields.clone() } else { Map::new() };
        Self { options: item.options.clone(), answer: item.answer.clone(), fields }
    }
}

/// What an answer is worth by one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scored {
    /// As it was read; absent where no answer could be.
    pub answer: Option<String>,
    pub right: bool,
    /// It declines to answer.
    pub refused: bool,
}

pub fn score(score: &Score, question: &Question, response: &Response) -> Scored {
    match response {
        Response::Words { text, in_reasoning, stop } => {
            let nothing = Scored { answer: None, right: false, refused: false };
            let Some(said) = answer_part(text, *in_reasoning, stop) else { return nothing };
            of_words(score, question, &said)
        }
        Response::Weighed { options } => {
            let place = match score.rule {
                Rule::ChoiceNorm => choices::most_likely_for_length(options, &question.options),
                _ => choices::most_likely(options),
            };
            let right = question.answer == Expected::Option(place.unwrap_or(usize::MAX) as u32);
            let answer = place.and_then(|place| question.options.get(place).cloned());
            Scored { right: right && answer.is_some(), answer, refused: false }
        }
    }
}

fn of_words(score: &Score, question: &Question, said: &str) -> Scored {
    if let Some((answer, right)) = reference::judge(score.rule, question, said) {
        return Scored { answer: answer.map(short), right, refused: !right && refusal::is_refusal(said) };
    }
    let answer = extract::extract(score, said, question.options.len());
    let right = match (score.rule, &answer) {
        (Rule::Ifeval, _) => ifeval::follows_all(&question.fields, said, false),
        (Rule::IfevalLoose, _) => ifeval::follows_all(&question.fields, said, true),
        (Rule::ToolCall, _) => return of_tool_call(question, said),
        (_, None) => false,
        (Rule::Letter, Some(answer)) => right_letter(question).is_some_and(|letter| letter == *answer),
        (rule, Some(answer)) => wanted(question).iter().any(|wanted| is_same(rule, score, answer, wanted)),
    };
    let refused = !right && refusal::is_refusal(said);
    Scored { answer: answer.map(short), right, refused }
}

/// What is kept of a long answer beside its output, which is kept whole.
fn short(answer: String) -> String {
    const LONGEST: usize = 400;
    match answer.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}...", &answer[..at]),
        None => answer,
    }
}

fn of_tool_call(question: &Question, said: &str) -> Scored {
    let call = tool_call::first(said);
    let right = call
        .as_ref()
        .is_some_and(|call| question.fields.get("call").is_none_or(|wanted| call.is_wanted(wanted)));
    let refused = !right && refusal::is_refusal(said);
    Scored { answer: call.map(|call| call.name), right, refused }
}

fn right_letter(question: &Question) -> Option<String> {
    match &question.answer {
        Expected::Option(place) => ('A'..='Z').nth(*place as usize).map(String::from),
        Expected::Texts(texts) => texts.first().cloned(),
        Expected::Checked => None,
    }
}

fn wanted(question: &Question) -> Vec<&str> {
    match &question.answer {
        Expected::Texts(texts) => texts.iter().map(String::as_str).collect(),
        Expected::Option(place) => {
            question.options.get(*place as usize).map(String::as_str).into_iter().collect()
        }
        Expected::Checked => Vec::new(),
    }
}

fn is_same(rule: Rule, score: &Score, answer: &str, wanted: &str) -> bool {
    let (answer, wanted) = (tidy(score, answer), tidy(score, wanted));
    let numbers = || number::parse(&answer).zip(number::parse(&wanted));
    match rule {
        Rule::Numeric => numbers().is_some_and(|(found, wanted)| number::same(found, wanted)),
        Rule::Relaxed => match numbers() {
            Some((found, wanted)) if wanted != 0.0 => ((found - wanted) / wanted).abs() <= 0.05,
            Some((found, wanted)) => number::same(found, wanted),
            None => answer.eq_ignore_ascii_case(&wanted),
        },
        Rule::Math => reference::same_expression(&answer, &wanted),
        Rule::Contains => !wanted.is_empty() && answer.contains(&wanted),
        _ => answer == wanted,
    }
}

fn tidy(score: &Score, text: &str) -> String {
    let mut text = text.to_owned();
    for expression in score.ignore.iter().filter_map(|expression| Regex::new(expression).ok()) {
        text = expression.replace_all(&text, "").into_owned();
    }
    let text = text.trim();
    if score.ignore_case { text.to_lowercase() } else { text.to_owned() }
}
