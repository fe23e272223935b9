//! What a runner hands over once bytes can flow, and what keeps the other end alive.

use std::io::{Read, Write};

use crate::log::Log;

pub struct Line {
    pub from_agent: Box<dyn Read + Send>,
    pub to_agent: Box<dyn Write + Send>,
    pub log: Log,
    pub hold: Box<dyn Hold>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Line").finish_non_exhaustive()
    }
}

/// What keeps the agent's process or tunnel alive; dropping it ends it.
pub trait Hold: Send {
    /// Waits a moment for a clean end, then ends it anyway.
    fn end(&mut self);

    /// How the agent ended, where that can be known; waits a moment for its end.
    fn how_it_ended(&mut self) -> Option<String>;
}
