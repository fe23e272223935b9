//! Clustered errors, held to published figures and to simulations with a known truth.

use super::*;

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9 * expected.abs().max(1e-3), "{found} {expected}");
}

const VALUES: [f64; 20] =
    [1.0, 0.0, 1.0, 1.0, -1.0, 0.0, 0.0, 1.0, 0.0, -1.0, 1.0, 1.0, 0.0, 0.0, 1.0, -1.0, 0.0, 1.0, 1.0, 0.0];
const CLUSTERS: [&str; 20] =
    ["0", "0", "0", "1", "1", "2", "2", "2", "3", "4", "4", "5", "5", "5", "6", "7", "7", "8", "9", "9"];

/// statsmodels 0.15.0: OLS of these values on a constant, `cov_type="cluster"` with its usual correction and
/// `use_t=True`; interval and p-values by scipy 1.17.1's Student's t with nine degrees of freedom.
#[test]
fn the_clustered_error_is_that_of_statsmodels() {
    let found = ClusteredMean::of(CLUSTERS.into_iter().zip(VALUES)).unwrap();
    assert_eq!((found.values, found.clusters()), (20, 10));
    close(found.mean, 0.3);
    close(found.standard_error.unwrap(), 0.126_271_312_832_505_4);
    let (both, above) = found.p_values().unwrap();
    close(both, 0.041_509_993_380_410_75);
    close(above, 0.020_754_996_690_205_373);
    let (low, high) = found.interval(0.95).unwrap();
    close(low, 0.014_354_445_220_014_944);
    close(high, 0.585_645_554_779_984_9);
}

/// scipy 1.17.1: `sem` and `ttest_1samp(x, 0)` of the same values.
#[test]
fn values_on_their_own_have_the_usual_error() {
    let names: Vec<String> = (0..20).map(|index| index.to_string()).collect();
    let found = ClusteredMean::of(names.iter().map(String::as_str).zip(VALUES)).unwrap();
    close(found.standard_error.unwrap(), 0.163_835_604_381_825_07);
    close(found.p_values().unwrap().0, 0.082_813_842_584_510_05);
}

#[test]
fn too_little_says_nothing() {
    assert_eq!(ClusteredMean::of([]), None);
    let one = ClusteredMean::of([("a", 1.0), ("a", 0.0)]).unwrap();
    assert_eq!(one.standard_error, None);
    assert_eq!((one.interval(0.95), one.bootstrap(0.95, 1), one.p_values()), (None, None, None));
    let same = ClusteredMean::of([("a", 0.0), ("b", 0.0)]).unwrap();
    assert_eq!((same.p_values(), same.smallest_detectable(0.05, 0.8)), (None, None));
}

#[test]
fn four_times_the_items_show_half_the_difference() {
    let names: Vec<String> = (0..400).map(|index| index.to_string()).collect();
    let value = |index: usize| [1.0, 0.0, 0.0, -1.0, 0.0][index % 5];
    let of = |count: usize| {
        let values = names[..count].iter().enumerate().map(|(index, name)| (name.as_str(), value(index)));
        ClusteredMean::of(values).unwrap()
    };
    let (few, many) = (of(100), of(400));
    let least = |mean: &ClusteredMean| mean.smallest_detectable(0.05, 0.8).unwrap();
    assert!((least(&few) / least(&many) - 2.0).abs() < 0.02);
    // As many as there are show just what they show.
    assert_eq!(few.needed_for(least(&few), 0.05, 0.8), Some(100));
    let needed = few.needed_for(least(&many), 0.05, 0.8).unwrap();
    assert!((395..=405).contains(&needed), "{needed}");
    assert_eq!(few.needed_for(0.0, 0.05, 0.8), None);
}

/// Answers of two models to questions about shared pictures, with a known difference.
fn drawn(random: &mut ChaCha8Rng, pictures: usize, lead: f64) -> ClusteredMean {
    let names: Vec<String> = (0..pictures).map(|index| index.to_string()).collect();
    let mut values = Vec::new();
    for name in &names {
        // A picture that is hard for one of them is hard for all of its questions.
        let bias = 0.3 * (f64::from(random.random_range(0_u32..3)) - 1.0);
        for _ in 0..random.random_range(1..=5) {
            let draw: f64 = random.random_range(0.0..1.0);
            let (better, worse) = (0.35 + lead / 2.0 + bias, 0.35 - lead / 2.0 - bias);
            let value = if draw < better {
                1.0
            } else if draw < better + worse {
                -1.0
            } else {
                0.0
            };
            values.push((name.as_str(), value));
        }
    }
    ClusteredMean::of(values).unwrap()
}

#[test]
fn intervals_cover_and_alarms_are_as_rare_as_they_say() {
    const TIMES: u32 = 1500;
    let mut random = ChaCha8Rng::seed_from_u64(26);
    for (pictures, lead) in [(20, 0.0), (60, 0.0), (60, 0.1)] {
        let (mut covered, mut naive_covered, mut alarms) = (0, 0, 0);
        for _ in 0..TIMES {
            let found = drawn(&mut random, pictures, lead);
            let (low, high) = found.interval(0.95).unwrap();
            covered += u32::from(low <= lead && lead <= high);
            alarms += u32::from(found.p_values().is_some_and(|(both, _)| both <= 0.05));
            let alone = found.sums.iter().map(|(count, _)| count).sum::<f64>();
            let naive = 1.96 * (0.7 / alone).sqrt();
            naive_covered += u32::from((found.mean - lead).abs() <= naive);
        }
        let share = |count: u32| f64::from(count) / f64::from(TIMES);
        assert!((0.93..=0.975).contains(&share(covered)), "{pictures} pictures: {}", share(covered));
        assert!(share(naive_covered) < 0.92, "items taken as independent: {}", share(naive_covered));
        if lead == 0.0 {
            assert!((0.03..=0.07).contains(&share(alarms)), "{pictures} pictures: {}", share(alarms));
        }
    }
}

#[test]
fn the_bootstrap_agrees_with_the_formula_and_obeys_its_seed() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let found = drawn(&mut random, 200, 0.1);
    let (low, high) = found.bootstrap(0.95, 1).unwrap();
    assert_eq!(found.bootstrap(0.95, 1), Some((low, high)));
    assert_ne!(found.bootstrap(0.95, 2), Some((low, high)));
    let (by_low, by_high) = found.interval(0.95).unwrap();
    let width = by_high - by_low;
    assert!((low - by_low).abs() < 0.1 * width && (high - by_high).abs() < 0.1 * width);
}
