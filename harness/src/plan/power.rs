//! What a plan's items can show, before any of them is asked.

use std::fmt;

use dyno_reports::stats::{ALPHA, smallest_detectable_difference};
use dyno_suites::{CaseWork, Definitions};
use serde::Serialize;

use crate::selection::Selection;

/// How often the answers of two configurations usually differ.
const USUAL_DISCORDANT: f64 = 0.2;
const POWER: f64 = 0.8;

/// The smallest difference of two configurations that a case's items show, paired.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Power {
    case: String,
    /// At most so many; absent where only the data set's file can tell.
    items: Option<u32>,
    difference: Option<f64>,
}

pub(crate) fn powers(selection: &Selection, definitions: &Definitions) -> Vec<Power> {
    let of_case = |name: &crate::selection::CaseName| {
        let case = format!("{}/{}", name.suite, name.case);
        let (CaseWork::Answer { task, items, .. } | CaseWork::Choose { task, items }) =
            &definitions.case(&case).ok()?.1.work
        else {
            return None;
        };
        let asked = selection.items.or(items.of(selection.short));
        let items = definitions.task(task).ok()?.count(asked);
        let difference = items.and_then(|items| {
            smallest_detectable_difference(u64::from(items), USUAL_DISCORDANT, ALPHA, POWER)
        });
        Some(Power { case, items, difference })
    };
    selection.cases.iter().filter_map(of_case).collect()
}

impl fmt::Display for Power {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.items, self.difference) {
            (Some(items), Some(difference)) => writeln!(
                to,
                "{}: {items} items show two configurations {:.1} points apart or more",
                self.case,
                100.0 * difference
            ),
            _ => writeln!(to, "{}: as many items as the data set has", self.case),
        }
    }
}
