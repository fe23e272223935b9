//! Gates, rests and probes as a run carries them out: every one an event, in its order, with what it was for.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod script;

use dyno_protocol::RecordBody;
use dyno_reports::bundle::{Bundle, EventBody, Outcome, ProbeReason};
use dyno_tests::cli::Desk;

const DYNO: &str = env!("CARGO_BIN_EXE_dyno-under-test");

fn heat(out: &str) -> Vec<&str> {
    let mut arguments = script::run_into(out);
    for argument in &mut arguments {
        if *argument == "rehearsal" {
            *argument = "rehearsal-heat";
        }
    }
    arguments
}

#[test]
fn a_heating_trial_stands_behind_a_probe_a_rest_and_a_gate_and_is_watched_before_and_after() {
    let desk = Desk::new();
    script::write(&desk, None);
    desk.run(DYNO, &heat("run")).expect(0);
    assert_eq!(script::done(&desk, "run").len(), 2);
    let bundle = Bundle::open(&desk.path("run")).unwrap();
    let told: Vec<String> = bundle
        .events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::ClockRead { .. } => Some("clock".to_owned()),
            EventBody::Probed(probed) => Some(match &probed.why {
                ProbeReason::Start => "start".to_owned(),
                ProbeReason::End => "end".to_owned(),
                ProbeReason::Reference => "reference".to_owned(),
                ProbeReason::Gate { attempt, .. } => format!("gate {attempt}"),
            }),
            EventBody::Waited { what, trial: Some(_), reached: true, .. } if what.contains("cool down") => {
                Some("rest".to_owned())
            }
            EventBody::Waited { what, trial: Some(_), reached: true, .. }
                if what.contains("cold reference") =>
            {
                Some("passed".to_owned())
            }
            EventBody::TrialEnded { outcome: Outcome::Done, .. } => Some("done".to_owned()),
            EventBody::TrialEnded { outcome, .. } => Some(format!("{outcome:?}")),
            _ => None,
        })
        .collect();
    // A busy machine may need another probe before the gate opens; the order stays.
    let mut once = told.clone();
    once.dedup();
    let expected = ["clock", "start", "gate 1", "passed", "done", "rest", "gate 1", "passed", "done", "end"];
    assert_eq!(once, expected, "{told:?}");
    let passes: Vec<u32> = bundle
        .events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::Observed { record, .. } => match &record.body {
                RecordBody::Generation(pass) => Some(pass.step),
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert!(passes.contains(&1) && passes.contains(&0), "work and probes are told apart by their steps");
    let page = std::fs::read_to_string(desk.path("run/report/index.html")).unwrap();
    assert!(page.contains("Probe of script:model.json"), "the page shows the anchors");
    assert!(page.contains("Gates and cool-downs of this session"));
    assert!(page.contains("cold reference"), "and what was waited for");
}

#[test]
fn the_dry_run_shows_gates_and_probes_as_steps() {
    let desk = Desk::new();
    script::write(&desk, None);
    let mut arguments = heat("run");
    let out = arguments.iter().position(|argument| *argument == "--out").unwrap();
    arguments.truncate(out);
    arguments.extend(["--dry-run", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&desk.run(DYNO, &arguments).expect(0).out).unwrap();
    let steps: Vec<&str> =
        shown["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["open", "probe", "gate", "measure", "wait", "gate", "measure", "probe", "close"]);
}
