//! One series over time with everything that a reader needs to judge it: epochs, change points with the builds that
//! are suspect, and what people noted.

use dyno_suites::Direction;
use serde::{Deserialize, Serialize};

use super::change_points::{ChangePoint, Detection, change_points};
use super::epochs::{Epoch, Grounds, epochs};
use crate::compare::Judgement;
use crate::evidence::Evidence;

/// One session's mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub run_id: String,
    /// RFC 3339.
    pub at: String,
    /// The agent's executable, by hash where it is known.
    pub build: String,
    pub version: String,
    pub value: f64,
    pub trials: u32,
    pub evidence: Evidence,
    pub grounds: Grounds,
}

/// What somebody wrote down about a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotation {
    /// RFC 3339.
    pub at: String,
    pub who: String,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    pub title: String,
    pub metric: String,
    pub points: Vec<Point>,
    pub epochs: Vec<Epoch>,
    pub changes: Vec<TrendChange>,
    pub annotations: Vec<Annotation>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrendChange {
    pub change: ChangePoint,
    pub judgement: Judgement,
    /// The last build that is not suspect, and every build that is, in their order.
    pub good_build: Option<String>,
    pub suspect_builds: Vec<String>,
}

/// `points` in the order of time. Changes are looked for inside each epoch.
pub fn trend(
    title: &str,
    metric: &str,
    direction: Direction,
    points: Vec<Point>,
    annotations: Vec<Annotation>,
    how: &Detection,
) -> Trend {
    let grounds: Vec<Grounds> = points.iter().map(|point| point.grounds.clone()).collect();
    let epochs = epochs(&grounds);
    let mut changes = Vec::new();
    for epoch in &epochs {
        let values: Vec<f64> = points[epoch.first..=epoch.last].iter().map(|point| point.value).collect();
        for mut change in change_points(&values, how) {
            change.index += epoch.first;
            change.suspects.0 += epoch.first;
            change.suspects.1 += epoch.first;
            changes.push(described(change, epoch, direction, &points));
        }
    }
    Trend { title: title.to_owned(), metric: metric.to_owned(), points, epochs, changes, annotations }
}

fn described(change: ChangePoint, epoch: &Epoch, direction: Direction, points: &[Point]) -> TrendChange {
    let up = change.after > change.before;
    let judgement = match direction {
        Direction::Neutral => Judgement::CannotTell,
        Direction::HigherIsBetter if up => Judgement::Improved,
        Direction::LowerIsBetter if !up => Judgement::Improved,
        _ => Judgement::Regressed,
    };
    let (first, last) = change.suspects;
    let good_build = (first > epoch.first).then(|| points[first - 1].build.clone());
    let mut suspect_builds: Vec<String> = Vec::new();
    for point in &points[first..=last.min(epoch.last)] {
        let known = suspect_builds.contains(&point.build) || good_build.as_ref() == Some(&point.build);
        if !known {
            suspect_builds.push(point.build.clone());
        }
    }
    TrendChange { change, judgement, good_build, suspect_builds }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(index: usize, value: f64, os_build: &str) -> Point {
        Point {
            run_id: format!("run-{index}"),
            at: format!("2026-01-{:02}T00:00:00Z", index + 1),
            build: format!("build-{index}"),
            version: "1".into(),
            value,
            trials: 3,
            evidence: Evidence::Simulated,
            grounds: Grounds {
                device_id: "d".into(),
                os_build: Some(os_build.into()),
                battery_health_percent: None,
                definition: "1.1".into(),
            },
        }
    }

    fn wobble(index: usize) -> f64 {
        [0.0, 0.3, -0.2, 0.1, -0.3, 0.2][index % 6]
    }

    #[test]
    fn a_regression_names_its_builds() {
        let points = (0..20).map(|i| point(i, if i < 11 { 30.0 } else { 27.0 } + wobble(i), "a")).collect();
        let found = trend("t", "m", Direction::HigherIsBetter, points, vec![], &Detection::default());
        assert_eq!(found.changes.len(), 1);
        let change = &found.changes[0];
        assert_eq!((change.change.index, change.judgement), (11, Judgement::Regressed));
        assert_eq!(change.good_build.as_deref(), Some("build-10"));
        assert_eq!(change.suspect_builds, ["build-11"]);
    }

    #[test]
    fn a_new_system_is_an_epoch_and_not_a_regression() {
        let points = (0..20)
            .map(|i| point(i, if i < 11 { 30.0 } else { 27.0 } + wobble(i), if i < 11 { "a" } else { "b" }))
            .collect();
        let found = trend("t", "m", Direction::HigherIsBetter, points, vec![], &Detection::default());
        assert!(found.changes.is_empty());
        assert_eq!(found.epochs.len(), 2);
    }
}
