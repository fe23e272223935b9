//! What became of the planned trials, in numbers and as an exit code.

use dyno_reports::bundle::Outcome;

use crate::exit::Exit;

/// What became of the planned trials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Tally {
    pub(crate) planned: usize,
    pub(crate) done: usize,
    /// Measured, and kept out of every verdict.
    pub(crate) invalid: usize,
    pub(crate) failed: usize,
    pub(crate) interrupted: bool,
}

impl Tally {
    /// The last outcome of each trial.
    pub(super) fn count<'a>(&mut self, outcomes: impl Iterator<Item = &'a Outcome>) {
        for outcome in outcomes {
            match outcome {
                Outcome::Done => self.done += 1,
                Outcome::Invalid { .. } => self.invalid += 1,
                Outcome::Failed { .. } => self.failed += 1,
            }
        }
    }

    /// `run` answers for completeness, whatever the verdicts say.
    pub(crate) fn exit(self) -> Exit {
        if self.interrupted {
            Exit::Interrupted
        } else if self.failed > 0 || self.done + self.invalid < self.planned {
            Exit::Device
        } else if self.invalid > 0 {
            Exit::CannotTell
        } else {
            Exit::Done
        }
    }
}
