//! The tasks, checked from outside: answers are worked out again from the prompt text and the pixels alone.

mod fingerprints;
mod pixels;
mod properties;
mod solve_pictures;
mod solve_text;

use super::{Item, Split, Task, items};

/// Solves an item without the code that made it.
fn solve(item: &Item) -> String {
    match item.task.parse().expect("items carry known task names") {
        Task::Add | Task::Subtract | Task::Multiply => solve_text::arithmetic(&item.prompt),
        Task::Copy | Task::Reverse | Task::Replace | Task::Sort => solve_text::symbols(&item.prompt),
        Task::Logic => solve_text::logic(&item.prompt),
        Task::Order => solve_text::order(&item.prompt),
        Task::Lookup => solve_text::lookup(&item.prompt),
        Task::Count => solve_pictures::count(item),
        Task::Compare => solve_pictures::compare(item),
        Task::Read => solve_pictures::read(item),
        Task::Bars => solve_pictures::bars(item),
        Task::Spatial => solve_pictures::spatial(item),
        Task::Maze => solve_pictures::maze(item),
    }
}

fn every_cell() -> impl Iterator<Item = (Task, u32)> {
    Task::ALL.into_iter().flat_map(|task| (1..=task.levels()).map(move |level| (task, level)))
}

#[test]
fn answers_are_right_by_an_independent_solver() {
    for (task, level) in every_cell() {
        for split in [Split::Train, Split::HeldOut] {
            for item in items(task, level, split, 11).take(40) {
                assert_eq!(solve(&item), item.answer, "{}: {}", item.id, item.prompt);
            }
        }
    }
}
