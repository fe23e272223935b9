//! Metrics of answers: shares over all items and over answered ones are different things and both are given.

use super::answers::Answered;
use super::generation::Value;

const NO_ITEMS: &str = "no item was asked";
const NONE_RIGHT: &str = "no answer was right";

fn share<'a>(
    answers: impl IntoIterator<Item = &'a Answered<'a>>,
    counts: impl Fn(&Answered<'_>) -> bool,
) -> Value {
    let (mut all, mut counted) = (0_u32, 0_u32);
    for answer in answers {
        all += 1;
        counted += u32::from(counts(answer));
    }
    if all == 0 { Err(NO_ITEMS.to_owned()) } else { Ok(f64::from(counted) / f64::from(all)) }
}

pub(super) fn accuracy(answers: &[Answered<'_>]) -> Value {
    share(answers, |answer| answer.right)
}

pub(super) fn accuracy_answered(answers: &[Answered<'_>]) -> Value {
    let answered = || answers.iter().filter(|answer| answer.answer.is_some());
    if answered().next().is_none() && !answers.is_empty() {
        return Err("no answer could be read".to_owned());
    }
    share(answered(), |answer| answer.right)
}

/// Over the items whose chance level is known.
pub(super) fn above_chance(answers: &[Answered<'_>]) -> Value {
    let leads: Vec<f64> = answers
        .iter()
        .filter_map(|answer| Some(f64::from(u8::from(answer.right)) - answer.asked()?.chance?))
        .collect();
    if leads.is_empty() {
        return Err("the chance level of no item is known".to_owned());
    }
    Ok(leads.iter().sum::<f64>() / leads.len() as f64)
}

pub(super) fn truncated_share(answers: &[Answered<'_>]) -> Value {
    share(answers, |answer| answer.stored.truncated)
}

pub(super) fn loop_share(answers: &[Answered<'_>]) -> Value {
    share(answers, |answer| answer.stored.looped)
}

pub(super) fn refused_share(answers: &[Answered<'_>]) -> Value {
    share(answers, |answer| answer.refused)
}

pub(super) fn tokens_per_answer(answers: &[Answered<'_>]) -> Value {
    if answers.is_empty() {
        return Err(NO_ITEMS.to_owned());
    }
    Ok(answers.iter().map(|answer| f64::from(answer.stored.tokens)).sum::<f64>() / answers.len() as f64)
}

/// Answers from the cache took no time here, right or wrong.
pub(super) fn time_per_correct(answers: &[Answered<'_>]) -> Value {
    let timed = answers.iter().filter_map(|answer| Some((answer.right, answer.asked()?.took_ns?)));
    let (mut right, mut took_ns, mut any) = (0_u64, 0_u64, false);
    for (is_right, took) in timed {
        any = true;
        right += u64::from(is_right);
        took_ns += took;
    }
    match (any, right) {
        (false, _) => Err("no answer was timed here".to_owned()),
        (true, 0) => Err(NONE_RIGHT.to_owned()),
        (true, right) => Ok(took_ns as f64 / 1e9 / right as f64),
    }
}

/// How many answers are right, of answers that were all given here: one from the cache cost nothing now.
pub(super) fn right_answers(answers: &[Answered<'_>]) -> Value {
    if answers.iter().any(|answer| answer.asked().is_none_or(|asked| asked.cached)) {
        return Err("some answers came from the cache".to_owned());
    }
    match answers.iter().filter(|answer| answer.right).count() {
        0 => Err(NONE_RIGHT.to_owned()),
        right => Ok(right as f64),
    }
}
