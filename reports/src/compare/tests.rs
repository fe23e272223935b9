//! What is paired, what is refused, what is said; and how often a comparison of equals cries wolf.

use dyno_protocol::{ComputeUnit, Known, ThermalState};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::cell::Side;
use crate::derive::testing::{Told, cell, definitions, phone, run, run_of_sides};
use crate::evidence::Evidence;

fn decode(side: Option<Side>) -> Cell {
    Cell { side, ..cell("speed/decode", "tiny-1m", "dyno", ComputeUnit::Cpu) }
}

/// A run of both sides in turn at these rates, one pair a round.
fn in_turn(id: &str, pairs: &[(f64, f64)]) -> Bundle {
    let told: Vec<Told> = pairs
        .iter()
        .flat_map(|(base, candidate)| {
            let trial = |side, rate| Told::at_rate(decode(Some(side)), rate, 100.0);
            [trial(Side::Base, *base), trial(Side::Candidate, *candidate)]
        })
        .collect();
    two_builds(id, &told)
}

fn two_builds(id: &str, told: &[Told]) -> Bundle {
    let mut candidate = phone();
    candidate.build.binary_sha256 = Known::Is("bb".into());
    run_of_sides(
        id,
        &[(Some(Side::Base), phone()), (Some(Side::Candidate), candidate)],
        Evidence::Measured,
        told,
    )
}

fn found(bundles: &[Bundle]) -> Comparison {
    compare(&Sides::interleaved(bundles).unwrap(), &definitions(), &Terms::usual(&Floors::default()))
}

fn row<'a>(comparison: &'a Comparison, metric: &str) -> &'a Row {
    comparison
        .rows
        .iter()
        .find(|row| row.metric == metric)
        .unwrap_or_else(|| panic!("no {metric}: {comparison:?}"))
}

fn wobble(round: usize) -> f64 {
    1.0 + [0.004, -0.003, 0.001, -0.004, 0.002, 0.0][round % 6]
}

#[test]
fn pairs_see_through_a_drift_that_both_share() {
    // The device loses a third of its speed; the candidate is six percent slower all along.
    let pairs: Vec<(f64, f64)> = (0..10)
        .map(|round| {
            let base = 30.0 - f64::from(round);
            (base, base * 0.94 * wobble(round as usize))
        })
        .collect();
    let comparison = found(&[in_turn("run", &pairs)]);
    let row = row(&comparison, "decode_rate");
    assert_eq!((row.judgement, row.problem), (Judgement::Regressed, None));
    let effect = row.effect.as_ref().unwrap();
    assert!((effect.change + 0.06).abs() < 0.005 && effect.paired && effect.repetitions == 10, "{effect:?}");
    let what: Vec<&str> = comparison.differences.iter().map(|found| found.what.as_str()).collect();
    assert_eq!(what, ["agent build"], "the one difference that is meant");
}

#[test]
fn equals_are_the_same_and_a_small_change_is_no_regression() {
    let same: Vec<(f64, f64)> = (0..10).map(|round| (30.0, 30.0 * wobble(round))).collect();
    assert_eq!(row(&found(&[in_turn("run", &same)]), "decode_rate").judgement, Judgement::Same);
    // One percent is far outside this noise, and three matter.
    let small: Vec<(f64, f64)> = (0..10).map(|round| (30.0, 29.7 * wobble(round))).collect();
    let comparison = found(&[in_turn("run", &small)]);
    let row = row(&comparison, "decode_rate");
    let effect = row.effect.as_ref().unwrap();
    assert!(effect.significant && !effect.relevant, "{effect:?}");
    assert_eq!(row.judgement, Judgement::Same);
}

#[test]
fn pairs_that_began_at_different_heat_are_dropped() {
    let pair = |round: usize, hot: bool| {
        let trial = |side, rate: f64| Told::at_rate(decode(Some(side)), rate * wobble(round), 100.0);
        let mut candidate = trial(Side::Candidate, if hot { 15.0 } else { 30.0 });
        if hot {
            candidate.conditions.thermal = Known::Is(ThermalState::Serious);
        }
        [trial(Side::Base, 30.0), candidate]
    };
    let told: Vec<Told> = (0..10).flat_map(|round| pair(round, round >= 8)).collect();
    let comparison = found(&[two_builds("run", &told)]);
    let some = row(&comparison, "decode_rate");
    assert_eq!((some.judgement, some.effect.as_ref().unwrap().repetitions), (Judgement::Same, 8));
    let told: Vec<Told> = (0..10).flat_map(|round| pair(round, true)).collect();
    let comparison = found(&[two_builds("run", &told)]);
    let all = row(&comparison, "decode_rate");
    assert_eq!((all.judgement, all.problem), (Judgement::CannotTell, Some(Problem::Hot)));
}

#[test]
fn a_noise_floor_widens_what_pairs_show() {
    let pairs: Vec<(f64, f64)> = (0..10).map(|round| (30.0, 28.8 * wobble(round))).collect();
    let bundles = [in_turn("run", &pairs)];
    let mut floors = Floors::default();
    let spread = Spread { deviation: 0.03, freedom: 20.0 };
    floors.devices.entry("test-phone".into()).or_default().paired.insert("decode_rate".into(), spread);
    let sides = Sides::interleaved(&bundles).unwrap();
    let comparison = compare(&sides, &definitions(), &Terms::usual(&floors));
    let row = row(&comparison, "decode_rate");
    assert_eq!((row.judgement, row.problem), (Judgement::CannotTell, Some(Problem::Undecided)));
    assert_eq!(row.effect.as_ref().unwrap().floor, Some(0.03));
}

#[test]
fn two_models_in_turn_are_one_question() {
    let told: Vec<Told> = (0..6)
        .flat_map(|round| {
            let trial = |side, model: &str, rate: f64| {
                let cell = Cell { model: model.into(), ..decode(Some(side)) };
                Told::at_rate(cell, rate * wobble(round), 100.0)
            };
            [trial(Side::Base, "tiny-1m", 30.0), trial(Side::Candidate, "tiny-5m", 20.0)]
        })
        .collect();
    let comparison = found(&[two_builds("run", &told)]);
    assert_eq!(row(&comparison, "decode_rate").judgement, Judgement::Regressed);
    assert_eq!(row(&comparison, "decode_rate").cell.model, "tiny-5m");
}

#[test]
fn sessions_apart_are_the_repetition_and_three_of_each_are_needed() {
    let session = |id: &str, rate: f64| {
        let told = [0.999, 1.0, 1.001].map(|factor| Told::at_rate(decode(None), rate * factor, 100.0));
        run(id, &phone(), Evidence::Measured, &told)
    };
    let base = [session("a", 30.0), session("b", 30.6), session("c", 29.5)];
    let candidate = [session("d", 24.0), session("e", 24.5), session("f", 23.7)];
    let judged = |base: &[Bundle], candidate: &[Bundle]| {
        let sides = Sides::new([], base, candidate).unwrap();
        let comparison = compare(&sides, &definitions(), &Terms::usual(&Floors::default()));
        let row = row(&comparison, "decode_rate").clone();
        (row.judgement, row.problem)
    };
    assert_eq!(judged(&base, &candidate), (Judgement::Regressed, None));
    assert_eq!(judged(&base[..2], &candidate), (Judgement::CannotTell, Some(Problem::Unpaired)));
}

#[test]
fn sides_are_what_their_runs_are() {
    let both = in_turn("both", &[(1.0, 1.0)]);
    let one = run("one", &phone(), Evidence::Measured, &[Told::at_rate(decode(None), 30.0, 100.0)]);
    assert!(matches!(Sides::interleaved([&one]), Err(SidesError::OneSided { .. })));
    assert!(matches!(Sides::new([], [&both], [&one]), Err(SidesError::TwoSided { .. })));
    assert!(Sides::new([&both], [&one], [&one]).is_ok());
}

/// Comparisons of equals with every metric of the case, drift of six percent in a run and noise of two percent a
/// trial: at most five percent of them show any change, three standard errors allowed.
#[test]
fn comparisons_of_equals_rarely_show_a_change() {
    const COMPARISONS: u32 = 600;
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut normal = || {
        let (one, other): (f64, f64) = (random.random(), random.random());
        (-2.0 * (1.0 - one).ln()).sqrt() * (std::f64::consts::TAU * other).cos()
    };
    let definitions = definitions();
    let mut alarms = 0;
    for number in 0..COMPARISONS {
        let pairs: Vec<(f64, f64)> = (0..10)
            .map(|round| {
                let level = 30.0 * (1.0 - 0.006 * f64::from(round));
                (level * (0.02 * normal()).exp(), level * (0.02 * normal()).exp())
            })
            .collect();
        let bundle = in_turn(&format!("run-{number}"), &pairs);
        let sides = Sides::interleaved([&bundle]).unwrap();
        let comparison = compare(&sides, &definitions, &Terms::usual(&Floors::default()));
        assert!(comparison.tests >= 3, "{comparison:?}");
        let shown = |row: &Row| row.effect.as_ref().is_some_and(|effect| effect.significant);
        alarms += u32::from(comparison.rows.iter().any(shown));
    }
    let most = 0.05 + 3.0 * (0.05_f64 * 0.95 / f64::from(COMPARISONS)).sqrt();
    assert!(f64::from(alarms) <= most * f64::from(COMPARISONS), "{alarms} of {COMPARISONS}");
    assert!(alarms > 0, "a comparison that never alarms does not hold its rate, it does nothing");
}
