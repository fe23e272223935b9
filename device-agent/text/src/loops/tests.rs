//! Loops are found, and true text is not taken for one.

use super::*;

fn lines(count: u32, line: impl Fn(u32) -> String) -> String {
    (0..count).map(line).collect::<Vec<_>>().concat()
}

/// Ids of words and of what is between them: coarse enough to repeat as tokens do.
fn ids(text: &str) -> Vec<(u32, bool)> {
    let mut out = Vec::new();
    let mut known = std::collections::HashMap::new();
    let mut word = String::new();
    let mut flush = |word: &mut String| {
        if !word.is_empty() {
            let next = known.len() as u32;
            let blank = word.trim().is_empty();
            out.push((*known.entry(std::mem::take(word)).or_insert(next), blank));
        }
    };
    for letter in text.chars() {
        let begins =
            !letter.is_alphanumeric() || (word.trim().is_empty() && !word.is_empty() && letter != ' ');
        if begins && !(word == " " && letter.is_alphanumeric()) {
            flush(&mut word);
        }
        word.push(letter);
    }
    flush(&mut word);
    out
}

fn verdict(tokens: &[(u32, bool)]) -> Option<Loop> {
    let mut detector = LoopDetector::new();
    tokens.iter().find_map(|(id, blank)| detector.push(*id, *blank))
}

fn cycle(before: usize, period: usize, rounds: usize) -> Vec<(u32, bool)> {
    let lead = (0..before as u32).map(|id| (10_000 + id, false));
    let round = (0..period as u32).map(|id| (id, false));
    lead.chain(std::iter::repeat_n(round, rounds).flatten()).collect()
}

#[test]
fn one_token_forever() {
    let found = verdict(&cycle(30, 1, 1000)).unwrap();
    assert_eq!(found, Loop { kind: LoopKind::OneToken, from_token: 30, tokens: 192 });
}

#[test]
fn a_sentence_forever_is_found_at_its_fifth_round() {
    for period in [9, 26, 40, 100, 256] {
        let found = verdict(&cycle(17, period, 40)).unwrap();
        assert_eq!(found.kind, LoopKind::Cycle { period: period as u32 });
        assert_eq!(found.from_token, 17);
        assert_eq!(found.tokens as usize, 128.max(period * 5));
    }
}

#[test]
fn a_short_cycle_keeps_its_own_period_and_patience() {
    for period in [2, 3, 5, 8] {
        let found = verdict(&cycle(4, period, 400)).unwrap();
        assert_eq!(found.kind, LoopKind::Cycle { period: period as u32 });
        assert_eq!((found.from_token, found.tokens), (4, 192));
    }
}

#[test]
fn a_flood_of_blank_lines() {
    let mut tokens = cycle(3, 5, 1);
    tokens.extend((0..200).map(|at| (500 + at % 3, true)));
    let found = verdict(&tokens).unwrap();
    assert_eq!(found, Loop { kind: LoopKind::Blank, from_token: 8, tokens: 64 });
}

#[test]
fn just_short_of_a_loop_is_none() {
    assert_eq!(verdict(&cycle(9, 1, 191)), None);
    assert_eq!(verdict(&cycle(9, 3, 63)), None);
    assert_eq!(verdict(&cycle(9, 100, 4)), None);
    assert_eq!(verdict(&cycle(9, 300, 20)), None, "longer than what is looked for");
}

#[test]
fn a_loop_that_is_left_again_was_found_before() {
    let mut tokens = cycle(0, 30, 5);
    tokens.extend(cycle(60, 1, 1));
    assert!(verdict(&tokens).is_some());
}

#[test]
fn program_text_is_no_loop() {
    for text in [
        include_str!("../loops.rs"),
        include_str!("tests.rs"),
        include_str!("../tokenizer.rs"),
        include_str!("../template/python.rs"),
        include_str!("../data/qwen35.jinja"),
        include_str!("../data/sampling_cards.toml"),
        include_str!("../sampling/tests.rs"),
    ] {
        assert_eq!(verdict(&ids(text)), None);
    }
}

#[test]
fn tables_data_drawings_and_songs_are_no_loops() {
    let table = lines(60, |row| format!("| {row} | {} | ok |\n|---|---|---|\n", row * row));
    let csv = lines(200, |row| format!("{row},0,0,0,0,0,0,{}\n", row % 7));
    let zeros = format!("[{}]", vec!["0"; 64].join(", "));
    let board = "+---+---+---+---+---+---+---+---+\n|   |   | x |   |   |   | o |   |\n".repeat(4);
    let bottles =
        lines(40, |n| format!("{n} bottles of beer on the wall, {n} bottles of beer. Take one down.\n"));
    let chorus = "la la la la la la, oh my my my, la la la la la la\n".repeat(4);
    let json = lines(50, |n| format!("{{\"id\": {n}, \"tags\": [], \"on\": true}},\n"));
    for text in [table, csv, zeros, board, bottles, chorus, json] {
        assert_eq!(verdict(&ids(&text)), None, "{}", &text[..60]);
    }
}
