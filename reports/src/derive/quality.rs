//! Metrics of answers: shares over all items and over answered ones are different things and both are given.

use super::generation::Value;
use crate::bundle::ItemAnswer;

const NO_ITEMS: &str = "no item was asked";

fn share(answers: &[ItemAnswer], counts: impl Fn(&ItemAnswer) -> bool) -> Value {
    if answers.is_empty() {
        return Err(NO_ITEMS.to_owned());
    }
    Ok(answers.iter().filter(|answer| counts(answer)).count() as f64 / answers.len() as f64)
}

pub(super) fn accuracy(answers: &[ItemAnswer]) -> Value {
    share(answers, |answer| answer.right)
}

pub(super) fn accuracy_answered(answers: &[ItemAnswer]) -> Value {
    let answered: Vec<ItemAnswer> =
        answers.iter().filter(|answer| answer.answer.is_some()).cloned().collect();
    if answered.is_empty() && !answers.is_empty() {
        return Err("no answer could be read".to_owned());
    }
    share(&answered, |answer| answer.right)
}

pub(super) fn truncated_share(answers: &[ItemAnswer]) -> Value {
    share(answers, |answer| answer.truncated)
}

pub(super) fn loop_share(answers: &[ItemAnswer]) -> Value {
    share(answers, |answer| answer.looped)
}

pub(super) fn tokens_per_answer(answers: &[ItemAnswer]) -> Value {
    if answers.is_empty() {
        return Err(NO_ITEMS.to_owned());
    }
    Ok(answers.iter().map(|answer| f64::from(answer.tokens)).sum::<f64>() / answers.len() as f64)
}
