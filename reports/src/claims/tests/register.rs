//! The claims of the register.

use dyno_protocol::{
    BuildProfile, ComputeUnit, DeviceKind, Failure, FailureKind, Known, PowerSource, ThermalState,
};
use dyno_suites::Test;

use super::*;
use crate::bundle::Outcome;
use crate::verdict::Leaning;

const NE: ComputeUnit = ComputeUnit::NeuralEngine;

#[test]
fn rates_about_a_value_hold_fail_or_stay_open() {
    for (claim, model, stated) in
        [("ane-decode-0.8b", "qwen3.5-0.8b", 48.0), ("ane-decode-2b", "qwen3.5-2b", 27.0)]
    {
        let at = |rate: f64| verdict(claim, &[on(&phone(), &three(&decode(model, NE), rate, 100.0))]);
        let holds = at(stated);
        says(&holds, Verdict::Holds, &format!("the claim of {stated} token/s holds"));
        assert!(holds.headline.contains("on iPhone 17 Pro") && holds.differs.is_empty());
        assert_eq!(holds.evidence[0].refers_to.len(), 3);
        says(&at(0.8 * stated), Verdict::Fails, "fails");
        says(&at(1.3 * stated), Verdict::Fails, "fails");
        says(&at(1.1 * stated), Verdict::CannotTell, "too little to tell");
        let one = verdict(claim, &[on(&phone(), &three(&decode(model, NE), stated, 100.0)[..1])]);
        says(&one, Verdict::CannotTell, "too little");
        assert!(one.why.iter().any(|why| why.contains("at least 2 trials")), "{:?}", one.why);
        says(&verdict(claim, &[]), Verdict::CannotTell, "Nothing that was measured here matches");
    }
}

#[test]
fn whatever_differs_from_the_conditions_keeps_a_number_from_deciding_and_is_named() {
    let told = three(&decode("qwen3.5-2b", NE), 27.0, 100.0);
    let facts = |change: &dyn Fn(&mut DeviceFacts)| {
        let mut facts = phone();
        change(&mut facts);
        on(&facts, &told)
    };
    let changed = |change: &dyn Fn(&mut Told)| {
        let mut told = told.clone();
        told.iter_mut().for_each(change);
        on(&phone(), &told)
    };
    for (bundle, named) in [
        (facts(&|facts| facts.kind = DeviceKind::Mac), "the device is mac, not iphone"),
        (facts(&|facts| facts.marketing_name = Known::Is("iPhone 16".into())), "the device is iPhone 16"),
        (facts(&|facts| facts.os_build = Known::unknown("no")), "the OS build is not known"),
        (facts(&|facts| facts.build.profile = BuildProfile::Debug), "build is debug, not release"),
        (changed(&|told| told.cell.model = "qwen3.5-4b".into()), "the model is qwen3.5-4b"),
        (changed(&|told| told.cell.engine = "mlx".into()), "the engine is mlx, not coreml"),
        (changed(&|told| told.cell.unit = ComputeUnit::Gpu), "the compute unit is gpu"),
        (changed(&|told| told.cell.case_version = 99), "version 99 of the case"),
        (
            changed(&|told| told.conditions.thermal = Known::Is(ThermalState::Fair)),
            "thermal state at the start is fair",
        ),
        (
            changed(&|told| told.conditions.thermal = Known::unknown("no")),
            "thermal state at the start is not known",
        ),
        (changed(&|told| told.conditions.low_power_mode = Known::Is(true)), "low power mode was on"),
        (changed(&|told| told.conditions.foreground = Known::Is(false)), "in the background"),
        (changed(&|told| told.loaded = None), "the hash of the weights is not known"),
        (run("run", &phone(), Evidence::Simulated, &told), "evidence about nothing real"),
    ] {
        let found = verdict("ane-decode-2b", &[bundle]);
        assert_eq!(found.verdict, Verdict::CannotTell, "{named}");
        assert!(found.differs.iter().any(|line| line.contains(named)), "{named}: {:?}", found.differs);
        assert!(found.evidence.is_empty() && found.leaning.is_none(), "{named}");
    }
    // What the claim does not speak of does not matter.
    let charging = changed(&|told| told.conditions.power = Known::Is(PowerSource::Charging));
    assert_eq!(verdict("ane-decode-2b", &[charging]).verdict, Verdict::Holds);
}

#[test]
fn matching_measurements_that_disagree_decide_nothing() {
    let mut other = phone();
    other.os_build = Known::Is("23T2".into());
    let cell = decode("qwen3.5-2b", NE);
    let bundles = [
        run("one", &phone(), Evidence::Measured, &three(&cell, 27.0, 100.0)),
        run("two", &other, Evidence::Measured, &three(&cell, 18.0, 100.0)),
    ];
    let found = verdict("ane-decode-2b", &bundles);
    assert_eq!(found.verdict, Verdict::CannotTell);
    assert!(found.why.iter().any(|why| why.contains("disagree")), "{:?}", found.why);
}

#[test]
fn made_weights_point_and_never_decide() {
    let found = verdict("ane-decode-2b", &[on(&phone(), &three(&decode("synth:2b", NE), 27.0, 100.0))]);
    says(&found, Verdict::CannotTell, "With weights made from a seed Dyno measured");
    assert_eq!(found.leaning, Some(Leaning::Indicated));
    let found = verdict("ane-decode-2b", &[on(&phone(), &three(&decode("synth:2b", NE), 17.0, 100.0))]);
    assert_eq!(found.leaning, Some(Leaning::Contradicted));
    let other = verdict("ane-decode-2b", &[on(&phone(), &three(&decode("synth:0.8b", NE), 27.0, 100.0))]);
    assert_eq!(other.leaning, None, "another shape is another model");
}

/// Without the third sign, which is the power drawn, it can fail and not yet hold.
#[test]
fn staying_on_a_unit_takes_operations_and_control_runs() {
    let on_unit = [(NE, 95), (ComputeUnit::Cpu, 5)];
    let all = |operations: &[(ComputeUnit, u64)], gpu: f64| {
        let mut told = Vec::new();
        for model in ["qwen3.5-0.8b", "qwen3.5-2b"] {
            told.extend(with_operations(three(&decode(model, NE), 30.0, 100.0), operations));
            told.extend(three(&decode(model, ComputeUnit::Gpu), gpu, 100.0));
            told.extend(three(&decode(model, ComputeUnit::Cpu), 12.0, 100.0));
        }
        verdict("ane-stays", &[on(&phone(), &told)])
    };
    let signs = all(&on_unit, 45.0);
    assert_eq!(signs.verdict, Verdict::CannotTell);
    assert!(signs.why.iter().any(|why| why.contains("can be held against control runs")), "{:?}", signs.why);
    assert!(signs.why.iter().any(|why| why.contains("95.0 to 95.0 % of the operations")), "{:?}", signs.why);
    says(&all(&[(NE, 40), (ComputeUnit::Cpu, 60)], 45.0), Verdict::Fails, "40.0 to 40.0 %");
    says(&all(&on_unit, 30.0), Verdict::Fails, "on the claimed unit");
    let unknown = all(&[], 45.0);
    assert!(
        unknown.why.iter().any(|why| why.contains("where the operations ran is not known")),
        "{:?}",
        unknown.why
    );
    let no_controls = verdict("ane-stays", &[on(&phone(), &three(&decode("qwen3.5-2b", NE), 30.0, 100.0))]);
    assert!(no_controls.why.iter().any(|why| why.contains("no control run on gpu")), "{:?}", no_controls.why);
}

#[test]
fn mlx_on_the_neural_engine_is_a_matter_of_operations() {
    let of = |operations: &[(ComputeUnit, u64)]| {
        let mut told = Vec::new();
        for model in ["qwen3.5-0.8b", "qwen3.5-2b"] {
            let cell = cell("speed/decode", model, "mlx", ComputeUnit::Gpu);
            told.extend(with_operations(three(&cell, 30.0, 100.0), operations));
        }
        verdict("mlx-on-ane", &[on(&phone(), &told)])
    };
    says(&of(&[(ComputeUnit::Gpu, 100)]), Verdict::Fails, "0.0 to 0.0 %");
    says(&of(&[(NE, 99), (ComputeUnit::Gpu, 1)]), Verdict::Holds, "99.0 to 99.0 %");
    assert_eq!(of(&[]).verdict, Verdict::CannotTell);
}

#[test]
fn conversational_means_soon_and_fast_enough_for_both_models() {
    let both = |rate: f64, ttft_ms: f64| {
        let told: Vec<Told> = ["qwen3.5-0.8b", "qwen3.5-2b"]
            .iter()
            .flat_map(|model| three(&chat(model), rate, ttft_ms))
            .collect();
        verdict("conversational", &[on(&phone(), &told)])
    };
    says(&both(27.0, 400.0), Verdict::Holds, "at most 1000 ms holds");
    says(&both(27.0, 1500.0), Verdict::Fails, "at most 1000 ms fails");
    says(&both(4.0, 400.0), Verdict::Fails, "at least 6.7 token/s fails");
    assert_eq!(both(27.0, 1000.0).verdict, Verdict::CannotTell);
    let one = verdict("conversational", &[on(&phone(), &three(&chat("qwen3.5-2b"), 27.0, 400.0))]);
    assert_eq!(one.verdict, Verdict::CannotTell);
    assert!(one.why.iter().any(|why| why.contains("no measurement of qwen3.5-0.8b")), "{:?}", one.why);
}

fn mlx(case: &str) -> Cell {
    Cell { quant: "6bit".into(), ..cell(case, "qwen3.5-2b", "mlx", ComputeUnit::Gpu) }
}

#[test]
fn running_means_loading_running_and_answering_rightly() {
    let told = |change: &dyn Fn(&mut Told)| {
        let mut chats = three(&mlx("speed/chat"), 30.0, 100.0);
        for one in &mut chats {
            one.expected_ids = Some(vec![0, 1, 2]);
        }
        change(&mut chats[1]);
        chats.extend(three(&mlx("speed/decode"), 30.0, 100.0));
        verdict("mlx-6bit-2b", &[on(&phone(), &chats)])
    };
    let failed = |kind: FailureKind| {
        told(&move |one: &mut Told| {
            one.loaded = None;
            one.bodies.clear();
            one.outcome = Some(Outcome::Failed { failure: Failure::new(kind, "it did not fit") });
        })
    };
    says(&told(&|_| {}), Verdict::Holds, "gave the tokens that a right engine gives");
    says(&failed(FailureKind::Memory), Verdict::Fails, "it did not fit");
    assert_eq!(failed(FailureKind::Cancelled).verdict, Verdict::CannotTell);
    says(&told(&|one| one.expected_ids = Some(vec![9])), Verdict::Fails, "where a right engine gives 9");
    let unchecked = told(&|one| one.expected_ids = None);
    assert_eq!(unchecked.verdict, Verdict::CannotTell);
    assert!(
        unchecked.why.iter().any(|why| why.contains("not checked against a reference")),
        "{:?}",
        unchecked.why
    );
    assert_eq!(told(&|one| one.outcome = None).verdict, Verdict::CannotTell);
}

#[test]
fn a_simulators_numbers_are_refused_and_can_never_hold() {
    let mut simulator = phone();
    simulator.kind = DeviceKind::AppleSimulator;
    let told = three(&decode("qwen3.5-2b", NE), 27.0, 100.0);
    let refused = verdict("simulator-speed", &[run("run", &simulator, Evidence::Simulated, &told)]);
    says(&refused, Verdict::Fails, "refused as evidence about a real device");
    assert!(refused.evidence.iter().all(|line| line.flags == ["refused as evidence"]));
    let real = verdict("simulator-speed", &[on(&phone(), &told)]);
    assert_eq!(real.verdict, Verdict::CannotTell);
    let mut model = phone();
    model.kind = DeviceKind::Simulated;
    let model = verdict("simulator-speed", &[run("run", &model, Evidence::Simulated, &told)]);
    assert_eq!(model.verdict, Verdict::CannotTell, "a model of a device is no Apple simulator");
}

#[test]
fn claims_that_wait_for_a_suite_say_which() {
    let definitions = definitions();
    let analysis = Analysis::of(&[], &definitions);
    let mut waiting = 0;
    for (claim, found) in definitions.claims().iter().zip(&analysis.verdicts) {
        assert_eq!((&found.claim, found.verdict), (&claim.id, Verdict::CannotTell));
        if let [Test::NeedsSuite { suite, .. }] = claim.tests.as_slice() {
            waiting += 1;
            assert!(found.headline.contains(&format!("`{suite}`")), "{}", found.headline);
            assert!(found.decide_with.starts_with("dyno run "));
        }
    }
    assert!(waiting > 0 && waiting < analysis.verdicts.len());
}
