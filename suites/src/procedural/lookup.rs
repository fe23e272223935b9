//! Finding one value in a list of names and values that grows with the level: the long-context task.
//! Several questions share one list.

use super::draw::Draw;
use super::item::Draft;

const LETTERS: &[u8; 26] = b"abcdefghijklmnopqrstuvwxyz";

const fn pairs(level: u32) -> usize {
    match level {
        1 => 2,
        2 => 4,
        3 => 8,
        4 => 24,
        5 => 80,
        _ => 320,
    }
}

pub(super) fn draft(level: u32, scene: &mut Draw, question: &mut Draw) -> Draft {
    let count = pairs(level);
    let keys = keys(count, scene);
    let values: Vec<u32> = keys.iter().map(|_| scene.below(10)).collect();
    let asked = question.below(count as u32) as usize;
    let list: Vec<String> = keys.iter().zip(&values).map(|(key, value)| format!("{key}={value}")).collect();
    let (key, value) = (&keys[asked], values[asked]);
    Draft::text(format!("{} {key}?", list.join(" ")), value.to_string(), format!("{key}={value}"))
        .among(0..10)
}

fn keys(count: usize, scene: &mut Draw) -> Vec<String> {
    if count <= LETTERS.len() {
        return scene.distinct(LETTERS, count).into_iter().map(|c| char::from(c).to_string()).collect();
    }
    let every: Vec<[u8; 2]> = LETTERS.iter().flat_map(|&a| LETTERS.iter().map(move |&b| [a, b])).collect();
    let pick = scene.distinct(&every, count);
    pick.into_iter().map(|[a, b]| format!("{}{}", char::from(a), char::from(b))).collect()
}
