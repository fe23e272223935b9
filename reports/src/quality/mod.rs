//! Answers put together: what each configuration got right, and what may be said of one against another. Every number
//! here is made of stored answers, judged by the rules at hand.

mod accuracy;
mod compare;
mod contest;
mod inspect;
mod published;
mod rows;
mod screen;
mod sides;
#[cfg(test)]
mod tests;

use dyno_suites::Definitions;

use crate::derive::Group;

pub(crate) use accuracy::{Share, share};
pub use published::PublishedContest;
pub use rows::{
    Comparison, Configuration, Contest, ContestTask, InspectedAnswer, InspectedItem, Kind, Quality, Ratios,
    TaskRow,
};

impl Quality {
    pub(crate) fn of(groups: &[Group<'_>], definitions: &Definitions) -> Self {
        let sides = sides::all(groups, definitions);
        Self {
            published: if sides.is_empty() { Vec::new() } else { published::contests() },
            tasks: sides.iter().map(accuracy::row).collect(),
            comparisons: compare::all(&sides, definitions),
            contests: contest::all(&sides, definitions),
            items: inspect::items(&sides),
        }
    }
}
