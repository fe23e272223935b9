//! Moving letters about: say them again, say them backwards, put one letter for another.

use super::draw::Draw;
use super::item::Draft;

const LETTERS: &[u8; 26] = b"abcdefghijklmnopqrstuvwxyz";

const fn length(level: u32) -> u32 {
    match level {
        1 => 3,
        2 => 5,
        3 => 8,
        4 => 12,
        _ => 20,
    }
}

fn letters(level: u32, alphabet: &[u8], draw: &mut Draw) -> Vec<char> {
    (0..length(level)).map(|_| char::from(draw.pick(alphabet))).collect()
}

fn spaced(symbols: &[char]) -> String {
    symbols.iter().map(char::to_string).collect::<Vec<_>>().join(" ")
}

pub(super) fn copy(level: u32, draw: &mut Draw) -> Draft {
    let word = letters(level, LETTERS, draw);
    let plain: String = word.iter().collect();
    Draft::text(format!("copy {plain}"), plain, spaced(&word))
}

pub(super) fn reverse(level: u32, draw: &mut Draw) -> Draft {
    let mut word = letters(level, LETTERS, draw);
    let plain: String = word.iter().collect();
    word.reverse();
    Draft::text(format!("reverse {plain}"), word.iter().collect::<String>(), spaced(&word))
}

pub(super) fn replace(level: u32, draw: &mut Draw) -> Draft {
    let pair = draw.distinct(LETTERS, 2);
    let (from, to) = (char::from(pair[0]), char::from(pair[1]));
    // Few letters besides the replaced one, so that it comes more than once in longer words.
    let mut alphabet = draw.distinct(LETTERS, 4);
    alphabet.push(pair[0]);
    let mut word = letters(level, &alphabet, draw);
    let certain = draw.below(word.len() as u32) as usize;
    word[certain] = from;
    let changed: Vec<char> = word.iter().map(|&c| if c == from { to } else { c }).collect();
    let steps: Vec<String> =
        word.iter().map(|&c| if c == from { format!("{c}>{to}") } else { c.to_string() }).collect();
    let plain: String = word.iter().collect();
    Draft::text(format!("{from}>{to} in {plain}"), changed.iter().collect::<String>(), steps.join(" "))
}
