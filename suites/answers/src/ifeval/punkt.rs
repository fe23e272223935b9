//! Where English sentences end, as NLTK's Punkt finds it (Kiss and Strunk 2006), with its English model.
//!
//! Owns a port of the decisions of `nltk.tokenize.punkt` 3.10.4; the training is left out. The model's word lists
//! are those of the crate `punkt` 1.0.5, which equal NLTK's `punkt_tab`.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use regex::Regex;

use crate::packed::unpack;
use crate::python::{is_space, is_word, pattern};

// In which positions and cases a word was seen in training.
const BEGINS_UPPER: u8 = 1 << 1;
const INSIDE_UPPER: u8 = 1 << 2;
const UNKNOWN_UPPER: u8 = 1 << 3;
const BEGINS_LOWER: u8 = 1 << 4;
const INSIDE_LOWER: u8 = 1 << 5;
const UNKNOWN_LOWER: u8 = 1 << 6;
const UPPER: u8 = BEGINS_UPPER | INSIDE_UPPER | UNKNOWN_UPPER;
const LOWER: u8 = BEGINS_LOWER | INSIDE_LOWER | UNKNOWN_LOWER;

struct Model {
    abbreviations: HashSet<String>,
    starters: HashSet<String>,
    collocations: HashSet<(String, String)>,
    seen: HashMap<String, u8>,
}

static ENGLISH: LazyLock<Model> = LazyLock::new(|| {
    let mut model = Model {
        abbreviations: HashSet::new(),
        starters: HashSet::new(),
        collocations: HashSet::new(),
        seen: HashMap::new(),
    };
    for line in unpack(include_bytes!("../../data/punkt-english.tsv.gz")).lines() {
        let mut cells = line.split('\t').map(str::to_owned);
        let mut cell = || cells.next().unwrap_or_default();
        match cell().as_str() {
            "abbreviation" => drop(model.abbreviations.insert(cell())),
            "starter" => drop(model.starters.insert(cell())),
            "collocation" => drop(model.collocations.insert((cell(), cell()))),
            _ => drop(model.seen.insert(cell(), cell().parse().unwrap_or_default())),
        }
    }
    model
});

static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"^-?[.,]?\p{Nd}[\p{Nd},.-]*\.?$"));

fn ends_sentence(letter: char) -> bool {
    matches!(letter, '.' | '?' | '!')
}

fn closes(letter: char) -> bool {
    matches!(letter, '"' | '\'' | ')' | ']' | '}' | '‘' | '’' | '“' | '”' | '«' | '»')
}

fn outside_words(letter: char) -> bool {
    closes(letter) || matches!(letter, ';' | '*' | ':' | '@' | '(' | '{' | '[' | '?' | '!')
}

fn may_begin_word(letter: char) -> bool {
    !matches!(
        letter,
        '(' | '"' | '`' | '{' | '[' | ':' | ';' | '&' | '#' | '*' | '@' | ')' | '}' | ']' | '-' | ','
    )
}

/// The sentences of a text, without the space between them.
pub(crate) fn sentences(text: &str) -> Vec<String> {
    let text: Vec<char> = text.chars().collect();
    realigned(&text, &slices(&text))
        .into_iter()
        .map(|(start, end)| text[start..end].iter().collect())
        .collect()
}

type Slice = (usize, usize);

/// A full stop, question or exclamation mark that might end a sentence.
struct Candidate {
    at: usize,
    /// Where the next sentence would begin.
    next: usize,
    /// The end of what follows and takes part in the decision.
    context_end: usize,
}

fn candidate(text: &[char], at: usize) -> Option<Candidate> {
    let follows = *text.get(at + 1)?;
    if outside_words(follows) {
        return Some(Candidate { at, next: at + 1, context_end: at + 2 });
    }
    let spaces = text[at + 1..].iter().take_while(|letter| is_space(**letter)).count();
    let next = at + 1 + spaces;
    let word = text[next..].iter().take_while(|letter| !is_space(**letter)).count();
    (spaces > 0 && word > 0).then_some(Candidate { at, next, context_end: next + word })
}

/// Candidates with the start of the word before them; of several in one word only the last.
fn contexts(text: &[char]) -> Vec<(usize, Candidate)> {
    let mut contexts: Vec<(usize, Candidate)> = Vec::new();
    let mut before_end = 0;
    let mut word_start = 0;
    for at in (0..text.len()).filter(|at| ends_sentence(text[*at])) {
        let Some(candidate) = candidate(text, at) else { continue };
        let space = text[before_end..at].iter().rposition(|letter| " \t\n\r\u{b}\u{c}".contains(*letter));
        // A space in the very first place is not seen; nor is it by the original.
        let start = match space {
            Some(place) if place > 0 => before_end + place + 1,
            _ => word_start,
        };
        if contexts.last().is_some_and(|(_, last)| last.at > start) {
            contexts.pop();
        }
        contexts.push((start, candidate));
        (word_start, before_end) = (start, at);
    }
    contexts
}

/// Pieces of the text, each with the mark that ends it.
fn slices(text: &[char]) -> Vec<Slice> {
    let mut slices = Vec::new();
    let mut start = 0;
    for (word, candidate) in contexts(text) {
        if holds_break(&text[word..candidate.context_end]) {
            slices.push((start, candidate.at + 1));
            start = candidate.next;
        }
    }
    let end = text.iter().rposition(|letter| !is_space(*letter)).map_or(0, |last| last + 1);
    slices.push((start, end.max(start)));
    slices
}

/// Gives quotes and brackets after a mark to the sentence that they close.
fn realigned(text: &[char], slices: &[Slice]) -> Vec<Slice> {
    let mut out = Vec::new();
    let mut moved = 0;
    for (place, (start, end)) in slices.iter().copied().enumerate() {
        let start = (start + moved).min(end);
        if let Some((next, (closed, skipped))) =
            slices.get(place + 1).and_then(|next| closing(&text[next.0..next.1]).map(|found| (next.0, found)))
        {
            out.push((start, next + closed));
            moved = skipped;
        } else {
            moved = 0;
            if start < end {
                out.push((start, end));
            }
        }
    }
    out
}

/// Closing signs at the beginning, and the same with the space after them.
fn closing(text: &[char]) -> Option<(usize, usize)> {
    let closers = text.iter().take_while(|letter| closes(**letter)).count();
    let follows = &text[closers..];
    if closers == 0 || !(follows.is_empty() || is_space(follows[0]) || follows.starts_with(&['-', '-'])) {
        return None;
    }
    Some((closers, closers + follows.iter().take_while(|letter| is_space(**letter)).count()))
}

#[derive(Default)]
struct Token {
    text: String,
    /// In small letters, a number as one word for all.
    kind: String,
    breaks: bool,
    abbreviates: bool,
    ellipsis: bool,
}

impl Token {
    fn new(text: String) -> Self {
        let small = text.to_lowercase();
        let kind = NUMBER.replace(&small, "##number##").into_owned();
        let mut token = Self { text, kind, ..Self::default() };
        let stem = token.text.strip_suffix('.');
        if matches!(token.text.as_str(), "." | "?" | "!") {
            token.breaks = true;
        } else if token.text.len() > 1 && token.text.chars().all(|letter| letter == '.') {
            token.ellipsis = true;
        } else if let Some(stem) = stem.filter(|stem| !stem.ends_with('.')) {
            let stem = stem.to_lowercase();
            let last = stem.rsplit('-').next().unwrap_or_default();
            token.abbreviates =
                [stem.as_str(), last].iter().any(|word| ENGLISH.abbreviations.contains(*word));
            token.breaks = !token.abbreviates;
        }
        token
    }

    fn without_period(&self) -> &str {
        self.kind.strip_suffix('.').filter(|kind| !kind.is_empty()).unwrap_or(&self.kind)
    }

    fn without_sentence_period(&self) -> &str {
        if self.breaks { self.without_period() } else { &self.kind }
    }

    fn first(&self) -> char {
        self.text.chars().next().unwrap_or(' ')
    }

    /// One letter and a period.
    fn is_initial(&self) -> bool {
        let mut letters = self.text.chars();
        let first =
            letters.next().is_some_and(|letter| is_word(letter) && !NUMBER.is_match(&letter.to_string()));
        first && letters.as_str() == "."
    }

    /// Whether the word is known to begin sentences, where that can be told.
    fn begins_sentence(&self) -> Option<bool> {
        if matches!(self.text.as_str(), ";" | ":" | "," | "." | "!" | "?") {
            return Some(false);
        }
        let seen = ENGLISH.seen.get(self.without_sentence_period()).copied().unwrap_or_default();
        if self.first().is_uppercase() && seen & LOWER != 0 && seen & INSIDE_UPPER == 0 {
            return Some(true);
        }
        let small = self.first().is_lowercase() && (seen & UPPER != 0 || seen & BEGINS_LOWER == 0);
        if small { Some(false) } else { None }
    }
}

fn holds_break(context: &[char]) -> bool {
    let mut tokens: Vec<Token> =
        context.split(|letter| *letter == '\n').flat_map(words).map(Token::new).collect();
    for at in 1..tokens.len() {
        let (before, after) = tokens.split_at_mut(at);
        reconsider(&mut before[at - 1], &after[0]);
    }
    // A break at the very end divides nothing.
    tokens.iter().rev().skip(1).any(|token| token.breaks)
}

/// The word after a period may change what the period is.
fn reconsider(token: &mut Token, next: &Token) {
    if !token.text.ends_with('.') {
        return;
    }
    let kind = token.without_period().to_owned();
    let next_kind = next.without_sentence_period();
    let initial = token.is_initial();
    let mut abbreviation = ENGLISH.collocations.contains(&(kind.clone(), next_kind.to_owned()));
    if !abbreviation {
        let begins = next.begins_sentence();
        let capital = next.first().is_uppercase();
        if (token.abbreviates || token.ellipsis)
            && !initial
            && (begins == Some(true) || (capital && ENGLISH.starters.contains(next_kind)))
        {
            token.breaks = true;
            return;
        }
        if initial || kind == "##number##" {
            let always_capital = ENGLISH.seen.get(next_kind).is_none_or(|seen| seen & LOWER == 0);
            abbreviation =
                begins == Some(false) || (begins.is_none() && initial && capital && always_capital);
        }
    }
    if abbreviation {
        token.breaks = false;
        token.abbreviates = true;
    }
}

/// A line's words, with punctuation other than periods split off.
fn words(line: &[char]) -> Vec<String> {
    let mut words = Vec::new();
    let mut at = 0;
    while at < line.len() {
        let end = match repeated(&line[at..]) {
            Some(length) => at + length,
            None if is_space(line[at]) || !may_begin_word(line[at]) => at + 1,
            None => (at + 1..line.len()).find(|end| word_ends(&line[*end..])).unwrap_or(line.len()),
        };
        if !is_space(line[at]) {
            words.push(line[at..end].iter().collect());
        }
        at = end;
    }
    words
}

fn word_ends(rest: &[char]) -> bool {
    let ends = |rest: &[char]| {
        rest.first().is_none_or(|letter| is_space(*letter) || outside_words(*letter))
            || repeated(rest).is_some()
    };
    ends(rest) || (rest[0] == ',' && ends(&rest[1..]))
}

/// The length of a dash or an ellipsis of several signs that stands here.
fn repeated(text: &[char]) -> Option<usize> {
    let run = |sign: char| text.iter().take_while(|letter| **letter == sign).count();
    if let Some(length) = [run('-'), run('.')].into_iter().find(|length| *length > 1) {
        return Some(length);
    }
    let pairs = text.chunks_exact(2).take_while(|pair| pair[0] == '.' && is_space(pair[1])).count();
    let pairs = if text.get(2 * pairs) == Some(&'.') { pairs } else { pairs.saturating_sub(1) };
    (pairs > 1).then_some(2 * pairs + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_where_nltk_ends_them() {
        assert_eq!(sentences("").len(), 0);
        assert_eq!(sentences("No end"), ["No end"]);
        assert_eq!(
            sentences("Dr. Smith came at 5 p.m. on Monday. He said \"Hi.\" Then (oddly!) he left... Why? "),
            ["Dr. Smith came at 5 p.m. on Monday.", "He said \"Hi.\"", "Then (oddly!)", "he left... Why?"]
        );
        assert_eq!(sentences("J. Bach wrote it.").len(), 1);
    }
}
