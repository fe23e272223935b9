//! Every metric against stamps whose answer is known, and everything that keeps numbers apart or out.

use dyno_protocol::{
    ComputeUnit, Finish, GenerationPass, Known, LoadRegime, PassKind, PowerSource, PrefillChunk, Reading,
    RecordBody, SensorSample, SpeculationFigures, ThermalState,
};
use dyno_suites::Per;

use super::METRICS;
use super::testing::*;
use crate::analysis::{Analysis, Summary};
use crate::bundle::{Bundle, EventBody, ItemAnswer, Outcome};
use crate::evidence::Evidence;

fn analyse(told: &[Told]) -> Analysis {
    Analysis::of(&[run("run", &phone(), Evidence::Measured, told)], &definitions())
}

fn summary<'a>(analysis: &'a Analysis, metric: &str) -> &'a Summary {
    analysis
        .summaries
        .iter()
        .find(|summary| summary.metric == metric)
        .unwrap_or_else(|| panic!("no {metric}"))
}

fn close(found: f64, expected: f64) {
    assert!((found / expected - 1.0).abs() < 1e-6, "{found} is not {expected}");
}

fn decode() -> crate::cell::Cell {
    cell("speed/decode", "qwen3.5-2b", "coreml", ComputeUnit::NeuralEngine)
}

#[test]
fn every_metric_has_one_function_and_every_function_a_metric() {
    let definitions = definitions();
    let mut defined: Vec<&str> = definitions
        .metrics()
        .iter()
        .filter(|metric| metric.per != Per::Session)
        .map(|metric| metric.id.as_str())
        .collect();
    defined.sort_unstable();
    let derived: Vec<&str> = METRICS.iter().map(|(id, _)| *id).collect();
    assert_eq!(derived, defined);
}

/// A case that no definition knows yields every metric that its stamps carry.
fn everything(pass: GenerationPass) -> Analysis {
    analyse(&[Told::new(cell("other/case", "m", "dyno", ComputeUnit::Cpu), vec![pass])])
}

#[test]
fn times_and_rates_are_those_of_the_stamps() {
    let mut one = pass(0, 1_000_000_000, 5, 10.0, 250.0);
    one.prompt_tokens = 100;
    one.reused_tokens = 20;
    one.prefill = vec![
        PrefillChunk { tokens: 50, begin_ns: 1_010_000_000, end_ns: 1_100_000_000 },
        PrefillChunk { tokens: 30, begin_ns: 1_110_000_000, end_ns: 1_210_000_000 },
    ];
    one.vision = Some(PrefillChunk { tokens: 9, begin_ns: 1_000_000_000, end_ns: 1_004_000_000 });
    one.speculation = Some(SpeculationFigures { drafted: 8, accepted: 6 });
    // Intervals of 100, 100, 100 and 500 ms.
    one.token_at_ns[4] = one.token_at_ns[3] + 500_000_000;
    one.end_ns = one.token_at_ns[4] + 900_000_000;
    let analysis = everything(one);
    for (metric, expected) in [
        ("ttft", 250.0),
        ("prefill_rate", 80.0 / 0.2),
        ("decode_rate", 4.0 / 0.8),
        ("inter_token_p50", 100.0),
        ("inter_token_p95", 100.0 + 400.0 * 0.85),
        ("inter_token_p99", 100.0 + 400.0 * 0.97),
        ("jitter", 400.0 * 0.85),
        ("tokens_generated", 5.0),
        ("accepted_draft_share", 0.75),
        ("image_latency", 4.0),
        ("peak_footprint", 1e9),
        ("peak_resident", 2e9),
    ] {
        close(summary(&analysis, metric).estimate.value, expected);
    }
}

#[test]
fn chunks_of_a_stream_give_no_token_metric_but_a_reason() {
    let mut one = Told::at_rate(decode(), 27.0, 100.0);
    for body in &mut one.bodies {
        if let RecordBody::Generation(pass) = body {
            pass.stamps_are_tokens = false;
        }
    }
    let analysis = analyse(&[one]);
    assert!(
        analysis.summaries.iter().all(|summary| summary.metric.starts_with("peak_")),
        "{:?}",
        analysis.summaries
    );
    let flags = &analysis.trials[0].attempt.as_ref().unwrap().flags;
    assert!(flags.contains(&"chunk-stamps".to_owned()));
    assert!(
        flags.iter().any(|flag| flag.starts_with("decode_rate: stamps are of stream chunks")),
        "{flags:?}"
    );
}

#[test]
fn load_regimes_are_never_pooled() {
    let mut one = Told::new(cell("speed/load-cold", "qwen3.5-2b", "coreml", ComputeUnit::Cpu), vec![]);
    one.loaded = Some(loaded(LoadRegime::Cold));
    let mut warm = loaded(LoadRegime::Warm);
    warm.end_ns = 200_000_000;
    let mut first = loaded(LoadRegime::FirstEver);
    first.end_ns = 90_000_000_000;
    one.bodies = vec![RecordBody::Loaded(Box::new(warm)), RecordBody::Loaded(Box::new(first))];
    let analysis = analyse(&[one.clone()]);
    close(summary(&analysis, "load_cold").estimate.value, 1.5);
    close(summary(&analysis, "load_first_ever").estimate.value, 90.0);
    assert!(
        analysis.summaries.iter().all(|summary| summary.metric != "load_warm"),
        "the case does not yield it"
    );
    one.cell = cell("speed/load-warm", "qwen3.5-2b", "coreml", ComputeUnit::Cpu);
    close(summary(&analyse(&[one]), "load_warm").estimate.value, 0.2);
}

#[test]
fn the_ceiling_is_of_the_same_session_or_of_none() {
    let bandwidth =
        || Told::with_bandwidth(cell("speed/bandwidth", "none", "dyno", ComputeUnit::Cpu), 50_000_000_000);
    let rate = || Told::at_rate(decode(), 25.0, 100.0);
    let together = analyse(&[rate(), bandwidth()]);
    close(summary(&together, "memory_bandwidth").estimate.value, 5e10);
    let share = summary(&together, "share_of_ceiling").estimate.value;
    assert!((share - 25.0 * 1e9 / 5e10).abs() < 0.002, "{share}");
    assert_eq!(summary(&together, "decode_rate").ceiling, Some(share));
    let alone = analyse(&[rate()]);
    assert_eq!(summary(&alone, "decode_rate").ceiling, None);
    let flags = &alone.trials[0].attempt.as_ref().unwrap().flags;
    assert!(
        flags.iter().any(|flag| flag.contains("no memory bandwidth was measured in this session")),
        "{flags:?}"
    );
}

#[test]
fn wrong_output_voids_its_times() {
    let wrong = |change: &dyn Fn(&mut Told)| {
        let mut one = Told::at_rate(decode(), 27.0, 100.0);
        change(&mut one);
        let analysis = analyse(&[one]);
        assert!(analysis.summaries.is_empty(), "garbage gave {:?}", analysis.summaries.first());
        match analysis.trials[0].attempt.as_ref().unwrap().outcome.clone() {
            Some(Outcome::Invalid { reasons }) => reasons.join("; "),
            other => panic!("{other:?}"),
        }
    };
    let in_pass = |told: &mut Told, change: &dyn Fn(&mut GenerationPass)| {
        if let Some(RecordBody::Generation(pass)) = told.bodies.get_mut(1) {
            change(pass);
        }
    };
    let says = wrong(&|told| {
        in_pass(told, &|pass| pass.finish = Finish::Loop { from_token: 3, what: "a line".into() });
    });
    assert!(says.contains("circles from token 3"), "{says}");
    let says = wrong(&|told| told.expected_ids = Some(vec![0, 1, 2, 9]));
    assert!(says.contains("gave id 3 at token 3, where a right engine gives 9"), "{says}");
    let says = wrong(&|told| in_pass(told, &|pass| pass.prompt_sha256 = "other".into()));
    assert!(says.contains("another prompt"), "{says}");
    let says = wrong(&|told| {
        in_pass(told, &|pass| {
            pass.token_ids.truncate(100);
            pass.token_at_ns.truncate(100);
            pass.finish = Finish::End;
        });
    });
    assert!(says.contains("100 tokens where 128 were planned"), "{says}");
    let says = wrong(&|told| in_pass(told, &|pass| pass.token_at_ns[5] = 0));
    assert!(says.contains("go back in time"), "{says}");
    let says = wrong(&|told| in_pass(told, &|pass| pass.token_at_ns.truncate(127)));
    assert!(says.contains("128 ids and 127 stamps"), "{says}");
}

#[test]
fn what_a_runner_is_told_is_what_the_analysis_says() {
    let mut one = pass(0, 0, 4, 10.0, 1.0);
    one.finish = Finish::Cancelled;
    let record = |body| dyno_protocol::Record { record: 0, at_ns: 0, body };
    let records = [record(RecordBody::Generation(Box::new(one.clone())))];
    assert_eq!(super::invalid_because(&records, Some(&prompt()), None), ["pass 0 was cancelled"]);
    one.kind = PassKind::WarmUp;
    let records = [record(RecordBody::Generation(Box::new(one)))];
    assert!(super::invalid_because(&records, Some(&prompt()), None).is_empty());
}

#[test]
fn greedy_passes_that_differ_are_flagged() {
    let mut one = Told::at_rate(decode(), 27.0, 100.0);
    if let Some(RecordBody::Generation(pass)) = one.bodies.get_mut(1) {
        pass.token_ids[7] = 99;
    }
    let analysis = analyse(&[one]);
    assert!(
        analysis.trials[0]
            .attempt
            .as_ref()
            .unwrap()
            .flags
            .iter()
            .any(|flag| flag.starts_with("nondeterministic"))
    );
    assert!(
        analysis.warnings.iter().any(|warning| warning.contains("different ids")),
        "{:?}",
        analysis.warnings
    );
    assert!(!analysis.summaries.is_empty(), "a flag is no void");
}

#[test]
fn numbers_of_another_state_or_build_are_never_pooled() {
    let mut others: Vec<(&str, Bundle)> = Vec::new();
    let told = Told::at_rate(decode(), 27.0, 100.0);
    let mut facts = phone();
    facts.os_build = Known::Is("23T2".into());
    others.push(("OS build", run("other", &facts, Evidence::Measured, std::slice::from_ref(&told))));
    let mut facts = phone();
    facts.build.profile = dyno_protocol::BuildProfile::Debug;
    others.push(("agent build", run("other", &facts, Evidence::Measured, std::slice::from_ref(&told))));
    let changed = |change: &dyn Fn(&mut Told)| {
        let mut told = told.clone();
        change(&mut told);
        run("other", &phone(), Evidence::Measured, &[told])
    };
    others.push(("weights", changed(&|told| told.loaded.as_mut().unwrap().model_sha256 = "cc".into())));
    others.push(("power source", changed(&|told| told.conditions.power = Known::Is(PowerSource::Charging))));
    others.push(("low power mode", changed(&|told| told.conditions.low_power_mode = Known::Is(true))));
    others.push(("thermal state", changed(&|told| told.conditions.thermal = Known::Is(ThermalState::Fair))));
    others.push(("foreground", changed(&|told| told.conditions.foreground = Known::Is(false))));
    let same = run("run", &phone(), Evidence::Measured, &[told.clone(), told.clone()]);
    for (what, other) in others {
        let analysis = Analysis::of(&[same.clone(), other], &definitions());
        let rates: Vec<&Summary> =
            analysis.summaries.iter().filter(|summary| summary.metric == "decode_rate").collect();
        assert_eq!(rates.len(), 2, "{what}");
        assert!(
            rates.iter().all(|summary| summary
                .estimate
                .warnings
                .iter()
                .any(|warning| warning.contains(what))),
            "{what}: {:?}",
            rates[0].estimate.warnings
        );
    }
    let again = run("again", &phone(), Evidence::Measured, std::slice::from_ref(&told));
    let pooled = Analysis::of(&[same, again], &definitions());
    let rate = summary(&pooled, "decode_rate");
    assert_eq!((rate.estimate.passes, rate.estimate.trials, rate.estimate.sessions), (9, 3, 2));
}

#[test]
fn evidence_is_no_better_than_its_engine_and_weights() {
    let kinds = |model: &str, engine: &str, best: Evidence| {
        let told = Told::at_rate(cell("speed/decode", model, engine, ComputeUnit::Cpu), 27.0, 100.0);
        Analysis::of(&[run("run", &phone(), best, &[told])], &definitions()).summaries[0].evidence
    };
    assert_eq!(kinds("qwen3.5-2b", "coreml", Evidence::Measured), Evidence::Measured);
    assert_eq!(kinds("synth:2b", "coreml", Evidence::Measured), Evidence::SyntheticWeights);
    assert_eq!(kinds("qwen3.5-2b", "scripted", Evidence::Measured), Evidence::Simulated);
    assert_eq!(kinds("synth:2b", "coreml", Evidence::Simulated), Evidence::Simulated);
}

#[test]
fn attempts_that_were_cut_or_have_gaps_give_no_numbers() {
    let mut cut = Told::at_rate(decode(), 27.0, 100.0);
    cut.outcome = None;
    let analysis = analyse(&[cut]);
    assert!(analysis.summaries.is_empty());
    assert!(analysis.warnings.iter().any(|warning| warning.contains("cut before their end")));

    let mut bundle = run("run", &phone(), Evidence::Measured, &[Told::at_rate(decode(), 27.0, 100.0)]);
    bundle.events.remove(5);
    let analysis = Analysis::of(&[bundle], &definitions());
    assert!(analysis.summaries.is_empty());

    let mut bundle = run("run", &phone(), Evidence::Measured, &[Told::at_rate(decode(), 27.0, 100.0)]);
    bundle.events.retain(|event| matches!(event.body, EventBody::Planned { .. }));
    let analysis = Analysis::of(&[bundle], &definitions());
    assert_eq!((analysis.trials.len(), analysis.trials[0].attempt.is_none()), (1, true));
    assert!(analysis.warnings.iter().any(|warning| warning.contains("never begun")));
}

/// Passes of 127 intervals one after the other, at rates that the caller chooses over time.
fn long_work(seconds: f64, rate_at: impl Fn(f64) -> f64) -> Told {
    let mut passes = Vec::new();
    let mut now_s = 1.0;
    while now_s < seconds {
        let rate = rate_at(now_s - 1.0);
        let pass = pass(passes.len() as u32, (now_s * 1e9) as u64, 128, rate, 50.0);
        now_s = pass.end_ns as f64 / 1e9 + 0.1;
        passes.push(pass);
    }
    Told::new(cell("other/long", "m", "dyno", ComputeUnit::Gpu), passes)
}

#[test]
fn long_work_shows_its_start_its_plateau_and_its_fall() {
    // A noise that has no trend, and nothing of the surplus left in the last quarter.
    let fall = |s: f64| 20.0 * (-(s - 30.0).max(0.0) * std::f64::consts::LN_2 / 60.0).exp();
    let analysis = analyse(&[long_work(1800.0, |s| {
        20.0 + fall(s) + 0.02 * (f64::from(u8::from(s > 60.0))) * (7.0 * s).sin()
    })]);
    let start = summary(&analysis, "initial_rate").estimate.value;
    close(start, 40.0);
    let plateau = summary(&analysis, "plateau_rate").estimate.value;
    assert!((plateau - 20.0).abs() < 0.1, "{plateau}");
    let retained = summary(&analysis, "retained_share").estimate.value;
    assert!((retained - 0.5).abs() < 0.01, "{retained}");
    let half_life = summary(&analysis, "half_life").estimate.value;
    assert!((half_life - 60.0).abs() < 12.0, "{half_life}");
    let throttled = summary(&analysis, "time_to_throttle").estimate.value;
    assert!((22.0..40.0).contains(&throttled), "{throttled}");
    for read in ["initial_rate", "plateau_rate", "retained_share", "half_life", "time_to_throttle"] {
        let estimate = &summary(&analysis, read).estimate;
        let (low, high) = estimate.interval.unwrap_or_else(|| panic!("{read} has no interval"));
        assert!(low <= estimate.value && estimate.value <= high, "{read}: {low} {high}");
        assert!(estimate.warnings.iter().any(|warning| warning.contains("one trial")), "{read}");
    }

    let steady = analyse(&[long_work(300.0, |_| 30.0)]);
    for absent in ["time_to_throttle", "half_life", "recovery_time"] {
        assert!(
            steady.summaries.iter().all(|summary| summary.metric != absent),
            "{absent} is missing, not zero"
        );
    }
    let falling = analyse(&[long_work(300.0, |s| 40.0 - s / 20.0)]);
    assert!(
        falling.summaries.iter().all(|summary| summary.metric != "plateau_rate"),
        "what still falls is no plateau"
    );
}

#[test]
fn sustained_work_becomes_a_curve_and_probes_its_recovery() {
    let mut long = long_work(100.0, |s| if s < 30.0 { 40.0 } else { 20.0 });
    let mut probe = pass(900, 200_000_000_000, 20, 39.0, 10.0);
    probe.step = 1;
    long.bodies.push(RecordBody::Generation(Box::new(probe)));
    let last_end = long.bodies.iter().rev().nth(1).and_then(|body| match body {
        RecordBody::Generation(pass) => pass.token_at_ns.last().copied(),
        _ => None,
    });
    close(
        summary(&analyse(&[long]), "recovery_time").estimate.value,
        (200e9 - last_end.unwrap() as f64) / 1e9,
    );

    let mut minute = long_work(60.0, |_| 20.0);
    minute.cell = cell("thermal/two-minutes", "m", "dyno", ComputeUnit::Gpu);
    let courses = analyse(&[minute]).courses;
    assert_eq!(courses.len(), 1);
    assert!(courses[0].rate.len() > 5 && (courses[0].rate[0].1 - 20.0).abs() < 0.01);
    assert_eq!(courses[0].onset_s, None);
}

#[test]
fn energy_is_measured_between_readings_or_not_at_all() {
    let reading = |at_s: f64, uj: f64, percent: f64| SensorSample {
        at_ns: (at_s * 1e9) as u64,
        readings: vec![Reading { sensor: 0, value: uj }, Reading { sensor: 1, value: percent }],
    };
    let mut told = long_work(1000.0, |_| 20.0);
    let (levels, watts) = ([90.0, 85.0, 80.0, 75.0], 5.0);
    let samples = (0..100).map(|tenth| {
        let at_s = 2.0 + 9.9 * f64::from(tenth);
        reading(at_s, watts * at_s * 1e6, levels[(tenth / 25) as usize])
    });
    told.bodies.push(RecordBody::Sensors { samples: samples.collect() });
    let analysis = analyse(&[told.clone()]);
    close(summary(&analysis, "average_power").estimate.value, watts);
    let power = summary(&analysis, "average_power");
    assert_eq!(power.cell.axes["instrument"], "rapl");
    let per_token = summary(&analysis, "gross_energy_per_token").estimate.value;
    assert!((per_token - watts / 20.0).abs() < 0.02, "{per_token}");
    // A step of five per cent every 25 samples, and no more than three of them.
    let drain = summary(&analysis, "percent_per_hour");
    assert_eq!(drain.cell.axes["instrument"], "gauge-ticks");
    assert!((drain.estimate.value / (5.0 * 3600.0 / (25.0 * 9.9)) - 1.0).abs() < 0.1, "{drain:?}");
    let (low, high) = drain.estimate.interval.unwrap();
    assert!(high / low > 1.3, "three steps leave a wide interval: {low} {high}");
    let missing = |metric: &str| analysis.summaries.iter().all(|summary| summary.metric != metric);
    assert!(missing("energy_per_token") && missing("idle_power"), "nobody watched the idle device");
    let row = &analysis.sessions[0].sensors[1];
    assert_eq!(
        (row.name.as_str(), row.samples, row.first, row.lowest, row.highest),
        ("battery_percent", 100, 90.0, 75.0, 90.0)
    );

    let wrapped = vec![reading(3.0, 9e6, 90.0), reading(4.0, 1e6, 90.0)];
    told.bodies.pop();
    told.bodies.push(RecordBody::Sensors { samples: wrapped });
    let none = analyse(&[told]);
    assert!(
        none.summaries
            .iter()
            .all(|summary| !["average_power", "percent_per_hour"].contains(&summary.metric.as_str()))
    );
}

#[test]
fn answers_give_both_accuracies() {
    let answer = |item: &str, answer: Option<&str>, right: bool| ItemAnswer {
        item: item.into(),
        cluster: None,
        answer: answer.map(str::to_owned),
        right,
        truncated: answer.is_none(),
        looped: false,
        tokens: 10,
        asked: None,
    };
    let mut told = Told::new(cell("other/items", "m", "dyno", ComputeUnit::Cpu), vec![]);
    told.answers =
        vec![answer("a", Some("1"), true), answer("b", Some("2"), false), answer("c", None, false)];
    let analysis = analyse(&[told]);
    close(summary(&analysis, "accuracy").estimate.value, 1.0 / 3.0);
    close(summary(&analysis, "accuracy_answered").estimate.value, 0.5);
    close(summary(&analysis, "truncated_share").estimate.value, 1.0 / 3.0);
    close(summary(&analysis, "tokens_per_answer").estimate.value, 10.0);
    assert!(summary(&analysis, "loop_share").estimate.value.abs() < 1e-12);
}

#[test]
fn a_run_given_twice_counts_once_and_order_does_not_matter() {
    let one = run("one", &phone(), Evidence::Measured, &[Told::at_rate(decode(), 27.0, 100.0)]);
    let two = run("two", &phone(), Evidence::Measured, &[Told::at_rate(decode(), 26.0, 100.0)]);
    let definitions = definitions();
    let analysis = Analysis::of(&[one.clone(), two.clone(), one.clone()], &definitions);
    assert_eq!(summary(&analysis, "decode_rate").estimate.trials, 2);
    assert!(analysis.warnings.iter().any(|warning| warning.contains("given twice")));
    let other_way = Analysis::of(&[two, one], &definitions);
    let values = |analysis: &Analysis| -> Vec<(String, u64)> {
        let figures = analysis.summaries.iter();
        figures.map(|found| (found.metric.clone(), (found.estimate.value * 1e6).round() as u64)).collect()
    };
    assert_eq!(values(&analysis), values(&other_way));
}

/// Ten thousand trials are a lab's month. This fails when the work stops being linear, not when a machine is slow.
#[test]
fn ten_thousand_trials_are_analysed() {
    let told: Vec<Told> = (0..10_000)
        .map(|index| {
            let model = format!("model-{}", index % 100);
            Told::new(
                cell("speed/chat", &model, "dyno", ComputeUnit::Cpu),
                vec![pass(0, 1_000, 64, 20.0 + f64::from(index % 7), 100.0)],
            )
        })
        .collect();
    let analysis = analyse(&told);
    assert_eq!(analysis.trials.len(), 10_000);
    assert_eq!(summary(&analysis, "ttft").estimate.trials, 100);
}
