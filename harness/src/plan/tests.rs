//! Plans from the embedded definitions, on a made-up machine.

use dyno_protocol::{BuildFacts, BuildProfile, ComputeUnit, DeviceFacts, DeviceKind, EngineFacts, Known};
use dyno_suites::Definitions;

use super::{NONE, Offer, Plan, plan};
use crate::selection::{CaseName, Selection};

fn offer() -> Offer {
    let engine = |name: &str| EngineFacts {
        name: name.to_owned(),
        version: "1".to_owned(),
        units: vec![ComputeUnit::Cpu],
    };
    let facts = DeviceFacts {
        device_id: "test".to_owned(),
        name: "test".to_owned(),
        kind: DeviceKind::Linux,
        model_identifier: Known::unknown("test"),
        marketing_name: Known::unknown("test"),
        chip: Known::unknown("test"),
        logical_cores: 2,
        memory_bytes: Known::Is(8 << 30),
        os_name: "test".to_owned(),
        os_version: Known::unknown("test"),
        os_build: Known::unknown("test"),
        build: BuildFacts {
            version: "1".to_owned(),
            binary_sha256: Known::unknown("test"),
            profile: BuildProfile::Release,
            target: "test".to_owned(),
        },
        engines: vec![engine("dyno"), engine("scripted")],
        sensors: Vec::new(),
    };
    Offer { device: "local".to_owned(), facts }
}

fn selection(change: impl FnOnce(&mut Selection)) -> Selection {
    let definitions = Definitions::embedded().unwrap();
    let mut selection = Selection::main_job(&definitions, 1).unwrap();
    selection.cases.retain(|name| name.case == "decode");
    selection.depths = Some(vec![0, 1024]);
    selection.rounds = 2;
    change(&mut selection);
    selection
}

fn planned(change: impl FnOnce(&mut Selection)) -> Plan {
    plan(&selection(change), &Definitions::embedded().unwrap(), &[offer()]).unwrap()
}

fn reasons(plan: &Plan) -> String {
    plan.skipped.iter().map(|skipped| skipped.reason.as_str()).collect::<Vec<_>>().join("; ")
}

#[test]
fn the_product_of_all_axes_is_planned_once_each() {
    let plan = planned(|selection| {
        selection.models = vec!["tiny-1m".into(), "tiny-5m".into(), "tiny-1m".into()];
        selection.quants = vec!["bf16".into(), "4bit".into()];
    });
    // Two models, two formats, two depths, two rounds; the model named twice is planned once.
    assert_eq!(plan.trials.len(), 16);
    assert!(plan.skipped.is_empty(), "{}", reasons(&plan));
    let mut ids: Vec<_> = plan.trials.iter().map(|trial| &trial.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 16);
    assert!(plan.trials.iter().all(|trial| trial.expected_ns > 0));
}

#[test]
fn what_cannot_be_run_is_skipped_with_what_would_make_it_run() {
    let absent = planned(|selection| selection.models = vec!["qwen3.5-0.8b".into()]);
    assert!(absent.trials.is_empty() && reasons(&absent).contains("give the path of a checkpoint"));
    let engine = planned(|selection| selection.engines = vec!["coreml".into()]);
    assert!(engine.trials.is_empty() && reasons(&engine).contains("it has dyno, scripted"));
    let unit = planned(|selection| selection.units = vec!["neural-engine".into()]);
    assert!(unit.trials.is_empty() && reasons(&unit).contains("runs on cpu"));
    let large = planned(|selection| {
        selection.models = vec!["synth:9b".into()];
        selection.quants = vec!["bf16".into(), "4bit".into()];
    });
    assert!(reasons(&large).contains("its weights take 17.9 GB"), "{}", reasons(&large));
    assert!(!large.trials.is_empty(), "at 4 bits it fits");
    let deep = planned(|selection| {
        selection.models = vec!["synth:0.8b".into()];
        selection.quants = vec!["4bit".into()];
        selection.depths = Some(vec![0, 300_000]);
    });
    assert!(reasons(&deep).contains("tokens of context") && !deep.trials.is_empty());
}

#[test]
fn work_without_a_model_is_planned_once_per_round() {
    let plan = planned(|selection| {
        selection.cases = vec![CaseName { suite: "speed".into(), case: "bandwidth".into() }];
        selection.models = vec!["tiny-1m".into(), "tiny-5m".into()];
    });
    assert_eq!(plan.trials.len(), 2);
    assert!(plan.trials.iter().all(|trial| trial.cell.model == NONE));
}

#[test]
fn items_are_planned_once_whatever_the_rounds_and_shared_out_among_devices_of_a_kind() {
    let items = |selection: &mut Selection| {
        selection.cases = vec![CaseName { suite: "thinking".into(), case: "logic".into() }];
        selection.models = vec!["tiny-1m".into()];
        selection.quants = vec!["bf16".into()];
        selection.caps = Some(vec![64, 128]);
    };
    let one = planned(items);
    // Two ways of thinking, two caps, one round.
    assert_eq!(one.trials.len(), 4, "{}", reasons(&one));
    assert!(one.trials.iter().all(|trial| !trial.cell.axes.contains_key("shard")));
    let (first, mut second, mut other) = (offer(), offer(), offer());
    second.device = "second".into();
    second.facts.device_id = "second".into();
    other.device = "other".into();
    other.facts.os_build = Known::Is("another".into());
    let definitions = Definitions::embedded().unwrap();
    let plan = plan(&selection(items), &definitions, &[first, second, other]).unwrap();
    let shards: Vec<_> = plan
        .trials
        .iter()
        .filter(|trial| trial.cell.axes["thinking"] == "on" && trial.cell.axes["cap"] == "64")
        .map(|trial| (trial.cell.device.as_str(), trial.cell.axes.get("shard").map(String::as_str)))
        .collect();
    assert_eq!(shards, [("local", Some("1/2")), ("second", Some("2/2")), ("other", None)]);
}

#[test]
fn what_an_engine_cannot_be_asked_is_skipped() {
    let plan = planned(|selection| {
        selection.cases = vec![CaseName { suite: "pictures".into(), case: "mazes".into() }];
        selection.models = vec!["synth:0.8b".into()];
        selection.quants = vec!["4bit".into()];
    });
    assert!(plan.trials.is_empty() && reasons(&plan).contains("takes no pictures"), "{}", reasons(&plan));
}

#[test]
fn unknown_names_are_errors_with_a_hint() {
    let definitions = Definitions::embedded().unwrap();
    let error = |change: fn(&mut Selection)| {
        plan(&selection(change), &definitions, &[offer()]).unwrap_err().to_string()
    };
    assert!(error(|selection| selection.models = vec!["tiny-2m".into()]).contains("tiny-1m"));
    assert!(error(|selection| selection.quants = vec!["4bits".into()]).contains("4bit"));
    assert!(error(|selection| selection.units = vec!["npu".into()]).contains("neural-engine"));
}
