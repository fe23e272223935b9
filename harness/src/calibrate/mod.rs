//! What Dyno's own numbers are worth: on simulated devices whose truth is known, how often intervals hold it, how
//! often something is said to have changed when nothing has, and how often a true change is seen.
//!
//! Everything is planned, driven, derived and judged by the code that does so for real devices; only the device is
//! another one. Owns no statistics but those of its own table.

mod in_process;
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
    /// Where a share of intervals has to lie.
    coverage: (f64, f64),
}

impl Effort {
    /// For the documents: shares are known to a per cent or so.
    pub(crate) const FULL: Self = Self { short_sittings: 4000, coverage: (0.93, 0.97) };
    /// For a pipeline: minutes matter, so that only what is badly wrong is seen.
    pub(crate) const QUICK: Self = Self { short_sittings: 120, coverage: (0.86, 1.0) };
}

/// The device without heat, on which everything but the truth is chance.
const DRIFTING: &str = "sim-drifting";

pub(crate) fn calibrate(
    definitions: &Definitions,
    effort: Effort,
    screen: &mut Screen<'_>,
) -> anyhow::Result<Vec<Row>> {
    let mut bench = Bench::new(definitions);
    let drifting = definitions.simulated(DRIFTING)?;
    screen.say("short work: rates and times");
    let (mut rows, rates) = short_work::rows(&mut bench, drifting, effort.short_sittings, effort.coverage)?;
    rows.extend(peer::rows(&rates));
    Ok(rows)
}
