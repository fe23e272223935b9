//! What Dyno's own numbers are worth: on simulated devices whose truth is known, how often intervals hold it, how
//! often something is said to have changed when nothing has, and how often a true change is seen.
//!
//! Everything is planned, driven, derived and judged by the code that does so for real devices; only the device is
//! another one. Owns no statistics but those of its own table.

mod claims;
mod in_process;
mod long_work;
mod pairs;
mod peer;
mod rows;
mod short_work;
mod sittings;
mod tally;

use dyno_suites::Definitions;

use crate::screen::Screen;
use sittings::Bench;

pub(crate) use rows::{Answer, Row};

/// How much is tried, and what is asked of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    short_sittings: u64,
    /// Sittings of ten minutes, and of an hour.
    long_sittings: (u64, u64),
    /// Comparisons without a difference, and with each of several.
    comparisons: (u64, u64),
    /// The most that all comparisons without a difference may raise of false alarms, the interval included.
    false_alarms: f64,
    /// Where a share of intervals has to lie.
    coverage: (f64, f64),
    /// The most that a share of false answers may be, its interval included.
    false_answers: f64,
}

impl Effort {
    /// For the documents: shares are known to a per cent or so.
    pub(crate) const FULL: Self = Self {
        short_sittings: 4000,
        long_sittings: (1000, 500),
        comparisons: (1000, 300),
        false_alarms: 0.065,
        coverage: (0.93, 0.97),
        false_answers: 0.08,
    };
    /// For a pipeline: minutes matter, so that only what is badly wrong is seen.
    pub(crate) const QUICK: Self = Self {
        short_sittings: 120,
        long_sittings: (10, 6),
        comparisons: (40, 10),
        false_alarms: 0.25,
        coverage: (0.86, 1.0),
        false_answers: 0.25,
    };
}

/// The device without heat, on which everything but the truth is chance.
const DRIFTING: &str = "sim-drifting";
/// The phone, with a coarse gauge and with a fine one.
const PHONES: [&str; 2] = ["sim-iphone", "sim-iphone-1pct"];

pub(crate) fn calibrate(
    definitions: &Definitions,
    effort: Effort,
    screen: &mut Screen<'_>,
) -> anyhow::Result<Vec<Row>> {
    let mut bench = Bench::new(definitions);
    let drifting = definitions.simulated(DRIFTING)?;
    screen.say("short work: rates and times");
    let (mut rows, rates) =
        short_work::rows(&mut bench, drifting, effort.short_sittings, effort.coverage, effort.false_answers)?;
    rows.extend(peer::rows(&rates));
    screen.say("comparisons: two engines in turn");
    let (nothing, some) = effort.comparisons;
    rows.extend(pairs::rows(&mut bench, drifting, nothing, some, (0.0, effort.false_alarms))?);
    let (minutes, hours) = effort.long_sittings;
    let phone = definitions.simulated(PHONES[0])?;
    for looked in [&long_work::COURSE, &long_work::TELEMETRY] {
        screen.say(&format!("long work: {}", looked.by));
        rows.extend(long_work::rows(&mut bench, phone, looked, minutes, effort.coverage)?);
    }
    for id in PHONES {
        screen.say(&format!("long work: {} of {id}", long_work::TICKS.by));
        let phone = definitions.simulated(id)?;
        rows.extend(long_work::rows(&mut bench, phone, &long_work::TICKS, hours, effort.coverage)?);
    }
    Ok(rows)
}
