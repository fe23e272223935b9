//! Change points: published series have their published answers, stable series have none more often than stated, and
//! a step is found soon.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::path::Path;

use dyno_reports::history::{Detection, Way, change_points};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

/// One published series with its source, its licence and its answer.
#[derive(Debug, Deserialize)]
struct Published {
    values: Vec<f64>,
    change_points: Vec<usize>,
}

fn published(name: &str) -> Published {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/published/series-{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn found(values: &[f64], how: &Detection) -> Vec<usize> {
    change_points(values, how).into_iter().map(|change| change.index).collect()
}

#[test]
fn published_series_have_their_published_change_points() {
    for name in ["mongodb-random-steps", "otava-two-steps", "nile"] {
        let series = published(name);
        assert_eq!(found(&series.values, &Detection::default()), series.change_points, "{name}");
    }
}

#[test]
fn small_changes_and_the_other_way_do_not_count() {
    let series = published("nile");
    assert!(found(&series.values, &Detection { way: Some(Way::Up), ..Detection::default() }).is_empty());
    let down = Detection { way: Some(Way::Down), least_change: 0.2, ..Detection::default() };
    assert_eq!(found(&series.values, &down), [28]);
    assert!(found(&series.values, &Detection { least_change: 0.3, ..down }).is_empty());
}

#[test]
fn the_suspects_hold_the_change_and_little_else() {
    let series = published("otava-two-steps");
    let changes = change_points(&series.values, &Detection::default());
    assert_eq!(changes.iter().map(|change| change.suspects).collect::<Vec<_>>(), [(5, 5), (8, 8)]);
    let nile = change_points(&published("nile").values, &Detection::default());
    let (first, last) = nile[0].suspects;
    assert!(first <= 28 && 28 <= last && last - first <= 8, "{first} to {last}");
}

#[test]
fn odd_series_are_answered() {
    for series in
        [vec![], vec![1.0], vec![2.0; 50], vec![0.0, 1.0], vec![f64::MAX, f64::MIN, 0.0, 1.0, 2.0, 3.0]]
    {
        assert!(change_points(&series, &Detection::default()).is_empty(), "{series:?}");
    }
    // The seed decides, and nothing else does.
    let series = published("mongodb-random-steps").values;
    assert_eq!(change_points(&series, &Detection::default()), change_points(&series, &Detection::default()));
}

fn normal(random: &mut ChaCha8Rng) -> f64 {
    let (one, other): (f64, f64) = (random.random(), random.random());
    (-2.0 * (1.0 - one).ln()).sqrt() * (std::f64::consts::TAU * other).cos()
}

/// Heavy tails and all: every seventh point or so has three times the noise.
fn noisy(random: &mut ChaCha8Rng, level: f64, noise: f64) -> f64 {
    let wide = if random.random_bool(0.15) { 3.0 } else { 1.0 };
    level * (1.0 + noise * wide * normal(random))
}

/// The largest share of false alarms that a rate of five percent explains in a thousand series: five percent and
/// three of its standard errors.
const MOST_FALSE: u32 = 50 + 21;

#[test]
fn stable_series_raise_no_more_alarms_than_stated() {
    for heavy in [false, true] {
        let mut random = ChaCha8Rng::seed_from_u64(11);
        let alarms = (0..1_000).filter(|series| {
            let points: Vec<f64> = (0..40)
                .map(|_| {
                    if heavy {
                        noisy(&mut random, 30.0, 0.02)
                    } else {
                        30.0 * (1.0 + 0.02 * normal(&mut random))
                    }
                })
                .collect();
            let how = Detection { seed: *series, permutations: 199, ..Detection::default() };
            !change_points(&points, &how).is_empty()
        });
        let alarms = alarms.count() as u32;
        assert!(alarms <= MOST_FALSE, "{alarms} of 1000, heavy tails: {heavy}");
        assert!(
            alarms >= 15,
            "{alarms} of 1000: a test that never alarms does not hold its rate, it does nothing"
        );
    }
}

#[test]
fn a_step_of_three_percent_in_noise_of_two_is_found_within_ten_points() {
    let mut random = ChaCha8Rng::seed_from_u64(12);
    let in_time = (0..500).filter(|series| {
        let mut points: Vec<f64> = (0..40).map(|_| 30.0 * (1.0 + 0.02 * normal(&mut random))).collect();
        points.extend((0..10).map(|_| 30.0 * 0.97 * (1.0 + 0.02 * normal(&mut random))));
        let how =
            Detection { seed: *series, permutations: 199, way: Some(Way::Down), ..Detection::default() };
        // Found when the tenth point after it is in, or sooner, and at its place.
        (4..=10).any(|after| {
            change_points(&points[..40 + after], &how).iter().any(|change| change.index.abs_diff(40) <= 5)
        })
    });
    let in_time = in_time.count();
    assert!(in_time >= 450, "{in_time} of 500");
}
