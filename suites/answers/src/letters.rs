//! The letter of a chosen option in what a model wrote, as different evaluations look for it.

use std::sync::LazyLock;

use regex::Regex;

use crate::python::{is_word, pattern, split, strip};

static ANSWER_IS: LazyLock<Regex> = LazyLock::new(|| pattern(r"answer is \(?([A-J])\)?"));
static ANSWER_COLON: LazyLock<Regex> = LazyLock::new(|| pattern(r".*[aA]nswer:\s*([A-J])"));
/// MMLU-Pro as its own evaluation reads it: "answer is (X)", else "Answer: X", else the last lone letter.
pub fn mmlu_pro(response: &str) -> Option<char> {
    let lone = || {
        let letters: Vec<char> = response.chars().collect();
        let word =
            |at: Option<usize>| at.and_then(|at| letters.get(at)).is_some_and(|letter| is_word(*letter));
        let alone = |at: &usize| !word(at.checked_sub(1)) && !word(Some(at + 1));
        let last = (0..letters.len()).rev().filter(|at| ('A'..='J').contains(&letters[*at])).find(alone);
        last.map(|at| letters[at])
    };
    letter_of(&ANSWER_IS, response).or_else(|| letter_of(&ANSWER_COLON, response)).or_else(lone)
}

fn letter_of(pattern: &Regex, response: &str) -> Option<char> {
    pattern.captures(response)?.get(1)?.as_str().chars().next()
}

const PHRASES: [&str; 27] = [
    "the answer is",
    "answer is",
    "the correct answer is",
    "correct answer is",
    "the best answer is",
    "best answer is",
    "the correct option is",
    "correct option is",
    "the best option is",
    "best option is",
    "the choice is",
    "choice is",
    "the correct choice is",
    "correct choice is",
    "i choose",
    "i select",
    "i pick",
    "my answer is",
    "my choice is",
    "옵션",
    "정답은",
    "답은",
    "답:",
    "答案是",
    "答案为",
    "选",
    "答えは",
];

/// lmms-eval's reader for `MMStar` and `RealWorldQA`: every way to write a letter is looked for, the surest way wins, and
/// of one way the last place.
pub fn surest(response: &str, choices: &[char]) -> Option<char> {
    if strip(response).is_empty() {
        return None;
    }
    let text = [',', '.', '!', '?', ';', ':', '\'', '"']
        .into_iter()
        .fold(strip(response), |text, sign| text.trim_matches(sign));
    let bare: Vec<char> = strip(text).chars().collect();
    let text: Vec<char> = format!(" {text} ").chars().collect();
    let mut found: Vec<(u8, usize, char)> = Vec::new();
    let mut look = |sure: u8, before: &str, after: &str| {
        for choice in choices {
            let sought: Vec<char> = before.chars().chain([*choice]).chain(after.chars()).collect();
            found.extend(last_place(&text, &sought).map(|place| (sure, place, *choice)));
        }
    };
    look(6, "(", ")");
    look(5, "", ".");
    look(4, "", ":");
    look(3, "", ")");
    look(2, "", " ");
    let small: Vec<char> = text.iter().collect::<String>().to_lowercase().chars().collect();
    for phrase in PHRASES {
        let phrase: Vec<char> = phrase.chars().collect();
        let Some(place) = first_place(&small, &phrase, 0) else { continue };
        for choice in choices {
            found.extend(
                first_place(&text, &[*choice], place + phrase.len()).map(|place| (7, place, *choice)),
            );
        }
    }
    let lone = |place: Option<&char>| place.is_none_or(|letter| !letter.is_alphabetic());
    for choice in choices {
        if bare.first() == Some(choice) && lone(bare.get(1)) {
            found.push((10, 0, *choice));
        }
        if bare.last() == Some(choice) && lone(bare.len().checked_sub(2).map(|place| &bare[place])) {
            found.push((9, text.len() - 1, *choice));
        }
    }
    if found.is_empty() {
        for choice in choices {
            found.extend(last_place(&text, &[*choice]).map(|place| (0, place, *choice)));
        }
    }
    // The first of equals, as a stable sort in falling order leaves it.
    found.into_iter().rev().max_by_key(|(sure, place, _)| (*sure, *place)).map(|(_, _, choice)| choice)
}

fn first_place(text: &[char], sought: &[char], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    rest.windows(sought.len()).position(|window| window == sought).map(|place| from + place)
}

fn last_place(text: &[char], sought: &[char]) -> Option<usize> {
    text.windows(sought.len()).rposition(|window| window == sought)
}

/// MMMU's reader: letters in brackets, else alone, else the options' own words in a longer response; the last counts.
///
/// Where nothing is found the original draws an option at random. Here that is no answer.
pub fn mmmu(response: &str, options: &[String]) -> Option<char> {
    let response =
        [',', '.', '!', '?', ';', ':', '\''].into_iter().fold(response, |text, sign| text.trim_matches(sign));
    let response = format!(" {response} ");
    let small = response.to_lowercase();
    let places = |text: &str, sought: &dyn Fn(char, &str) -> String| -> Vec<(usize, char)> {
        let lettered = ('A'..='I').zip(options);
        lettered.filter_map(|(letter, option)| Some((text.rfind(&sought(letter, option))?, letter))).collect()
    };
    let mut found = places(&response, &|letter, _| format!("({letter})"));
    if found.is_empty() {
        found = places(&response, &|letter, _| format!(" {letter} "));
    }
    if found.is_empty() && split(&response).count() > 5 {
        found = places(&small, &|_, option| option.to_lowercase());
    }
    // The first of equals.
    found.into_iter().rev().max_by_key(|(place, _)| *place).map(|(_, letter)| letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mmlu_pro_goes_down_its_chain() {
        assert_eq!(mmlu_pro("A or B? The answer is (C). Answer: D"), Some('C'));
        assert_eq!(mmlu_pro("answer is K. Answer: D, not E"), Some('D'));
        assert_eq!(mmlu_pro("A, no: B. I am sure."), Some('I'));
        assert_eq!(mmlu_pro("ABC, K"), None);
    }
}
