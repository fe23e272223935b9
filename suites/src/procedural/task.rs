//! The list of tasks: their names, versions, levels and chance levels.

use std::str::FromStr;

use super::draw::Draw;
use super::item::Draft;
use super::{
    arithmetic, bars, comparing, counting, logic, lookup, maze, ordering, reading, sorting, spatial, symbols,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Task {
    Add,
    Subtract,
    Multiply,
    Copy,
    Reverse,
    Replace,
    Logic,
    Order,
    Sort,
    Lookup,
    Count,
    Compare,
    Read,
    Bars,
    Spatial,
    Maze,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no procedural task {name:?}; the tasks are {known}")]
pub struct UnknownTask {
    pub name: String,
    pub known: String,
}

impl Task {
    pub const ALL: [Self; 16] = [
        Self::Add,
        Self::Subtract,
        Self::Multiply,
        Self::Copy,
        Self::Reverse,
        Self::Replace,
        Self::Logic,
        Self::Order,
        Self::Sort,
        Self::Lookup,
        Self::Count,
        Self::Compare,
        Self::Read,
        Self::Bars,
        Self::Spatial,
        Self::Maze,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Subtract => "subtract",
            Self::Multiply => "multiply",
            Self::Copy => "copy",
            Self::Reverse => "reverse",
            Self::Replace => "replace",
            Self::Logic => "logic",
            Self::Order => "order",
            Self::Sort => "sort",
            Self::Lookup => "lookup",
            Self::Count => "count",
            Self::Compare => "compare",
            Self::Read => "read",
            Self::Bars => "bars",
            Self::Spatial => "spatial",
            Self::Maze => "maze",
        }
    }

    /// Raised with every change of what the task asks; results of different versions are never compared.
    /// `tests/fingerprints.txt` beside this file fails when the items change and this does not.
    pub const fn version(self) -> u32 {
        1
    }

    /// Levels run from 1, which is trivial, to this one.
    pub const fn levels(self) -> u32 {
        match self {
            Self::Add | Self::Subtract | Self::Lookup => 6,
            Self::Copy
            | Self::Reverse
            | Self::Replace
            | Self::Logic
            | Self::Order
            | Self::Sort
            | Self::Count
            | Self::Read => 5,
            Self::Multiply | Self::Compare | Self::Bars | Self::Spatial | Self::Maze => 4,
        }
    }

    pub const fn has_picture(self) -> bool {
        matches!(self, Self::Count | Self::Compare | Self::Read | Self::Bars | Self::Spatial | Self::Maze)
    }

    /// How often the best fixed answer is right, rounded to what a test over drawn items can see.
    pub fn chance(self, level: u32) -> f64 {
        match self {
            Self::Add | Self::Subtract | Self::Multiply => arithmetic::chance(self, level),
            Self::Copy | Self::Reverse | Self::Replace | Self::Sort => 0.0,
            Self::Logic | Self::Order | Self::Compare | Self::Spatial | Self::Maze => 0.5,
            Self::Lookup => 0.1,
            Self::Count => 1.0 / f64::from(counting::most(level)),
            Self::Read => reading::chance(level),
            Self::Bars => 1.0 / f64::from(bars::answers(level)),
        }
    }

    /// How many questions in a row are asked of one picture or list.
    pub(super) const fn questions_per_scene(self) -> u64 {
        match self {
            Self::Lookup | Self::Spatial => 3,
            _ => 1,
        }
    }

    pub(super) fn draft(self, level: u32, scene: &mut Draw, question: &mut Draw) -> Draft {
        match self {
            Self::Add => arithmetic::add(level, question),
            Self::Subtract => arithmetic::subtract(level, question),
            Self::Multiply => arithmetic::multiply(level, question),
            Self::Copy => symbols::copy(level, question),
            Self::Reverse => symbols::reverse(level, question),
            Self::Replace => symbols::replace(level, question),
            Self::Logic => logic::draft(level, question),
            Self::Order => ordering::draft(level, question),
            Self::Sort => sorting::draft(level, question),
            Self::Lookup => lookup::draft(level, scene, question),
            Self::Count => counting::draft(level, question),
            Self::Compare => comparing::draft(level, question),
            Self::Read => reading::draft(level, question),
            Self::Bars => bars::draft(level, question),
            Self::Spatial => spatial::draft(level, scene, question),
            Self::Maze => maze::draft(level, question),
        }
    }
}

impl FromStr for Task {
    type Err = UnknownTask;

    fn from_str(name: &str) -> Result<Self, UnknownTask> {
        Self::ALL
            .into_iter()
            .find(|task| task.name() == name)
            .ok_or_else(|| UnknownTask { name: name.to_owned(), known: Self::ALL.map(Self::name).join(", ") })
    }
}
