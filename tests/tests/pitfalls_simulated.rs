//! What others paid for when they measured phones, each as a scenario on a simulated device: every test falls when
//! the protection that it names is taken away. `suites/README.md` lists all of them by number.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeMap;

use dyno_protocol::{ComputeUnit, FailureKind, RecordBody, ThermalState};
use dyno_reports::analysis::{Analysis, Summary};
use dyno_reports::bundle::{Bundle, EventBody, Outcome};
use dyno_suites::Definitions;
use dyno_tests::cli::Desk;

const DYNO: &str = env!("CARGO_BIN_EXE_dyno-under-test");
const PHONE: &str = include_str!("../../suites/definitions/simulated/sim-iphone.toml");
const STEADY: &str = include_str!("../../suites/definitions/simulated/sim-steady.toml");

/// A profile with other figures; every one that is replaced must be there.
fn changed(profile: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(profile.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the profile has no `{from}`");
        text.replace(from, to)
    })
}

/// Runs with these arguments on a profile of the test's own, and expects the exit code.
fn run(desk: &Desk, profile: &str, out: &str, code: i32, arguments: &[&str]) -> Bundle {
    desk.write("device.toml", profile);
    let mut all = vec!["--definitions", "device.toml", "--quiet", "run"];
    all.extend(arguments);
    all.extend(["--model", "synth:2b", "--quant", "4bit", "--out", out]);
    desk.run(DYNO, &all).expect(code);
    Bundle::open(&desk.path(out)).unwrap()
}

fn summaries(bundles: &[Bundle]) -> Vec<Summary> {
    Analysis::of(bundles, &Definitions::embedded().unwrap()).summaries
}

fn values<'a>(summaries: &'a [Summary], metric: &str) -> Vec<&'a Summary> {
    summaries.iter().filter(|summary| summary.metric == metric).collect()
}

/// The only value of this metric.
fn value(summaries: &[Summary], metric: &str) -> f64 {
    match values(summaries, metric).as_slice() {
        [only] => only.estimate.value,
        found => panic!("{} values of {metric}", found.len()),
    }
}

fn bodies(bundle: &Bundle) -> impl Iterator<Item = &RecordBody> {
    bundle.events.iter().filter_map(|event| match &event.body {
        EventBody::Observed { record, .. } => Some(&record.body),
        _ => None,
    })
}

const DECODE: [&str; 8] = ["speed", "--case", "decode", "--depth", "0", "--unit", "gpu", "--device"];

fn decode<'a>(device: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    DECODE.into_iter().chain([device]).chain(more.iter().copied()).collect()
}

/// Repeats run back to back lose speed to heat: in one order for all, the last one looks worst. Rounds in fresh
/// random orders spread the heat over both, so two equal engines come out equal.
#[test]
fn pitfall_08_back_to_back_order_passes_for_a_difference() {
    let quiet = [("session = 0.06", "session = 0.0"), ("speed = 0.98", "speed = 1.0")];
    let desk = Desk::new();
    let more = ["--engine", "dyno,dyno-minus-2", "--rounds", "8", "--seed", "3"];
    let bundle = run(&desk, &changed(PHONE, &quiet), "run", 0, &decode("sim-iphone", &more));
    let found = summaries(std::slice::from_ref(&bundle));
    let rates = values(&found, "decode_rate");
    let (base, other) = (&rates[0].estimate, &rates[1].estimate);
    assert!((base.value / other.value - 1.0).abs() < 0.08, "{} {}", base.value, other.value);
    // What the protection protects from is there: the hottest visit runs far below the coolest.
    let samples = rates.iter().flat_map(|summary| &summary.samples).map(|sample| sample.value);
    let (low, high) =
        samples.fold((f64::INFINITY, 0.0_f64), |(low, high), rate| (low.min(rate), high.max(rate)));
    assert!(low < 0.8 * high, "{low} {high}: the device did not get warm");
    // And the order differs from round to round.
    let mut orders: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    let planned: BTreeMap<_, _> = bundle
        .events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::Planned { trials, .. } => Some(trials.iter().map(|trial| (&trial.id, trial))),
            _ => None,
        })
        .flatten()
        .collect();
    for event in &bundle.events {
        if let EventBody::TrialBegan { trial, .. } = &event.body {
            let planned = planned[trial];
            orders.entry(planned.round).or_default().push(&planned.cell.engine);
        }
    }
    let first = orders[&0].clone();
    assert!(orders.values().any(|order| *order != first), "{orders:?}");
}

/// A device that rested is slow at first. Warm-up passes meet that; timed ones do not.
#[test]
fn pitfall_09_an_idle_gap_slows_the_next_decode() {
    let sleepy = [
        ("idle_after_s = 0", "idle_after_s = 0.1"),
        ("idle_slow = 0", "idle_slow = 0.5"),
        ("idle_for_s = 0", "idle_for_s = 3"),
    ];
    let desk = Desk::new();
    let more = ["--rounds", "3"];
    let bundle = run(&desk, &changed(STEADY, &sleepy), "sleepy", 0, &decode("sim-steady", &more));
    let slow_first = bodies(&bundle).any(|body| match body {
        RecordBody::WarmedUp { passes, agreed, .. } => *passes >= 3 && *agreed,
        _ => false,
    });
    assert!(slow_first, "warm-up goes on until the device is awake");
    let awake = run(&desk, STEADY, "awake", 0, &decode("sim-steady", &more));
    let (sleepy, awake) = (summaries(&[bundle]), summaries(&[awake]));
    let ratio = value(&sleepy, "decode_rate") / value(&awake, "decode_rate");
    assert!((ratio - 1.0).abs() < 0.02, "{ratio}");
}

/// The same names and another OS build: two devices as far as numbers are concerned.
#[test]
fn pitfall_10_another_os_build_is_never_put_together() {
    let desk = Desk::new();
    let before = run(&desk, PHONE, "before", 0, &decode("sim-iphone", &["--rounds", "1"]));
    let updated = changed(PHONE, &[("SIM26E1", "SIM26E2")]);
    let after = run(&desk, &updated, "after", 0, &decode("sim-iphone", &["--rounds", "1", "--seed", "2"]));
    let found = summaries(&[before, after]);
    let rates = values(&found, "decode_rate");
    assert_eq!(rates.len(), 2, "one row for each build");
    for summary in rates {
        let said = summary.estimate.warnings.iter().any(|warning| warning.contains("another OS build"));
        assert!(said, "{:?}", summary.estimate.warnings);
    }
}

/// Compiling for the Neural Engine takes minutes the first time ever, most of a minute for a process, and nothing
/// when it is there. Three metrics, never one.
#[test]
fn pitfall_13_first_ever_cold_and_warm_loads_are_three_things() {
    let desk = Desk::new();
    let small = [("above_bytes = 1_400_000_000", "above_bytes = 8_000_000_000")];
    let arguments =
        ["speed", "--case", "load", "--rounds", "2", "--unit", "neural-engine", "--device", "sim-iphone"];
    let bundle = run(&desk, &changed(PHONE, &small), "run", 0, &arguments);
    let found = summaries(&[bundle]);
    let (first_ever, cold, warm) =
        (value(&found, "load_first_ever"), value(&found, "load_cold"), value(&found, "load_warm"));
    assert!(first_ever > 200.0, "{first_ever}");
    assert!((40.0..80.0).contains(&cold), "{cold}");
    assert!(warm < 5.0, "{warm}");
}

/// One warm-up pass where five are needed halves the number. Warm-up ends when passes agree, and not before.
#[test]
fn pitfall_19_warm_up_ends_when_passes_agree() {
    let slow = [("warm_up_slow = 0", "warm_up_slow = 3"), ("warm_up_passes = 1", "warm_up_passes = 1.2")];
    let desk = Desk::new();
    let more = ["--rounds", "1"];
    let bundle = run(&desk, &changed(STEADY, &slow), "slow", 0, &decode("sim-steady", &more));
    let passes = bodies(&bundle).find_map(|body| match body {
        RecordBody::WarmedUp { passes, agreed: true, .. } => Some(*passes),
        _ => None,
    });
    assert!(passes.is_some_and(|passes| passes > 2), "{passes:?}");
    let warm = run(&desk, STEADY, "warm", 0, &decode("sim-steady", &more));
    let ratio = value(&summaries(&[bundle]), "decode_rate") / value(&summaries(&[warm]), "decode_rate");
    assert!((ratio - 1.0).abs() < 0.03, "{ratio}");
}

/// A unit is a wish. What ran elsewhere runs as fast as elsewhere, and where the system tells, the trial says so.
#[test]
fn pitfall_23_a_large_model_leaves_the_neural_engine_without_a_word() {
    let desk = Desk::new();
    let told = changed(
        PHONE,
        &[("hides = true", "hides = false"), ("above_bytes = 1_400_000_000", "above_bytes = 100_000_000")],
    );
    let arguments = [
        "speed",
        "--case",
        "decode",
        "--depth",
        "0",
        "--rounds",
        "1",
        "--unit",
        "neural-engine",
        "--device",
        "sim-iphone",
    ];
    let bundle = run(&desk, &told, "told", 0, &arguments);
    let evidence = bodies(&bundle).find_map(|body| match body {
        RecordBody::Generation(pass) => Some(&pass.evidence),
        _ => None,
    });
    let operations = evidence.and_then(|evidence| evidence.operations.value()).unwrap();
    assert!(operations.iter().all(|(unit, _)| *unit == ComputeUnit::Gpu), "{operations:?}");
    // Where nothing is told, the control run on the other unit shows it: the rates are one.
    let hidden = changed(
        PHONE,
        &[("above_bytes = 1_400_000_000", "above_bytes = 100_000_000"), ("session = 0.06", "session = 0.0")],
    );
    let arguments = [
        "speed",
        "--case",
        "decode",
        "--depth",
        "0",
        "--rounds",
        "4",
        "--unit",
        "neural-engine,gpu",
        "--device",
        "sim-iphone",
    ];
    let bundle = run(&desk, &hidden, "hidden", 0, &arguments);
    let found = summaries(&[bundle]);
    let rates = values(&found, "decode_rate");
    assert_eq!(rates.len(), 2, "the control is a cell of its own");
    let ratio = rates[0].estimate.value / rates[1].estimate.value;
    assert!((ratio - 1.0).abs() < 0.15, "{ratio}: on its own unit it would be a third slower");
}

/// Fast and wrong: line breaks at three times the speed are no speed.
#[test]
fn pitfall_18_garbage_is_fast() {
    let desk = Desk::new();
    let garbage =
        format!("{STEADY}\n[[simulated.fault]]\nfault = \"garbage-from-token\"\ntoken = 1\nfaster = 3\n");
    let bundle = run(&desk, &garbage, "run", 3, &decode("sim-steady", &["--rounds", "1"]));
    let invalid = bundle
        .events
        .iter()
        .any(|event| matches!(&event.body, EventBody::TrialEnded { outcome: Outcome::Invalid { .. }, .. }));
    assert!(invalid, "the attempt stays, and is invalid");
    assert!(values(&summaries(&[bundle]), "decode_rate").is_empty(), "its rate counts nowhere");
}

/// A fixed five per cent between two dates calls drift a change. Sides in turn in one sitting do not, and see what
/// is really there; the whole quick calibration fails nowhere.
#[test]
fn pitfall_29_a_fixed_threshold_across_sessions_is_wrong_a_third_of_the_time() {
    let answer = Desk::new().run(DYNO, &["--quiet", "calibrate", "--quick", "--json"]);
    assert!(matches!(answer.code, Some(0 | 3)), "nothing fails: {}\n{}", answer.out, answer.err);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&answer.out).unwrap();
    let found = |what: &str| {
        let row = rows.iter().find(|row| row["what"].as_str().unwrap().contains(what));
        row.unwrap_or_else(|| panic!("no row about {what}"))["found"].as_f64().unwrap()
    };
    assert!(found("a peer's rule: 5 %") > 0.2, "{}", answer.out);
    assert!(found("all metrics together") < 0.2, "{}", answer.out);
    assert!(found("a peer's rule: a true -5 %") < 0.75, "{}", answer.out);
    assert!(found("10 pairs in one sitting, a true -5 %") > 0.8, "{}", answer.out);
}

const THERMAL: [&str; 7] = ["thermal", "--case", "ten-minutes", "--unit", "gpu", "--device", "sim-iphone"];

/// Half the rate is gone after ten minutes, and a chat of a few seconds sees none of it.
#[test]
fn pitfall_06_a_short_chat_sees_nothing_of_the_tenth_minute() {
    let quiet = changed(PHONE, &[("session = 0.06", "session = 0.0")]);
    let desk = Desk::new();
    let long = run(&desk, &quiet, "long", 0, &[&THERMAL[..], &["--rounds", "1"]].concat());
    let chat = ["speed", "--case", "chat", "--rounds", "1", "--unit", "gpu", "--device", "sim-iphone"];
    let short = run(&desk, &quiet, "short", 0, &chat);
    let (long, short) = (summaries(&[long]), summaries(&[short]));
    let retained = value(&long, "retained_share");
    assert!((0.4..0.65).contains(&retained), "{retained}");
    let chat = value(&short, "decode_rate") / value(&long, "initial_rate");
    assert!(chat > 0.9, "{chat}: a chat is as fast as the first half minute");
    let plateau = value(&long, "plateau_rate") / value(&short, "decode_rate");
    assert!(plateau < 0.65, "{plateau}: the plateau has its own number");
}

/// The system calls a phone mild that runs at half its rate. The gate asks a probe instead, and lets it rest.
#[test]
fn pitfall_07_throttling_hides_behind_a_nominal_label() {
    let quiet = changed(PHONE, &[("session = 0.06", "session = 0.0")]);
    let desk = Desk::new();
    let bundle = run(&desk, &quiet, "run", 0, &[&THERMAL[..], &["--rounds", "2"]].concat());
    let labels = bodies(&bundle).filter_map(|body| match body {
        RecordBody::Ended { conditions, .. } => conditions.thermal.value().copied(),
        _ => None,
    });
    assert!(labels.max().unwrap() <= ThermalState::Fair, "no label says that half the rate is gone");
    let found = summaries(std::slice::from_ref(&bundle));
    let starts: Vec<f64> =
        values(&found, "initial_rate")[0].samples.iter().map(|sample| sample.value).collect();
    assert_eq!(starts.len(), 2);
    let ratio = starts[0] / starts[1];
    assert!((ratio - 1.0).abs() < 0.06, "{ratio}: both trials began cold");
    let waited = bundle.events.iter().any(|event| {
        matches!(&event.body, EventBody::Waited { waited_ns, reached: true, .. } if *waited_ns > 60_000_000_000)
    });
    assert!(waited, "and the second one waited for that");
}

const BATTERY: [&str; 5] = ["battery", "--unit", "gpu", "--rounds", "1"];

/// On the charger a phone shows no drain at all.
#[test]
fn pitfall_03_a_charger_hides_the_drain() {
    let desk = Desk::new();
    let plugged = changed(PHONE, &[("charging = false", "charging = true")]);
    let arguments = [&BATTERY[..], &["--case", "ten-minutes", "--device", "sim-iphone"]].concat();
    let bundle = run(&desk, &plugged, "run", 4, &arguments);
    let refused = bundle.events.iter().any(|event| {
        matches!(&event.body, EventBody::TrialEnded { outcome: Outcome::Failed { failure }, .. }
            if failure.kind == FailureKind::Conditions && failure.what.contains("charging"))
    });
    assert!(refused, "nothing is measured on the charger");
}

/// One step of a 5 % gauge in ten minutes is no measurement: whatever is said of it is wide.
#[test]
fn pitfall_01_the_battery_gauge_moves_in_steps_of_five_per_cent() {
    let desk = Desk::new();
    let arguments = [&BATTERY[..], &["--case", "ten-minutes", "--device", "sim-iphone"]].concat();
    let bundle = run(&desk, PHONE, "run", 0, &arguments);
    let found = summaries(&[bundle]);
    for summary in values(&found, "percent_per_hour") {
        if let Some((low, high)) = summary.estimate.interval {
            assert!(high / low > 1.6, "{low} to {high} from a step or two");
        }
    }
    let energy = values(&found, "energy_per_token");
    assert_eq!(energy.len(), 1, "current and voltage give what the gauge cannot");
}

/// The charge between two steps differs by 18 % from step to step: an interval that does not know that misses.
#[test]
fn pitfall_02_gauge_steps_are_uneven() {
    let watched = changed(
        PHONE,
        &[
            ("gauge_step_percent = 5", "gauge_step_percent = 1"),
            ("\"battery_temperature_c\",\n", "\"battery_temperature_c\",\n    \"system_energy_j\",\n"),
        ],
    );
    let capacity_j = 15.5 * 3600.0 * 0.98;
    let desk = Desk::new();
    let mut covered = 0;
    for seed in ["1", "2", "3"] {
        let arguments =
            [&BATTERY[..], &["--case", "hour", "--device", "sim-iphone", "--seed", seed]].concat();
        let bundle = run(&desk, &watched, seed, 0, &arguments);
        let drawn: Vec<(u64, f64)> = bodies(&bundle)
            .flat_map(|body| match body {
                RecordBody::Sensors { samples } => samples.as_slice(),
                _ => &[],
            })
            .filter_map(|sample| Some((sample.at_ns, sample.readings.last()?.value)))
            .collect();
        let (first, last) = (drawn[drawn.len() / 4], drawn[drawn.len() - 1]);
        let truth = (last.1 - first.1) / capacity_j * 100.0 * 3600e9 / (last.0 - first.0) as f64;
        let found = summaries(&[bundle]);
        let (low, high) = values(&found, "percent_per_hour")[0].estimate.interval.unwrap();
        assert!(high / low > 1.04, "{low} to {high}: narrower than uneven steps allow");
        covered += u32::from((low..=high).contains(&truth));
    }
    assert!(covered >= 2, "{covered} of 3 intervals hold the truth");
}
