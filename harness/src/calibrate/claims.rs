//! Claims at the edge: how often one that is false by a hair is said to hold, and one that is true by a hair to fail.

use std::collections::BTreeMap;

use dyno_reports::analysis::Summary;
use dyno_reports::stats::{Answer, Fit, Placed, about, at_least};

use super::rows::{About, Row};

/// The tolerance of a claim that says "about".
const TOLERANCE: f64 = 0.05;

#[derive(Debug, Default)]
pub(super) struct Claims {
    tried: u64,
    at_least_holds: u64,
    at_least_fails: u64,
    about_holds: u64,
    about_fails: u64,
}

impl Claims {
    /// Judges claims that are set on the truth itself, by the tests that judge real ones.
    pub(super) fn add(&mut self, summary: &Summary, truth: f64) {
        let Some(fit) = fit(summary) else { return };
        let count = |found: Answer, wrong: Answer| u64::from(found == wrong);
        self.tried += 1;
        let least = at_least(&fit, truth);
        self.at_least_holds += count(least, Answer::Yes);
        self.at_least_fails += count(least, Answer::No);
        let edge = about(&fit, truth, truth * (1.0 + 2.0 * TOLERANCE));
        self.about_holds += count(edge, Answer::Yes);
        self.about_fails += count(edge, Answer::No);
    }

    pub(super) fn rows(&self, wanted: (f64, f64)) -> Vec<Row> {
        let row =
            |what: &str, wrong: u64| Row::share(About::FalseAlarms, what, wrong, self.tried, Some(wanted));
        vec![
            row("a claim of \"at least\" holds that is false by a hair", self.at_least_holds),
            row("a claim of \"at least\" fails that is true by a hair", self.at_least_fails),
            row("a claim of \"about\" holds that is false by a hair", self.about_holds),
            row("a claim of \"about\" fails that is true by a hair", self.about_fails),
        ]
    }
}

/// The fit that the summary was made of.
fn fit(summary: &Summary) -> Option<Fit> {
    let mut sessions: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let mut trials: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let place = |seen: &mut BTreeMap<(&str, &str), u32>, key| {
        let next = seen.len() as u32;
        *seen.entry(key).or_insert(next)
    };
    let mut placed = Vec::with_capacity(summary.samples.len());
    for sample in &summary.samples {
        let run = sample.run_id.as_str();
        placed.push(Placed {
            session: place(&mut sessions, (run, sample.session.0.as_str())),
            trial: place(&mut trials, (run, sample.trial.0.as_str())),
            value: sample.value,
        });
    }
    Fit::of(&placed)
}
