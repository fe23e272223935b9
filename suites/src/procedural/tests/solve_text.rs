//! Answers of the text tasks, from the prompt alone.

use std::collections::BTreeSet;

pub(super) fn arithmetic(prompt: &str) -> String {
    let sum = prompt.strip_suffix('=').unwrap();
    let at = sum.find(['+', '-', '*']).unwrap();
    let (left, right): (i128, i128) = (sum[..at].parse().unwrap(), sum[at + 1..].parse().unwrap());
    match &sum[at..=at] {
        "+" => left + right,
        "-" => left - right,
        _ => left * right,
    }
    .to_string()
}

pub(super) fn symbols(prompt: &str) -> String {
    let words: Vec<&str> = prompt.split(' ').collect();
    let last = words[words.len() - 1];
    match words[0] {
        "copy" => last.to_owned(),
        "reverse" => last.chars().rev().collect(),
        "sort" => {
            let mut bytes = last.as_bytes().to_vec();
            bytes.sort_unstable();
            String::from_utf8(bytes).unwrap()
        }
        pair => {
            let (from, to) = pair.split_once('>').unwrap();
            assert!(last.contains(from), "nothing to replace in {prompt}");
            last.replace(from, to)
        }
    }
}

pub(super) fn lookup(prompt: &str) -> String {
    let (list, asked) = prompt.rsplit_once(' ').unwrap();
    let asked = asked.trim_end_matches('?');
    let found: Vec<&str> =
        list.split(' ').filter_map(|pair| pair.strip_prefix(asked)?.strip_prefix('=')).collect();
    assert_eq!(found.len(), 1, "{asked} must be in the list once");
    found[0].to_owned()
}

pub(super) fn order(prompt: &str) -> String {
    let mut beats: BTreeSet<(&str, &str)> = BTreeSet::new();
    let sentences: Vec<Vec<&str>> =
        prompt.split_terminator(['.', '?']).map(|s| s.trim().split(' ').collect()).collect();
    let (question, facts) = sentences.split_last().unwrap();
    beats.extend(facts.iter().map(|fact| (fact[0], fact[2])));
    loop {
        let joined: Vec<_> = beats
            .iter()
            .flat_map(|&(a, b)| beats.iter().filter(move |(c, _)| *c == b).map(move |&(_, d)| (a, d)))
            .filter(|pair| !beats.contains(pair))
            .collect();
        if joined.is_empty() {
            break;
        }
        beats.extend(joined);
    }
    let (yes, no) =
        (beats.contains(&(question[1], question[3])), beats.contains(&(question[3], question[1])));
    assert!(yes != no, "the facts must settle the question: {prompt}");
    super::super::item::yes_no(yes).to_owned()
}

pub(super) fn logic(prompt: &str) -> String {
    let (given, question) = prompt.split_once(". ").unwrap();
    let mut text = question.trim_end_matches('?').to_owned();
    for bit in given.split(' ') {
        let (name, value) = bit.split_once('=').unwrap();
        // Names are single letters; operators are words, so only whole words are put in.
        text = text
            .replace('(', "( ")
            .replace(')', " )")
            .split_whitespace()
            .map(|word| if word == name { value } else { word })
            .collect::<Vec<_>>()
            .join(" ");
    }
    let words: Vec<&str> = text.split(' ').collect();
    let mut at = 0;
    let truth = expression(&words, &mut at);
    assert_eq!(at, words.len(), "left over: {text}");
    super::super::item::yes_no(truth).to_owned()
}

fn expression(words: &[&str], at: &mut usize) -> bool {
    let mut value = operand(words, at);
    while *at < words.len() && words[*at] != ")" {
        let operator = words[*at];
        *at += 1;
        let right = operand(words, at);
        value = match operator {
            "and" => value & right,
            "or" => value | right,
            "xor" => value ^ right,
            other => panic!("{other} is no operator"),
        };
    }
    value
}

fn operand(words: &[&str], at: &mut usize) -> bool {
    let word = words[*at];
    *at += 1;
    match word {
        "not" => !operand(words, at),
        "(" => {
            let value = expression(words, at);
            *at += 1;
            value
        }
        bit => bit == "1",
    }
}
