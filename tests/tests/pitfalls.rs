//! What others paid for, one test for each pitfall of the table in `suites/README.md`, named after its number. Each
//! fails when the protection that it names is removed. Pitfalls of time, heat and noise have their tests where
//! whole runs on simulated devices are judged.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeSet;

use dyno_protocol::{
    ComputeUnit, Failure, FailureKind, Finish, ImageData, Known, LoadRegime, PowerSource, Prompt, Reading,
    RecordBody, SensorFacts, SensorSample, ThermalState,
};
use dyno_reports::analysis::{Analysis, Summary};
use dyno_reports::bundle::{Bundle, ItemAnswer, Outcome};
use dyno_reports::cell::Cell;
use dyno_reports::derive::instruments;
use dyno_reports::derive::testing::{Told, cell, definitions, loaded, pass, phone, run};
use dyno_reports::evidence::Evidence;
use dyno_reports::page::{PageOptions, render};
use dyno_reports::stats::{holm, mcnemar_exact, smallest_detectable_difference};
use dyno_reports::verdict::Verdict;
use dyno_suites::{Circumstance, Definitions, Test};

const NE: ComputeUnit = ComputeUnit::NeuralEngine;

fn analyse(told: &[Told]) -> Analysis {
    on("run", told)
}

fn on(id: &str, told: &[Told]) -> Analysis {
    Analysis::of(&[bundle(id, told)], &definitions())
}

fn bundle(id: &str, told: &[Told]) -> Bundle {
    run(id, &phone(), Evidence::Measured, told)
}

fn of<'a>(analysis: &'a Analysis, metric: &str) -> Vec<&'a Summary> {
    analysis.summaries.iter().filter(|summary| summary.metric == metric).collect()
}

fn decode() -> Cell {
    cell("speed/decode", "qwen3.5-2b", "coreml", NE)
}

fn near(found: f64, expected: f64) {
    assert!((found / expected - 1.0).abs() < 1e-6, "{found} is not {expected}");
}

/// Twenty minutes of work, and a battery that loses five per cent every five of them.
fn on_battery(full_j: Option<f64>) -> Analysis {
    let mut facts = phone();
    facts.sensors = vec![SensorFacts { name: "battery_percent".into(), source: "test".into() }];
    if full_j.is_some() {
        facts.sensors.push(SensorFacts { name: "battery_full_energy_j".into(), source: "test".into() });
    }
    let passes =
        (0..200).map(|number| pass(number, 1_000_000_000 * u64::from(1 + 6 * number), 128, 25.0, 50.0));
    let mut told = Told::new(cell("battery/hour", "qwen3.5-2b", "coreml", NE), passes.collect());
    let sample = |second: u32| {
        let mut readings = vec![Reading { sensor: 0, value: 85.0 - 5.0 * f64::from(second / 300) }];
        readings.extend(full_j.map(|value| Reading { sensor: 1, value }));
        SensorSample { at_ns: 1_000_000_000 * u64::from(second), readings }
    };
    told.bodies.push(RecordBody::Sensors { samples: (1..1200).map(sample).collect() });
    Analysis::of(&[run("run", &facts, Evidence::Measured, &[told])], &definitions())
}

#[test]
fn pitfall_04_what_a_battery_holds_is_asked_of_the_battery() {
    let watts = |full_j| of(&on_battery(Some(full_j)), "average_power")[0].estimate.value;
    // The same phone's name sells packs of 15.5 and 16.5 Wh: the same steps are another energy.
    near(watts(16.5 * 3600.0) / watts(15.5 * 3600.0), 16.5 / 15.5);
    let unknown = on_battery(None);
    assert!(of(&unknown, "average_power").is_empty(), "no capacity is looked up by a phone's name");
    assert_eq!(of(&unknown, "percent_per_hour").len(), 1, "per cent need no capacity");
    let flags = &unknown.trials[0].attempt.as_ref().unwrap().flags;
    assert!(flags.iter().any(|flag| flag.contains("what the battery holds is not known")), "{flags:?}");
}

#[test]
fn pitfall_05_modelled_energy_is_no_instrument() {
    let modelled =
        ["cpu_tdp_power_w", "estimated_energy", "soc_power_model_w", "cpu0_clock_hz", "battery_current_a"];
    assert!(instruments(modelled).is_empty());
    let mut facts = phone();
    facts.sensors = modelled.map(|name| SensorFacts { name: name.into(), source: "test".into() }).into();
    let mut told = Told::at_rate(cell("battery/hour", "qwen3.5-2b", "coreml", NE), 25.0, 50.0);
    let readings: Vec<Reading> = (0..5).map(|sensor| Reading { sensor, value: 7.0 }).collect();
    let sample = |second: u64| SensorSample { at_ns: second * 1_000_000_000, readings: readings.clone() };
    told.bodies.push(RecordBody::Sensors { samples: (1..100).map(sample).collect() });
    let analysis = Analysis::of(&[run("run", &facts, Evidence::Measured, &[told])], &definitions());
    for metric in [
        "average_power",
        "idle_power",
        "energy_per_token",
        "gross_energy_per_token",
        "energy_per_1000_tokens",
    ] {
        assert!(of(&analysis, metric).is_empty(), "{metric}");
    }
    let flags = &analysis.trials[0].attempt.as_ref().unwrap().flags;
    assert!(flags.iter().any(|flag| flag.contains("no instrument")), "{flags:?}");
}

type Change = fn(&mut Told);

/// Everything that changes what a number means, with how to bring it about.
fn circumstances() -> Vec<(&'static str, Change)> {
    vec![
        ("low-power-mode", |told| told.conditions.low_power_mode = Known::Is(true)),
        ("charging", |told| told.conditions.power = Known::Is(PowerSource::Charging)),
        ("background", |told| told.conditions.foreground = Known::Is(false)),
        ("warm-start", |told| told.conditions.thermal = Known::Is(ThermalState::Fair)),
        ("throttling", |told| told.conditions.thermal = Known::Is(ThermalState::Serious)),
        ("just-unlocked", |told| told.conditions.unlocked_for_ns = Known::Is(3_000_000_000)),
        ("busy-machine", |told| told.conditions.other_load = Known::Is(0.5)),
        ("gauge-range", |told| told.conditions.battery_percent = Known::Is(97.0)),
        ("first-ever-load", |told| told.loaded = Some(loaded(LoadRegime::FirstEver))),
    ]
}

#[test]
fn pitfall_11_what_colours_a_number_is_flagged_and_never_pooled() {
    for (word, change) in circumstances() {
        let mut odd = Told::at_rate(decode(), 27.0, 100.0);
        change(&mut odd);
        let analysis = analyse(&[Told::at_rate(decode(), 27.0, 100.0), odd]);
        let flags = &analysis.trials[1].attempt.as_ref().unwrap().flags;
        assert!(flags.iter().any(|flag| flag == word), "{word}: {flags:?}");
        let rates = of(&analysis, "decode_rate");
        let told = rates.iter().any(|rate| rate.estimate.warnings.iter().any(|warning| warning == word));
        assert!(told, "{word} travels with the number");
        if ["low-power-mode", "charging", "background", "warm-start", "throttling"].contains(&word) {
            assert_eq!(rates.len(), 2, "{word} is another state of the device");
        }
    }
    // Loads first ever, cold and warm are three metrics.
    let load = |regime| {
        let mut told = Told::new(cell("speed/load-cold", "qwen3.5-2b", "coreml", NE), vec![]);
        told.loaded = Some(loaded(regime));
        told
    };
    let loads = analyse(&[load(LoadRegime::FirstEver), load(LoadRegime::Cold)]);
    assert_eq!((of(&loads, "load_first_ever").len(), of(&loads, "load_cold").len()), (1, 1));
}

#[test]
fn pitfall_11_suites_refuse_what_makes_their_numbers_meaningless() {
    let definitions = definitions();
    for (suite, refused) in [
        (
            "speed",
            vec![
                Circumstance::DebugBuild,
                Circumstance::LowPowerMode,
                Circumstance::Throttling,
                Circumstance::Background,
            ],
        ),
        ("thermal", vec![Circumstance::DebugBuild, Circumstance::LowPowerMode, Circumstance::Background]),
        (
            "battery",
            vec![
                Circumstance::DebugBuild,
                Circumstance::LowPowerMode,
                Circumstance::Background,
                Circumstance::Charging,
            ],
        ),
    ] {
        let refuses = &definitions.suite(suite).unwrap().refuses;
        for circumstance in refused {
            assert!(refuses.contains(&circumstance), "{suite} has to refuse {circumstance:?}");
        }
    }
}

#[test]
fn pitfall_12_another_hash_is_another_model_and_another_build_another_device() {
    let mut exported_again = Told::at_rate(decode(), 12.0, 100.0);
    exported_again.loaded.as_mut().unwrap().model_sha256 = "cc".into();
    let analysis = analyse(&[Told::at_rate(decode(), 27.0, 100.0), exported_again]);
    let rates = of(&analysis, "decode_rate");
    assert_eq!(rates.len(), 2);
    assert!(
        rates[0].estimate.warnings.iter().any(|warning| warning.contains("another weights")),
        "{rates:?}"
    );
    let mut updated = phone();
    updated.os_build = Known::Is("23T9".into());
    let told = [Told::at_rate(decode(), 27.0, 100.0)];
    let bundles = [bundle("before", &told), run("after", &updated, Evidence::Measured, &told)];
    let both = Analysis::of(&bundles, &definitions());
    assert_eq!(of(&both, "decode_rate").len(), 2, "the version is the same and the build is not");
}

#[test]
fn pitfall_14_the_window_closes_at_the_last_token() {
    let rate = |drain_s: u64| {
        let mut slow = pass(0, 1_000_000_000, 128, 55.0, 100.0);
        slow.end_ns += drain_s * 1_000_000_000;
        of(&analyse(&[Told::new(decode(), vec![slow])]), "decode_rate")[0].estimate.value
    };
    near(rate(30), rate(0));
}

#[test]
fn pitfall_15_intervals_are_counted_and_the_definition_is_printed() {
    let analysis = analyse(&[Told::new(decode(), vec![pass(0, 1_000_000_000, 128, 27.0, 100.0)])]);
    // 128 stamps have 127 intervals; dividing tokens by them would print 0.8 % more.
    assert!((of(&analysis, "decode_rate")[0].estimate.value - 27.0).abs() < 0.01);
    let definitions = definitions();
    let page = render(&analysis, &definitions, &PageOptions::default()).unwrap();
    let words = &definitions.metric("decode_rate").unwrap().definition;
    let first = words.split_whitespace().take(9).collect::<Vec<_>>().join(" ");
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(page.contains(&first), "the page says which definition the number uses: {first}");
}

#[test]
fn pitfall_16_a_pass_over_another_prompt_is_no_pass_of_this_trial() {
    let mut other = pass(1, 20_000_000_000, 128, 27.0, 100.0);
    other.prompt_sha256 = Prompt::new(None, vec![9, 9], vec![]).sha256;
    let analysis = analyse(&[Told::new(decode(), vec![pass(0, 1_000_000_000, 128, 27.0, 100.0), other])]);
    let Some(Outcome::Invalid { reasons }) = &analysis.trials[0].attempt.as_ref().unwrap().outcome else {
        panic!("{:?}", analysis.trials[0]);
    };
    assert!(reasons[0].contains("another prompt"), "{reasons:?}");
    assert!(analysis.summaries.is_empty());
    // The same words as other ids, or with a template around them, are another prompt by their hash.
    let hashes: BTreeSet<String> = [
        Prompt::new(Some("Hello".into()), vec![1, 2], vec![]),
        Prompt::new(Some("Hello".into()), vec![1, 3], vec![]),
        Prompt::new(Some("<user>Hello".into()), vec![1, 2], vec![]),
    ]
    .map(|prompt| prompt.sha256)
    .into();
    assert_eq!(hashes.len(), 3);
}

#[test]
fn pitfall_17_stream_chunks_are_not_tokens() {
    let mut chunks = pass(0, 1_000_000_000, 60, 60.0, 100.0);
    chunks.stamps_are_tokens = false;
    chunks.token_ids = Vec::new();
    let analysis = analyse(&[Told::new(decode(), vec![chunks])]);
    for metric in ["decode_rate", "inter_token_p50", "tokens_generated", "ttft", "share_of_ceiling"] {
        assert!(of(&analysis, metric).is_empty(), "{metric}");
    }
    let flags = &analysis.trials[0].attempt.as_ref().unwrap().flags;
    assert!(flags.iter().any(|flag| flag.contains("stream chunks")), "{flags:?}");
}

#[test]
fn pitfall_18_a_wrong_answer_voids_its_time() {
    let mut newlines = pass(0, 1_000_000_000, 128, 148.0, 100.0);
    newlines.finish = Finish::Loop { from_token: 1, what: "newlines".into() };
    let circles = analyse(&[Told::new(decode(), vec![newlines])]);
    assert!(circles.summaries.is_empty(), "148 token/s of nothing is no speed");
    let mut wrong = Told::at_rate(decode(), 148.0, 100.0);
    wrong.expected_ids = Some(vec![1, 2, 3]);
    let wrong = analyse(&[wrong]);
    assert!(wrong.summaries.is_empty());
    let outcome = &wrong.trials[0].attempt.as_ref().unwrap().outcome;
    assert!(
        matches!(outcome, Some(Outcome::Invalid { reasons }) if reasons[0].contains("right engine")),
        "{outcome:?}"
    );
}

#[test]
fn pitfall_21_both_measures_of_memory_stand_side_by_side() {
    let analysis = analyse(&[Told::at_rate(decode(), 27.0, 100.0)]);
    let value = |metric: &str| of(&analysis, metric)[0].estimate.value;
    near(value("peak_footprint"), 1e9);
    near(value("peak_resident"), 2e9);
    let definition = &definitions().metric("peak_footprint").unwrap().definition.clone();
    assert!(definition.contains("Ranked on this") && definition.contains("Neural Engine"), "{definition}");
}

#[test]
fn pitfall_22_what_does_not_fit_is_a_failure_with_its_reason() {
    let definitions = definitions();
    let claim = definitions.claim("mlx-6bit-2b").unwrap();
    let ceiling = claim.tests.iter().find_map(|test| match test {
        Test::ValueAtMost { of, value, .. } if of.metric == "peak_footprint" => Some(*value),
        _ => None,
    });
    near(ceiling.unwrap(), 6.4e9);
    let mut told = Told::new(
        Cell { quant: "6bit".into(), ..cell("speed/chat", "qwen3.5-2b", "mlx", ComputeUnit::Gpu) },
        vec![],
    );
    told.loaded = None;
    told.outcome =
        Some(Outcome::Failed { failure: Failure::new(FailureKind::Memory, "it needs both entitlements") });
    let analysis = analyse(&[told]);
    assert_eq!(analysis.trials.len(), 1, "a cell that crashed does not vanish");
    let found = analysis.verdicts.iter().find(|found| found.claim == "mlx-6bit-2b").unwrap();
    assert_eq!(found.verdict, Verdict::Fails);
}

/// Items of which every third is cut at the token cap and the answered ones are right.
fn answers(count: usize, is_right: impl Fn(usize) -> bool, cluster_of: usize) -> Vec<ItemAnswer> {
    (0..count)
        .map(|index| {
            let cut = index % 3 == 0;
            ItemAnswer {
                item: format!("item-{index}"),
                cluster: Some(format!("picture-{}", index / cluster_of)),
                answer: (!cut).then(|| "1".to_owned()),
                right: !cut && is_right(index),
                truncated: cut,
                looped: false,
                tokens: 100,
                asked: None,
            }
        })
        .collect()
}

fn asked(model: &str, thinking: &str, answers: Vec<ItemAnswer>) -> Told {
    let mut place = cell("made/items", model, "dyno", ComputeUnit::Cpu);
    place.axes.insert("thinking".to_owned(), thinking.to_owned());
    Told { answers, ..Told::new(place, vec![]) }
}

#[test]
fn pitfall_24_no_answer_and_a_wrong_one_are_told_apart_in_each_mode() {
    let analysis = analyse(&[
        asked("qwen3.5-2b", "on", answers(90, |_| true, 1)),
        asked("qwen3.5-2b", "off", answers(90, |index| index % 2 == 0, 1)),
    ]);
    let accuracy = of(&analysis, "accuracy");
    assert_eq!(accuracy.len(), 2, "modes are two cells");
    let on = |metric: &str| {
        let found = of(&analysis, metric).into_iter().find(|summary| summary.cell.axes["thinking"] == "on");
        found.unwrap().estimate.value
    };
    near(on("accuracy"), 2.0 / 3.0);
    near(on("accuracy_answered"), 1.0);
    near(on("truncated_share"), 1.0 / 3.0);
    near(on("tokens_per_answer"), 100.0);
}

#[test]
fn pitfall_25_what_so_many_items_can_show_is_computed() {
    for (items, points) in [(33, 21.8), (100, 12.5), (541, 5.4), (1000, 4.0), (12_032, 1.1)] {
        let found = 100.0 * smallest_detectable_difference(items, 0.2, 0.05, 0.8).unwrap();
        assert!((found - points).abs() < 0.06, "{items} items show {found} points");
    }
}

#[test]
fn pitfall_26_pairs_are_tested_exactly_items_that_hang_together_are_one() {
    // 3 against 12 that differ: the exact test, not the normal one, which says 0.020.
    let pairs = (0..15).map(|index| (index < 3, index >= 3));
    let exact = mcnemar_exact(pairs).p;
    assert!((exact - 0.0352).abs() < 0.0002, "{exact}");
    assert_eq!(holm(&[0.01, 0.04]), [0.02, 0.04], "several tasks share one chance of a false alarm");
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made.toml");
    std::fs::write(&made, include_str!("../../reports/src/claims/tests/answers.toml")).unwrap();
    let definitions = Definitions::load(&[made]).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let with_clusters_of = |size: usize| {
        let by = |model: &str, right: usize| {
            let mut told = asked(model, "off", answers(1200, |index| index % 20 < right, size));
            told.cell.quant = "4bit".into();
            told.cell.axes.clear();
            told
        };
        let told = [by("qwen3.5-2b", 12), by("qwen3.5-9b", 8)];
        let analysis = Analysis::of(&[bundle("run", &told)], &definitions);
        analysis.verdicts.into_iter().find(|found| found.claim == "made-beats").unwrap().verdict
    };
    assert_eq!(with_clusters_of(1), Verdict::Holds);
    assert_eq!(with_clusters_of(600), Verdict::CannotTell, "two pictures are two observations, not 1,200");
}

#[test]
fn pitfall_27_answers_belong_to_the_model_that_gave_them() {
    // A second model's answers are its own, under the same items and in the same run.
    let analysis = analyse(&[
        asked("qwen3.5-2b", "off", answers(90, |_| true, 1)),
        asked("qwen3.5-9b", "off", answers(90, |_| false, 1)),
    ]);
    let accuracy = of(&analysis, "accuracy");
    assert_eq!(accuracy.len(), 2);
    assert_ne!(accuracy[0].cell.model, accuracy[1].cell.model);
    assert!((accuracy[0].estimate.value - accuracy[1].estimate.value).abs() > 0.5);
}

#[test]
fn pitfall_28_a_pictures_size_and_a_prompts_form_are_part_of_what_is_compared() {
    let image = |side: u32| ImageData { width: side, height: side, rgb: vec![7; (3 * side * side) as usize] };
    let prompt = |side: u32| Prompt::new(Some("What is it?".into()), vec![1, 2], vec![image(side)]);
    assert_ne!(prompt(32).sha256, prompt(64).sha256);
    let definitions = definitions();
    let (_, case) = definitions.case("speed/picture").unwrap();
    let sides: BTreeSet<String> = case
        .variants_at(&dyno_suites::AxisValues::default())
        .iter()
        .map(|variant| variant.axes["picture"].clone())
        .collect();
    assert!(sides.len() > 1 && sides.contains("448"), "each size is a cell of its own: {sides:?}");
}
