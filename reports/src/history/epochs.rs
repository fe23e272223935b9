//! Baseline epochs: where numbers before and after are not of one thing. A new system, another device, a worn battery
//! or a changed definition begins a new one, and no change point is looked for across it.

use serde::{Deserialize, Serialize};

/// What has to stay the same within an epoch. `None` is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grounds {
    pub device_id: String,
    pub os_build: Option<String>,
    pub battery_health_percent: Option<u32>,
    /// Versions of suite and case.
    pub definition: String,
}

/// Points between two breaks, both ends included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch {
    pub first: usize,
    pub last: usize,
    /// What began it; empty for the first one.
    pub because: Vec<String>,
}

/// A battery that lost this much since its epoch began is another battery: what it can give without being throttled
/// goes with it.
const WORN_PERCENT: u32 = 5;

/// In the order of the points.
pub fn epochs(points: &[Grounds]) -> Vec<Epoch> {
    let mut epochs: Vec<Epoch> = Vec::new();
    let mut began: Option<Grounds> = None;
    for (index, now) in points.iter().enumerate() {
        let because = began.as_ref().map(|before| breaks(before, now)).unwrap_or_default();
        match epochs.last_mut() {
            Some(current) if because.is_empty() => current.last = index,
            _ => {
                epochs.push(Epoch { first: index, last: index, because });
                began = Some(now.clone());
            }
        }
        // A battery that is read for the first time is held against its own reading from then on.
        if let Some(began) = &mut began {
            began.battery_health_percent = began.battery_health_percent.or(now.battery_health_percent);
        }
    }
    epochs
}

fn breaks(before: &Grounds, now: &Grounds) -> Vec<String> {
    let mut because = Vec::new();
    let mut note = |what: &str, before: &str, now: &str| {
        if before != now {
            because.push(format!("{what}: {before}, then {now}"));
        }
    };
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".to_owned());
    note("device", &before.device_id, &now.device_id);
    note("OS build", &text(&before.os_build), &text(&now.os_build));
    note("definition", &before.definition, &now.definition);
    if let (Some(then), Some(is)) = (before.battery_health_percent, now.battery_health_percent)
        && then.abs_diff(is) >= WORN_PERCENT
    {
        because.push(format!("battery health: {then} %, then {is} %"));
    }
    because
}

#[cfg(test)]
mod tests {
    use super::{Epoch, Grounds, epochs};

    fn grounds(os_build: &str, health: Option<u32>) -> Grounds {
        Grounds {
            device_id: "a".into(),
            os_build: Some(os_build.into()),
            battery_health_percent: health,
            definition: "1.1".into(),
        }
    }

    fn bounds(found: &[Epoch]) -> Vec<(usize, usize)> {
        found.iter().map(|epoch| (epoch.first, epoch.last)).collect()
    }

    #[test]
    fn each_ground_begins_an_epoch_and_says_so() {
        let one = grounds("23A1", None);
        let points = [
            one.clone(),
            one.clone(),
            grounds("23B1", None),
            Grounds { device_id: "b".into(), ..grounds("23B1", None) },
            Grounds { device_id: "b".into(), definition: "1.2".into(), ..grounds("23B1", None) },
        ];
        let found = epochs(&points);
        assert_eq!(bounds(&found), [(0, 1), (2, 2), (3, 3), (4, 4)]);
        assert_eq!(found[1].because, ["OS build: 23A1, then 23B1"]);
        assert!(found[0].because.is_empty() && found[2].because[0].starts_with("device"));
        assert!(epochs(&[]).is_empty());
    }

    #[test]
    fn a_battery_wears_slowly_and_breaks_once() {
        let health = [None, Some(100), Some(98), Some(96), Some(95), Some(94), None, Some(91), Some(90)];
        let points: Vec<_> = health.into_iter().map(|health| grounds("23A1", health)).collect();
        assert_eq!(bounds(&epochs(&points)), [(0, 3), (4, 7), (8, 8)]);
    }
}
