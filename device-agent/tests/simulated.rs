//! A device that is played, through the whole agent: its clock, its determinism, its memory of a sitting.
#![allow(clippy::unwrap_used, reason = "what tests share is a test")]

mod host;

use std::path::Path;
use std::sync::Arc;

use dyno_agent::simulation::Simulation;
use dyno_agent::{Agent, AgentOptions};
use dyno_protocol::{
    ComputeUnit, DeviceKind, Finish, Job, LoadSpec, ModelSource, Record, RecordBody, Sampling,
    SimulatedFault, SimulatedLaunch, Step, StopRule, Workload, simulated_id,
};
use dyno_suites::Definitions;
use host::{Host, SECRET, ending, generate, job, once, passes, prompt};

fn launch(seed: u64, sitting: &str, faults: Vec<SimulatedFault>) -> SimulatedLaunch {
    let mut profile = Definitions::embedded().unwrap().simulated("sim-iphone").unwrap().clone();
    profile.faults = faults;
    SimulatedLaunch { profile, seed, sitting: sitting.into() }
}

fn agent(state: &Path, launch: SimulatedLaunch) -> Arc<Agent> {
    let platform = Simulation::begin(launch, state).unwrap();
    Agent::start(AgentOptions { secret: SECRET.into(), state: state.to_owned(), platform }).unwrap()
}

fn load(unit: ComputeUnit) -> Step {
    let load = LoadSpec {
        engine: "dyno".into(),
        unit,
        source: ModelSource::Synthetic {
            config_json: dyno_suites::shape::config_json("2b").unwrap().into(),
            seed: 1,
            format: "affine4-g64".into(),
        },
        expect_sha256: None,
        threads: None,
        vision: false,
        draft_head: false,
        memory_limit_bytes: None,
    };
    Step::Load { load, keep: false }
}

fn sustain(seconds: u64) -> Step {
    once(Workload::Sustain {
        prompt: prompt(),
        sampling: Sampling::GREEDY,
        stop: StopRule { max_tokens: 128, ignore_end: true, stop_on_loop: false, thinking_budget: None },
        duration_ns: seconds * 1_000_000_000,
    })
}

fn long(steps: Vec<Step>) -> Job {
    Job { sensor_interval_ns: 1_000_000_000, deadline_ns: 10_000_000_000_000, ..job("job", steps) }
}

fn run(seed: u64, steps: Vec<Step>) -> Vec<Record> {
    let state = tempfile::tempdir().unwrap();
    Host::of(&agent(state.path(), launch(seed, "one", Vec::new()))).run(long(steps))
}

#[test]
fn half_an_hour_of_heat_is_on_the_devices_clock_and_not_on_ours() {
    let began = std::time::Instant::now();
    let records =
        run(1, vec![load(ComputeUnit::Gpu), sustain(1800), Step::Idle { duration_ns: 600_000_000_000 }]);
    assert_eq!(ending(&records), None);
    let span_s = (records.last().unwrap().at_ns - records[0].at_ns) as f64 / 1e9;
    assert!((2400.0..2420.0).contains(&span_s), "{span_s}");
    assert!(began.elapsed().as_secs_f64() < span_s / 4.0, "nothing waits");
    let rate =
        |pass: &&dyno_protocol::GenerationPass| 127e9 / (pass.token_at_ns[127] - pass.token_at_ns[0]) as f64;
    let rates: Vec<f64> =
        passes(&records).iter().filter(|pass| pass.finish == Finish::Length).map(rate).collect();
    let kept = rates[rates.len() - 1] / rates[3];
    assert!((0.35..0.7).contains(&kept), "{kept}");
    let samples: usize = records
        .iter()
        .map(|record| match &record.body {
            RecordBody::Sensors { samples } => samples.len(),
            _ => 0,
        })
        .sum();
    assert!((2380..2420).contains(&samples), "{samples}: one a second, at rest too");
}

#[test]
fn the_seed_decides_everything() {
    let steps = || vec![load(ComputeUnit::Gpu), once(generate(prompt(), 64))];
    let stamps = |records: &[Record]| passes(records)[0].token_at_ns.clone();
    let (one, again, other) = (run(1, steps()), run(1, steps()), run(2, steps()));
    assert_eq!(stamps(&one), stamps(&again));
    assert_ne!(stamps(&one), stamps(&other));
    let ids: Vec<u32> = (0..64).map(simulated_id).collect();
    assert_eq!(passes(&one)[0].token_ids, ids, "what is right is known without a model");
}

#[test]
fn a_new_process_finds_the_device_as_the_last_one_left_it() {
    let state = tempfile::tempdir().unwrap();
    let clock = |sitting: &str| {
        let agent = agent(state.path(), launch(1, sitting, Vec::new()));
        let mut host = Host::of(&agent);
        let welcome = host.greet();
        assert_eq!(welcome.facts.kind, DeviceKind::Simulated);
        let steps = vec![Step::Idle { duration_ns: 1_000_000_000 }];
        host.run(Job {
            id: dyno_protocol::JobId(format!("{sitting}-{}", welcome.state.now_ns)),
            ..long(steps)
        });
        welcome.state.now_ns
    };
    assert_eq!(clock("one"), 0);
    assert_eq!(clock("one"), 1_000_000_000);
    assert_eq!(clock("two"), 0, "another sitting begins anew");
}

#[test]
fn what_happens_to_the_device_is_in_the_records() {
    let state = tempfile::tempdir().unwrap();
    let faults = vec![SimulatedFault::LockedAt { second: 30.0, slow: 0.5 }];
    let mut host = Host::of(&agent(state.path(), launch(1, "one", faults)));
    let records = host.run(long(vec![load(ComputeUnit::Gpu), sustain(60)]));
    let noticed =
        |record: &Record| matches!(&record.body, RecordBody::Noticed { what } if what.contains("locked"));
    assert!(records.iter().any(noticed));
    match &records.last().unwrap().body {
        RecordBody::Ended { conditions, .. } => assert_eq!(conditions.foreground.value(), Some(&false)),
        other => panic!("{other:?}"),
    }
}
