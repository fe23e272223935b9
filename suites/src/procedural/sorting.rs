//! Digits or letters to be put in order. The rationale inserts one symbol after another.

use super::draw::Draw;
use super::item::Draft;

const fn length(level: u32) -> u32 {
    match level {
        1 => 3,
        2 => 4,
        3 => 6,
        4 => 9,
        _ => 14,
    }
}

pub(super) fn draft(level: u32, draw: &mut Draw) -> Draft {
    let alphabet: &[u8] = if draw.coin() { b"0123456789" } else { b"abcdefghijklmnopqrstuvwxyz" };
    let symbols: Vec<char> = (0..length(level)).map(|_| char::from(draw.pick(alphabet))).collect();
    let mut sorted: Vec<char> = Vec::new();
    let mut steps = Vec::new();
    for &symbol in &symbols {
        let place = sorted.partition_point(|&other| other <= symbol);
        sorted.insert(place, symbol);
        steps.push(sorted.iter().collect::<String>());
    }
    let plain: String = symbols.iter().collect();
    Draft::text(format!("sort {plain}"), sorted.iter().collect::<String>(), steps.join(" "))
}
