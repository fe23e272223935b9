//! Who beats whom: facts about neighbours in a hidden ranking, given in any order, and one question about
//! two of them. Half of the answers are yes.

use super::draw::Draw;
use super::item::{Draft, yes_no};

const PEOPLE: [&str; 12] =
    ["Ann", "Bob", "Cid", "Dee", "Eve", "Fay", "Gus", "Hal", "Ida", "Jim", "Kit", "Leo"];

const fn people(level: u32) -> usize {
    match level {
        1 => 2,
        2 => 3,
        3 => 4,
        4 => 6,
        _ => 10,
    }
}

pub(super) fn draft(level: u32, draw: &mut Draw) -> Draft {
    let count = people(level);
    // From the best to the worst; each beats everyone after.
    let ranking = draw.distinct(&PEOPLE, count);
    let mut facts: Vec<String> =
        ranking.windows(2).map(|pair| format!("{} beats {}.", pair[0], pair[1])).collect();
    draw.shuffle(&mut facts);
    // Above the first levels the two are never neighbours, or the answer could be read off one fact.
    let gap = if count > 2 { 2 } else { 1 };
    let better = draw.below((count - gap) as u32) as usize;
    let worse = draw.between((better + gap) as u32, count as u32 - 1) as usize;
    let truth = draw.coin();
    let (first, second) = if truth { (better, worse) } else { (worse, better) };
    let prompt = format!("{} Does {} beat {}?", facts.join(" "), ranking[first], ranking[second]);
    Draft::text(prompt, yes_no(truth), ranking[better..=worse].join(">")).yes_no()
}
