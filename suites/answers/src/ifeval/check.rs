//! Whether a response does what an instruction demands, each kind as the reference checks it.

use std::sync::LazyLock;

use langdetect::{Compat, DetectorFactory, ErrorCode, Seed};
use regex::{Regex, RegexBuilder};

use super::instruction::Instruction;
use super::json::is_json;
use super::punkt::sentences;
use super::words::words;
use crate::python::{SPACE, WORD, is_lower, is_upper, is_word, pattern, split, strip};

const CONSTRAINED: [&str; 3] = ["My answer is yes.", "My answer is no.", "My answer is maybe."];

/// A pattern in which `[S]` stands for Python's white space.
macro_rules! spaced {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Regex> =
            LazyLock::new(|| pattern(&$text.replace("[S]", &format!("[{SPACE}]"))));
    };
}

spaced!(PLACEHOLDER, r"\[.*?\]");
spaced!(STARRED, r"(?m)^[S]*\*[^*].*$");
spaced!(DASHED, r"(?m)^[S]*-.*$");
spaced!(HIGHLIGHT, r"\*[^\n*]*\*");
spaced!(DOUBLE_HIGHLIGHT, r"\*\*[^\n*]*\*\*");
spaced!(DIVIDER, r"[S]?\*\*\*[S]?");
spaced!(TITLE, r"<<[^\n]+>>");
spaced!(PPS, r"p\.[S]?p\.[S]?s");
spaced!(PS, r"p\.[S]?s\.");
static WORDS: LazyLock<Regex> = LazyLock::new(|| pattern(&format!("[{WORD}]+")));

/// The reference's detector walks at random, unseeded; ours walks from a fixed seed, so that a stored answer always
/// gets the same verdict.
static LANGUAGES: LazyLock<DetectorFactory> = LazyLock::new(|| {
    let mut languages = DetectorFactory::new(Compat::python(11));
    languages.load_builtin(&DetectorFactory::builtin_files()).expect("the profiles come with the crate");
    languages.seed = Seed::Int(0);
    languages
});

pub(super) fn follows(instruction: &Instruction, response: &str) -> bool {
    match instruction {
        Instruction::KeywordsExist { keywords } => {
            keywords.iter().all(|keyword| literal(keyword).is_match(response))
        }
        Instruction::KeywordFrequency { keyword, frequency, relation } => {
            relation.holds(literal(keyword).find_iter(response).count(), *frequency)
        }
        Instruction::ForbiddenWords { words } => !words.iter().any(|word| stands_alone(word, response)),
        Instruction::LetterFrequency { letter, frequency, relation } => {
            let found = response.to_lowercase().chars().filter(|found| found == letter).count();
            relation.holds(found, *frequency)
        }
        Instruction::ResponseLanguage { language } => speaks(language, response),
        Instruction::NumberSentences { sentences: asked, relation } => {
            relation.holds(sentences(response).len(), *asked)
        }
        Instruction::NumberParagraphs { paragraphs } => divided(response) == Some(*paragraphs),
        Instruction::NumberWords { words, relation } => {
            relation.holds(WORDS.find_iter(response).count(), *words)
        }
        Instruction::NthParagraphFirstWord { paragraphs, nth, word } => {
            first_word(response, *paragraphs, *nth).is_some_and(|found| found == *word)
        }
        Instruction::NumberPlaceholders { placeholders } => {
            PLACEHOLDER.find_iter(response).count() >= *placeholders
        }
        Instruction::Postscript { marker } => has_postscript(marker, &response.to_lowercase()),
        Instruction::NumberBulletLists { bullets } => {
            STARRED.find_iter(response).count() + DASHED.find_iter(response).count() == *bullets
        }
        Instruction::ConstrainedResponse => CONSTRAINED.iter().any(|answer| response.contains(answer)),
        Instruction::NumberHighlightedSections { highlights } => highlighted(response) >= *highlights,
        Instruction::MultipleSections { splitter, sections } => {
            let escaped = regex::escape(splitter);
            let mark = pattern(&format!(r"[{SPACE}]?{escaped}[{SPACE}]?\p{{Nd}}+[{SPACE}]?"));
            mark.find_iter(response).count() >= *sections
        }
        Instruction::JsonFormat => is_json(unfenced(response)),
        Instruction::Title => TITLE.find_iter(response).any(|title| {
            let inner = title.as_str().trim_start_matches('<').trim_end_matches('>');
            !strip(inner).is_empty()
        }),
        Instruction::TwoResponses => two_responses(response),
        Instruction::RepeatPrompt { prompt } => {
            strip(response).to_lowercase().starts_with(&strip(prompt).to_lowercase())
        }
        Instruction::EndChecker { phrase } => {
            let end = strip(response).trim_matches('"').to_lowercase();
            end.ends_with(strip(&strip(phrase).to_lowercase()))
        }
        Instruction::CapitalWordFrequency { frequency, relation } => {
            relation.holds(words(response).iter().filter(|word| is_upper(word)).count(), *frequency)
        }
        Instruction::EnglishCapital => is_upper(response) && speaks("en", response),
        Instruction::EnglishLowercase => is_lower(response) && speaks("en", response),
        Instruction::NoComma => !response.contains(','),
        Instruction::Quotation => {
            let response = strip(response);
            response.len() > 1 && response.starts_with('"') && response.ends_with('"')
        }
    }
}

/// The reference takes words from the data set for patterns; in the published set none is more than its letters.
fn literal(text: &str) -> Regex {
    let escaped = RegexBuilder::new(&regex::escape(text)).case_insensitive(true).build();
    escaped.expect("an escaped text is a pattern")
}

/// Whether a word stands in the text with edges of words on both its sides.
fn stands_alone(word: &str, text: &str) -> bool {
    let word = literal(word);
    let edge = |at: usize| {
        let before = text[..at].chars().next_back().is_some_and(is_word);
        before != text[at..].chars().next().is_some_and(is_word)
    };
    let mut from = 0;
    while let Some(found) = word.find_at(text, from) {
        if edge(found.start()) && edge(found.end()) {
            return true;
        }
        let step = text[found.start()..].chars().next().map_or(1, char::len_utf8);
        from = found.start() + step;
        if from > text.len() {
            break;
        }
    }
    false
}

/// A text in which the detector finds nothing to go by counts as followed, as it does for the reference.
fn speaks(language: &str, text: &str) -> bool {
    match LANGUAGES.detect(text) {
        Ok(found) => found == language,
        Err(error) => error.code() == Some(ErrorCode::CantDetectError),
    }
}

/// How many paragraphs `***` divides the text into; none if one in the middle is empty.
fn divided(text: &str) -> Option<usize> {
    let parts: Vec<&str> = DIVIDER.split(text).collect();
    let mut count = parts.len();
    for (at, part) in parts.iter().enumerate() {
        if strip(part).is_empty() {
            if at != 0 && at != parts.len() - 1 {
                return None;
            }
            count -= 1;
        }
    }
    Some(count)
}

/// The first word of a paragraph in small letters up to its punctuation, if there are as many paragraphs as asked.
fn first_word(text: &str, asked: usize, nth: usize) -> Option<String> {
    let parts: Vec<&str> = text.split("\n\n").collect();
    let count = parts.iter().filter(|part| !strip(part).is_empty()).count();
    if count != asked || nth > count {
        return None;
    }
    // As in the reference, empty paragraphs are not counted but hold their places.
    let word = split(parts[nth - 1]).next()?;
    let word = word.trim_start_matches('\'').trim_start_matches('"');
    let ends = |letter: char| matches!(letter, '.' | ',' | '?' | '!' | '\'' | '"');
    Some(word.chars().take_while(|letter| !ends(*letter)).flat_map(char::to_lowercase).collect())
}

fn has_postscript(marker: &str, small: &str) -> bool {
    match marker {
        "P.P.S" => PPS.is_match(small),
        "P.S." => PS.is_match(small),
        _ => small.contains(&marker.to_lowercase()),
    }
}

fn highlighted(text: &str) -> usize {
    let single =
        HIGHLIGHT.find_iter(text).filter(|found| !strip(found.as_str().trim_matches('*')).is_empty());
    let double = DOUBLE_HIGHLIGHT.find_iter(text).filter(|found| {
        let inner = found.as_str();
        !strip(&inner[2..inner.len() - 2]).is_empty()
    });
    single.count() + double.count()
}

/// The text without a fence of Markdown around it.
fn unfenced(text: &str) -> &str {
    let mut text = strip(text);
    for fence in ["```json", "```Json", "```JSON", "```"] {
        text = text.strip_prefix(fence).unwrap_or(text);
    }
    strip(text.strip_suffix("```").unwrap_or(text))
}

fn two_responses(text: &str) -> bool {
    let parts: Vec<&str> = text.split("******").map(strip).collect();
    let inner_empty =
        parts.iter().enumerate().any(|(at, part)| part.is_empty() && at != 0 && at != parts.len() - 1);
    let given: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    !inner_empty && matches!(given[..], [first, second] if first != second)
}
