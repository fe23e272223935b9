//! Claims about heat, energy and pictures, against courses and counters whose truth is known.

use dyno_protocol::{PrefillChunk, Reading, SensorSample};

use super::*;
use crate::derive::testing::pass;

const NE: ComputeUnit = ComputeUnit::NeuralEngine;
const MODELS: [&str; 2] = ["qwen3.5-0.8b", "qwen3.5-2b"];

/// Passes one after the other for so long.
fn long(cell: Cell, seconds: f64, rate_at: impl Fn(f64) -> f64) -> Told {
    let mut passes = Vec::new();
    let mut now_s = 1.0;
    while now_s < seconds {
        let pass = pass(passes.len() as u32, (now_s * 1e9) as u64, 128, rate_at(now_s), 50.0);
        now_s = pass.end_ns as f64 / 1e9 + 0.1;
        passes.push(pass);
    }
    Told::new(cell, passes)
}

/// An hour's work by the processor's counter, shortened: the counter does not mind.
fn energetic(model: &str, unit: ComputeUnit, case: &str, rate: f64, watts: f64) -> Vec<Told> {
    [0.995, 1.0, 1.004]
        .map(|share| {
            let mut told = long(cell(case, model, "coreml", unit), 120.0, |_| rate * share);
            let sample = |at: u32| SensorSample {
                at_ns: u64::from(at) * 1_000_000_000,
                readings: vec![Reading { sensor: 0, value: f64::from(at) * watts * 1e6 }],
            };
            told.bodies.push(RecordBody::Sensors { samples: (1..130).map(sample).collect() });
            told
        })
        .into()
}

#[test]
fn sustained_use_holds_while_half_is_left_and_fails_below() {
    let with_end = |end: f64| {
        let told: Vec<Told> = MODELS
            .iter()
            .flat_map(|model| {
                [0.99, 1.0, 1.01].map(|share| {
                    let place = cell("thermal/ten-minutes", model, "coreml", NE);
                    long(place, 600.0, move |s| if s < 60.0 { 30.0 * share } else { end })
                })
            })
            .collect();
        verdict("sustained", &[on(&phone(), &told)])
    };
    says(&with_end(21.0), Verdict::Holds, "at least 0.5 ratio holds");
    says(&with_end(9.0), Verdict::Fails, "fails");
    assert_eq!(with_end(15.0).verdict, Verdict::CannotTell);
    let short = long(cell("thermal/two-minutes", MODELS[1], "coreml", NE), 120.0, |_| 30.0);
    assert_eq!(verdict("sustained", &[on(&phone(), &[short])]).verdict, Verdict::CannotTell);
}

#[test]
fn the_best_mix_is_the_one_that_no_other_unit_beats_at_both() {
    let units = |gpu: (f64, f64)| {
        let told: Vec<Told> = MODELS
            .iter()
            .flat_map(|model| {
                let on_unit =
                    |unit, (rate, watts): (f64, f64)| energetic(model, unit, "battery/hour", rate, watts);
                let mut told = on_unit(NE, (20.0, 2.0));
                told.extend(on_unit(ComputeUnit::Gpu, gpu));
                told.extend(on_unit(ComputeUnit::Cpu, (10.0, 4.0)));
                told
            })
            .collect();
        verdict("ane-best-mix", &[on(&phone(), &told)])
    };
    // Faster and hungrier is another mix; faster and thriftier is a better one.
    let holds = units((40.0, 10.0));
    assert_eq!(holds.verdict, Verdict::Holds, "{holds:#?}");
    assert!(holds.evidence.iter().all(|line| line.kind == Evidence::Measured) && !holds.evidence.is_empty());
    assert_eq!(units((40.0, 2.0)).verdict, Verdict::Fails);
    assert_eq!(units((20.0, 2.0)).verdict, Verdict::CannotTell);
    let alone: Vec<Told> =
        MODELS.iter().flat_map(|model| energetic(model, NE, "battery/hour", 20.0, 2.0)).collect();
    let found = verdict("ane-best-mix", &[on(&phone(), &alone)]);
    assert_eq!(found.verdict, Verdict::CannotTell);
    assert!(found.why.iter().any(|why| why.contains("there are no runs on gpu")), "{:?}", found.why);
}

#[test]
fn a_picture_takes_milliseconds_or_more_than_a_thousand() {
    let with_latency = |ms: f64| {
        let told: Vec<Told> = MODELS
            .iter()
            .flat_map(|model| {
                let mut place = cell("speed/picture", model, "coreml", NE);
                place.axes.insert("picture".to_owned(), "448".to_owned());
                [0.995, 1.0, 1.004].map(|share| {
                    let mut seen = pass(0, 1_000_000_000, 16, 30.0, 2_000.0);
                    let end_ns = seen.begin_ns + (ms * share * 1e6) as u64;
                    seen.vision = Some(PrefillChunk { tokens: 196, begin_ns: seen.begin_ns, end_ns });
                    Told::new(place.clone(), vec![seen])
                })
            })
            .collect();
        verdict("vision-milliseconds", &[on(&phone(), &told)])
    };
    says(&with_latency(180.0), Verdict::Holds, "at most 1000 ms holds");
    says(&with_latency(1500.0), Verdict::Fails, "fails");
    assert_eq!(with_latency(1000.0).verdict, Verdict::CannotTell);
}

#[test]
fn staying_on_the_unit_takes_its_rate_its_operations_and_its_power() {
    let with_power = |gpu_watts: f64| {
        let mut told = Vec::new();
        for model in MODELS {
            for (unit, rate, watts) in
                [(NE, 30.0, 2.0), (ComputeUnit::Gpu, 45.0, gpu_watts), (ComputeUnit::Cpu, 12.0, 6.0)]
            {
                told.extend(three(&decode(model, unit), rate, 100.0));
                told.extend(energetic(model, unit, "battery/ten-minutes", rate, watts));
            }
        }
        verdict("ane-stays", &[on(&phone(), &with_operations(told, &[(NE, 95), (ComputeUnit::Cpu, 5)]))])
    };
    assert_eq!(with_power(9.0).verdict, Verdict::Holds);
    assert_eq!(with_power(2.0).verdict, Verdict::Fails, "the power of another unit is the other unit");
}
