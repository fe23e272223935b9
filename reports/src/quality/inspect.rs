//! Single items with what was said to them.

use std::collections::BTreeMap;

use dyno_scoring::Response;

use super::rows::{InspectedAnswer, InspectedItem};
use super::sides::Side;
use crate::derive::Answered;

/// Of a long prompt or output so many letters are shown; the events hold all of it.
const PROMPT: usize = 600;
const SAID: usize = 240;

pub(super) fn items(sides: &[Side<'_>]) -> Vec<InspectedItem> {
    let mut items: BTreeMap<(&str, &str, &str, &str), InspectedItem> = BTreeMap::new();
    for side in sides {
        for answer in side.answers() {
            let Some(asked) = answer.asked() else { continue };
            let item = answer.stored.item.as_str();
            let entry =
                items.entry((side.suite, side.case, side.asked_as.as_str(), item)).or_insert_with(|| {
                    InspectedItem {
                        suite: side.suite.to_owned(),
                        case: side.case.to_owned(),
                        asked_as: side.asked_as.clone(),
                        item: item.to_owned(),
                        prompt: shortened(
                            &once(asked.prompt.as_deref().unwrap_or("ids without words")),
                            PROMPT,
                        ),
                        expected: asked.question.answer.in_words(&asked.question.options),
                        answers: Vec::new(),
                    }
                });
            entry.answers.push(InspectedAnswer {
                by: side.by.clone(),
                said: said(answer),
                right: answer.right,
                marks: marks(answer),
            });
        }
    }
    items.into_values().collect()
}

fn said(answer: &Answered<'_>) -> String {
    if let Some(read) = &answer.answer {
        return shortened(read, SAID);
    }
    match answer.asked().map(|asked| &asked.response) {
        Some(Response::Words { text, .. }) => shortened(text, SAID),
        _ => String::new(),
    }
}

fn marks(answer: &Answered<'_>) -> Vec<String> {
    let marks = [
        (answer.answer.is_none(), "no answer read"),
        (answer.stored.truncated, "cut"),
        (answer.stored.looped, "looped"),
        (answer.refused, "refused"),
        (answer.asked().is_some_and(|asked| asked.cached), "from the cache"),
    ];
    marks.into_iter().filter(|(is, _)| *is).map(|(_, mark)| mark.to_owned()).collect()
}

/// A picture stands for many of the same token in a rendered prompt; one is shown.
fn once(prompt: &str) -> String {
    const PICTURE: &str = "<|image_pad|>";
    let mut shown = prompt.to_owned();
    while shown.contains(&PICTURE.repeat(2)) {
        shown = shown.replace(&PICTURE.repeat(2), PICTURE);
    }
    shown
}

/// The begin and the end, where the question and the answer stand.
fn shortened(text: &str, most: usize) -> String {
    let letters = text.chars().count();
    if letters <= most {
        return text.to_owned();
    }
    let head: String = text.chars().take(most / 2).collect();
    let tail: String = text.chars().skip(letters - most / 2).collect();
    format!("{head} [...] {tail}")
}
