//! A task's items for a cell: the ones that are asked, this device's share of them.

use dyno_protocol::Thinking;
use dyno_reports::cell::Cell;
use dyno_suites::task::{Item, chosen, share};
use dyno_suites::{AxisValues, Case, Words, Work};

/// Those that are asked in a cell: the first so many in the order that is everybody's, and of these its shard.
pub(crate) fn of_cell(items: Vec<Item>, count: Option<u32>, cell: &Cell) -> Vec<Item> {
    let items = chosen(items, count);
    match cell.axes.get("shard").and_then(|shard| shard.split_once('/')) {
        Some((number, of)) => share(items, number.parse().unwrap_or(1), of.parse().unwrap_or(1)),
        None => items,
    }
}

/// The work of the variant that a cell is of.
pub(crate) fn work_of(case: &Case, cell: &Cell) -> Option<Work> {
    let thinking = cell.axes.get("thinking").and_then(|word| Thinking::from_word(word));
    let cap: Option<u32> = cell.axes.get("cap").and_then(|cap| cap.parse().ok());
    let chosen = AxisValues {
        thinking: thinking.map(|thinking| vec![thinking]),
        caps: cap.map(|cap| vec![cap]),
        ..AxisValues::default()
    };
    let mut axes = cell.axes.clone();
    axes.remove("shard");
    case.variants_at(&chosen).into_iter().find(|variant| variant.axes == axes).map(|variant| variant.work)
}
