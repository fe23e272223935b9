//! Everything that can go wrong on the way, each with its exit code, its message and every finished trial kept.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(clippy::print_stderr, reason = "a test that could not be made says so")]

mod script;

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;

use dyno_protocol::codec::{write_message, write_preamble};
use dyno_protocol::{Failure, FailureKind, FromAgent};
use dyno_reports::bundle::{Bundle, EventBody, Outcome};
use dyno_tests::cli::Desk;
use script::{done, run_into};

const DYNO: &str = env!("CARGO_BIN_EXE_dyno-under-test");

fn outcomes(desk: &Desk, run: &str) -> Vec<Outcome> {
    let bundle = Bundle::open(&desk.path(run)).expect("the bundle opens");
    let ended = bundle.events.into_iter().filter_map(|event| match event.body {
        EventBody::TrialEnded { outcome, .. } => Some(outcome),
        _ => None,
    });
    ended.collect()
}

#[test]
fn an_undisturbed_run_is_whole_verified_and_reported() {
    let desk = Desk::new();
    script::write(&desk, None);
    let answer = desk.run(DYNO, &run_into("run")).expect(0);
    assert!(answer.out.contains("report: "), "{}", answer.out);
    assert!(desk.path("run/report/index.html").exists());
    let verified = desk.run(DYNO, &["verify", "run", "--json"]).expect(0);
    assert!(verified.out.contains(r#""complete": true"#), "{}", verified.out);
    desk.run(DYNO, &["claims", "run"]).expect(3);
    desk.run(DYNO, &["export", "run", "--format", "csv", "--out", "tables"]).expect(0);
    assert!(std::fs::read_dir(desk.path("tables")).unwrap().count() > 0);
}

#[test]
fn an_index_leads_to_every_run_of_a_folder() {
    let desk = Desk::new();
    script::write(&desk, None);
    for run in ["one", "two"] {
        let mut arguments = run_into(run);
        arguments.extend(["--case", "load"]);
        desk.run(DYNO, &arguments).expect(0);
    }
    desk.run(DYNO, &["report", "one", "two", "--index", "--out", "index.html"]).expect(0);
    let index = std::fs::read_to_string(desk.path("index.html")).unwrap();
    for run in ["one", "two"] {
        assert!(index.contains(&format!("href=\"{run}/report/index.html\"")), "{run} is not in\n{index}");
    }
    desk.run(DYNO, &["report", "one", "--index"]).expect(2).says("--out");
}

#[test]
fn an_agent_that_dies_in_a_trial_is_replaced_and_both_attempts_stay() {
    let desk = Desk::new();
    // More tokens than any one trial needs, fewer than the whole run does.
    script::write(&desk, Some(r#"{"fault":"die-at-token","token":100}"#));
    desk.run(DYNO, &run_into("run")).expect(0).says("the agent ended");
    let outcomes = outcomes(&desk, "run");
    let died = |outcome: &Outcome| matches!(outcome, Outcome::Failed { failure } if failure.kind == FailureKind::AgentDied);
    assert!(outcomes.iter().any(died), "{outcomes:?}");
    assert!(done(&desk, "run").values().all(|times| *times == 1), "every trial has one result");
}

#[test]
fn an_agent_that_always_dies_costs_its_trials_and_no_others() {
    let desk = Desk::new();
    script::write(&desk, Some(r#"{"fault":"die-at-token","token":10}"#));
    desk.run(DYNO, &run_into("run")).expect(4).says("the agent ended");
    let kept = done(&desk, "run");
    assert!(!kept.is_empty(), "loads and short reads give fewer tokens than that");
    let page = std::fs::read_to_string(desk.path("run/report/index.html")).unwrap();
    assert!(page.contains("the agent ended"), "the page shows the failure");
}

#[test]
fn an_agent_that_hangs_is_given_up_after_the_stated_patience() {
    let desk = Desk::new();
    script::write(&desk, Some(r#"{"fault":"hang-at-token","token":3}"#));
    let mut arguments = run_into("run");
    arguments.extend(["--patience", "1", "--case", "load,prefill"]);
    desk.run(DYNO, &arguments).expect(4).says("said nothing for 1 s");
    assert!(!done(&desk, "run").is_empty(), "loads give no token and are kept");
}

#[test]
fn a_failing_engine_is_a_row_with_its_reason() {
    let desk = Desk::new();
    script::write(&desk, Some(r#"{"fault":"fail-at-token","token":1}"#));
    desk.run(DYNO, &run_into("run")).expect(4);
    let failed = outcomes(&desk, "run").into_iter().find_map(|outcome| match outcome {
        Outcome::Failed { failure } => Some(failure),
        _ => None,
    });
    assert!(failed.is_some_and(|failure| failure.what.contains("the script fails at token")));
    let page = std::fs::read_to_string(desk.path("run/report/index.html")).unwrap();
    assert!(page.contains("the script fails at token"), "the page shows the failure");
}

#[test]
fn passes_that_answer_with_other_ids_stay_out_of_every_verdict() {
    let desk = Desk::new();
    script::write(&desk, Some(r#"{"fault":"wrong-ids-from-token","token":40}"#));
    desk.run(DYNO, &run_into("run")).expect(3);
    let invalid =
        outcomes(&desk, "run").into_iter().any(|outcome| matches!(outcome, Outcome::Invalid { .. }));
    assert!(invalid, "greedy passes of one trial that differ are no measurement");
}

/// An agent that is a file of recorded bytes.
fn double(desk: &Desk, bytes: &[u8]) -> String {
    desk.write("answer.bin", "");
    std::fs::write(desk.path("answer.bin"), bytes).unwrap();
    let program =
        desk.write("agent.sh", &format!("#!/bin/sh\ncat '{}'\nsleep 5\n", desk.path("answer.bin").display()));
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program.display().to_string()
}

fn run_with_agent(desk: &Desk, agent: &str) -> dyno_tests::cli::Answer {
    let output = desk.command(DYNO, &run_into("run")).env("DYNO_AGENT", agent).output().unwrap();
    dyno_tests::cli::Answer::of(&output)
}

#[test]
fn another_version_of_the_protocol_is_named() {
    let desk = Desk::new();
    script::write(&desk, None);
    let agent = double(&desk, b"DYNO\x63\x00");
    run_with_agent(&desk, &agent).expect(4).says("speaks version 99").says("install the same release");
    assert!(!desk.path("run").exists(), "nothing was begun");
}

#[test]
fn something_else_than_an_agent_is_told_apart() {
    let desk = Desk::new();
    script::write(&desk, None);
    let agent = double(&desk, b"Welcome to Ubuntu\n");
    run_with_agent(&desk, &agent).expect(4).says("does not speak Dyno's protocol");
    run_with_agent(&desk, "/nowhere/dyno").expect(4).says("`/nowhere/dyno` is not there");
}

#[test]
fn a_frame_over_the_limit_is_not_read() {
    let desk = Desk::new();
    script::write(&desk, None);
    let mut bytes = Vec::new();
    write_preamble(&mut bytes).unwrap();
    bytes.write_all(&u32::MAX.to_le_bytes()).unwrap();
    let agent = double(&desk, &bytes);
    run_with_agent(&desk, &agent).expect(4).says("over the limit");
}

#[test]
fn a_refusal_reaches_the_operator_in_the_agents_words() {
    let desk = Desk::new();
    script::write(&desk, None);
    let mut bytes = Vec::new();
    write_preamble(&mut bytes).unwrap();
    let refusal = Failure::new(FailureKind::Unauthorised, "the secret of this launch was not given");
    write_message(&mut bytes, &FromAgent::Reply { id: 0, answer: Err(refusal) }).unwrap();
    let agent = double(&desk, &bytes);
    run_with_agent(&desk, &agent).expect(4).says("the secret of this launch was not given");
}

#[test]
fn two_runs_share_neither_a_folder_nor_a_device() {
    let desk = Desk::new();
    script::write(&desk, None);
    desk.run(DYNO, &run_into("run")).expect(0);
    desk.run(DYNO, &run_into("run")).expect(2).says("is there already");

    script::write(&desk, Some(r#"{"fault":"hang-at-token","token":1}"#));
    let mut first = desk.start(DYNO, &run_into("first"));
    // The first run holds the device from the moment its manifest is there.
    while !desk.path("first/manifest.json").exists() {
        assert!(first.try_wait().unwrap().is_none(), "the first run goes on until it is killed");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let pid = first.id().to_string();
    desk.run(DYNO, &run_into("second")).expect(4).says("is using it for another run").says(&pid);
    desk.run(DYNO, &["run", "--resume", "first"]).expect(2).says("is being written by process");
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn a_full_disk_names_the_file_and_keeps_what_was_there() {
    let desk = Desk::new();
    script::write(&desk, None);
    let disk = desk.path("disk");
    std::fs::create_dir(&disk).unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
        .arg(&disk)
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        eprintln!(
            "skipped, because only root may mount a small disk; the writer's own tests fill one that is none"
        );
        return;
    }
    let run = disk.join("run").display().to_string();
    let answer = desk.run(DYNO, &run_into(&run));
    let kept = Bundle::open(&disk.join("run"));
    std::process::Command::new("umount").arg(&disk).status().unwrap();
    answer.expect(4).says("free some space");
    // Even the definitions may not have fitted; where events were begun, they are readable.
    if let Ok(bundle) = kept {
        assert!(bundle.events.iter().enumerate().all(|(place, event)| event.seq == place as u64));
    }
}
