//! Stated values of answers: one trial asks many items, and the items are what repeats.

use super::value::Bound;
use crate::derive::{Answered, Group};
use crate::quality::{self, Share};
use crate::stats::{ALPHA, ClusteredMean};
use crate::verdict::Verdict;

/// A mean over items, with how sure it is.
pub(super) enum OverItems {
    Share(Share),
    Mean(ClusteredMean),
}

/// `None` for metrics that are not means over items, and for trials without any.
pub(super) fn of_group(group: &Group<'_>, metric: &str) -> Option<OverItems> {
    let answers = || group.attempts.iter().flat_map(|one| &one.answers);
    match metric {
        "accuracy" => quality::share(answers()).map(OverItems::Share),
        "above_chance" => {
            let lead =
                |answer: &Answered<'_>| Some(f64::from(u8::from(answer.right)) - answer.asked()?.chance?);
            ClusteredMean::of(answers().filter_map(|answer| Some((answer.cluster(), lead(answer)?))))
                .map(OverItems::Mean)
        }
        _ => None,
    }
}

impl OverItems {
    pub(super) fn interval(&self, confidence: f64) -> Option<(f64, f64)> {
        match self {
            Self::Share(share) => share.interval(confidence),
            Self::Mean(mean) => mean.interval(confidence),
        }
    }

    fn method(&self) -> String {
        match self {
            Self::Share(share) => share.method(),
            Self::Mean(mean) => format!("over {} items in {} clusters", mean.values, mean.clusters()),
        }
    }

    /// Each side of the bound with the usual chance of a false answer.
    pub(super) fn judge(&self, bound: Bound, shown: &str, asked: &str) -> (Verdict, String) {
        let by = self.method();
        let Some((low, high)) = self.interval(1.0 - 2.0 * ALPHA) else {
            return (Verdict::CannotTell, format!("{shown}, {by}: too few to decide"));
        };
        let (least, most) = bound.limits();
        if low >= least && high <= most {
            (Verdict::Holds, format!("{shown} shows {asked} ({by})"))
        } else if high < least || low > most {
            (Verdict::Fails, format!("{shown} rules out {asked} ({by})"))
        } else {
            (
                Verdict::CannotTell,
                format!("{shown} allows {asked} and its opposite ({by}); more items narrow it"),
            )
        }
    }
}
