//! Axes: what the cells of one case differ in, by the names that cells, claims and the command line share.

use dyno_protocol::Thinking;

/// Tokens of the prompt that is read.
pub(crate) const PROMPT: &str = "prompt";
/// Tokens of context behind which is written.
pub(crate) const DEPTH: &str = "depth";
/// Tokens of context that are allocated, used or not.
pub(crate) const CONTEXT: &str = "context";
/// Pixels along one side of a square picture.
pub(crate) const PICTURE: &str = "picture";
/// The mode in which items are answered.
pub(crate) const THINKING: &str = "thinking";
/// The most tokens of an answer.
pub(crate) const CAP: &str = "cap";

/// All of them; `shard` is the part of a task's items that one of several devices asks.
pub const AXES: &[&str] = &[PROMPT, DEPTH, CONTEXT, PICTURE, THINKING, CAP, "shard"];

/// Values for axes instead of the case's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AxisValues {
    pub depths: Option<Vec<u32>>,
    pub prompts: Option<Vec<u32>>,
    pub contexts: Option<Vec<u32>>,
    pub thinking: Option<Vec<Thinking>>,
    pub caps: Option<Vec<u32>>,
}

impl AxisValues {
    /// Of an axis of numbers.
    pub(crate) fn numbers(&self, axis: &str) -> Option<&[u32]> {
        match axis {
            DEPTH => self.depths.as_deref(),
            PROMPT => self.prompts.as_deref(),
            CONTEXT => self.contexts.as_deref(),
            _ => None,
        }
    }
}
