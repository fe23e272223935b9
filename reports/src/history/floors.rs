//! How much a device's numbers stray when nothing changed: from runs of a build against itself, and from sessions
//! of one build.

use std::collections::BTreeMap;

use crate::compare::{Comparison, Floors, Spread};

/// One mean of one session.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionMean<'a> {
    pub device_id: &'a str,
    pub metric: &'a str,
    /// What has to be equal for two sessions to be of one thing: cell, build, weights and epoch.
    pub group: &'a str,
    pub value: f64,
}

/// What one interleaved comparison of equals found.
#[derive(Debug, Clone, PartialEq)]
pub struct AgainstItself {
    /// The device as it is called in cells.
    pub device: String,
    pub metric: String,
    /// The logarithm of the ratio, and its standard error by the pairs alone.
    pub effect: f64,
    pub error: f64,
}

/// Fewer comparisons of equals say nothing about how they stray.
const ENOUGH: usize = 3;

/// The floors of all devices. Order does not matter. Comparisons come with the device's id.
pub fn floors_of<'a>(
    sessions: impl IntoIterator<Item = SessionMean<'a>>,
    against_itself: impl IntoIterator<Item = (&'a str, &'a str, f64, f64)>,
) -> Floors {
    let mut floors = Floors::default();
    let mut groups: BTreeMap<(&str, &str), BTreeMap<&str, Vec<f64>>> = BTreeMap::new();
    for one in sessions {
        if one.value > 0.0 {
            let of_metric = groups.entry((one.device_id, one.metric)).or_default();
            of_metric.entry(one.group).or_default().push(one.value.ln());
        }
    }
    for ((device, metric), groups) in groups {
        let (mut squares, mut freedom) = (0.0, 0.0);
        for values in groups.into_values() {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            squares += values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
            freedom += values.len() as f64 - 1.0;
        }
        if freedom >= ENOUGH as f64 - 1.0 {
            let spread = Spread { deviation: (squares / freedom).sqrt(), freedom };
            floors.devices.entry(device.to_owned()).or_default().sessions.insert(metric.to_owned(), spread);
        }
    }
    let mut equals: BTreeMap<(&str, &str), Vec<(f64, f64)>> = BTreeMap::new();
    for (device, metric, effect, error) in against_itself {
        equals.entry((device, metric)).or_default().push((effect, error));
    }
    for ((device, metric), found) in equals {
        if found.len() >= ENOUGH {
            let beyond = found.iter().map(|(effect, error)| effect.powi(2) - error.powi(2)).sum::<f64>();
            let count = found.len() as f64;
            let spread = Spread { deviation: (beyond / count).max(0.0).sqrt(), freedom: count };
            floors.devices.entry(device.to_owned()).or_default().paired.insert(metric.to_owned(), spread);
        }
    }
    floors
}

/// What the run of a build against itself says; nothing for a comparison of two different things.
pub fn from_itself(comparison: &Comparison) -> Vec<AgainstItself> {
    let differs = |what: &str| comparison.differences.iter().any(|found| found.what == what);
    if ["agent build", "engine version", "weights", "format of the weights"].into_iter().any(differs) {
        return Vec::new();
    }
    let rows = comparison.rows.iter().filter_map(|row| {
        let effect = row.effect.as_ref().filter(|effect| effect.paired && effect.relative)?;
        Some(AgainstItself {
            device: row.cell.device.clone(),
            metric: row.metric.clone(),
            effect: (1.0 + effect.change).ln(),
            error: effect.error?,
        })
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(group: &str, value: f64) -> SessionMean<'_> {
        SessionMean { device_id: "d", metric: "m", group, value }
    }

    #[test]
    fn sessions_stray_around_their_own_build_and_not_around_each_other() {
        // Two builds far apart, each with sessions one percent around its mean.
        let sessions = [("a", 99.0), ("a", 101.0), ("b", 198.0), ("b", 202.0)];
        let found = floors_of(sessions.map(|(group, value)| mean(group, value)), []);
        let spread = found.devices["d"].sessions["m"];
        assert!(
            (spread.deviation - 0.0141).abs() < 1e-3 && (spread.freedom - 2.0).abs() < 1e-12,
            "{spread:?}"
        );
        assert!(
            floors_of([mean("a", 1.0), mean("b", 2.0)], []).devices.is_empty(),
            "one session strays from nothing"
        );
    }

    #[test]
    fn what_pairs_explain_is_no_floor() {
        let explained = [("d", "m", 0.01, 0.01), ("d", "m", -0.01, 0.012), ("d", "m", 0.005, 0.01)];
        assert!(floors_of([], explained).devices["d"].paired["m"].deviation.abs() < 1e-12);
        let beyond = [("d", "m", 0.05, 0.01), ("d", "m", -0.05, 0.01), ("d", "m", 0.05, 0.01)];
        let spread = floors_of([], beyond).devices["d"].paired["m"];
        assert!((spread.deviation - (0.0025_f64 - 0.0001).sqrt()).abs() < 1e-9);
        assert!(floors_of([], beyond.into_iter().take(2)).devices.is_empty());
    }
}
