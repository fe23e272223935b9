//! `kill -9` at random moments, of the host and of the agent: at most the trial in flight is lost, and a
//! resumed run ends with the same trials as an undisturbed one.

mod script;

use std::collections::BTreeMap;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use dyno_tests::cli::Desk;
use script::done;

const DYNO: &str = env!("CARGO_BIN_EXE_dyno-under-test");
const KILLS_OF_EACH: u32 = 25;

/// Evenly spread over the run and the same every time; where in the run it falls is up to the machine.
fn moment(of: u32, whole: Duration) -> Duration {
    whole * of / KILLS_OF_EACH
}

fn kill_now(child: &mut Child) {
    child.kill().expect("a child can be killed");
    child.wait().expect("a killed child can be waited for");
}

/// The agent that this host started, if it is there at this moment.
fn agent_of(host: u32) -> Option<String> {
    let children = std::fs::read_to_string(format!("/proc/{host}/task/{host}/children")).ok()?;
    children.split_whitespace().next().map(str::to_owned)
}

#[test]
fn a_killed_host_loses_at_most_the_trial_in_flight() {
    let desk = Desk::new();
    script::write(&desk, None);
    let began = Instant::now();
    desk.run(DYNO, &script::run_into("whole")).expect(0);
    let whole = began.elapsed();
    let expected = done(&desk, "whole");
    assert!(expected.len() >= 6, "the run is long enough to be cut: {expected:?}");

    for kill in 0..KILLS_OF_EACH {
        let run = format!("killed-{kill}");
        let mut host = desk.start(DYNO, &script::run_into(&run));
        std::thread::sleep(moment(kill, whole));
        kill_now(&mut host);
        let began = desk.path(&run).join("manifest.json").exists();
        let before = if began { done(&desk, &run) } else { BTreeMap::new() };
        if began {
            desk.run(DYNO, &["run", "--resume", &run, "--quiet"]).expect(0);
        } else {
            // Killed before the run had begun to exist.
            desk.run(DYNO, &script::run_into(&run)).expect(0);
        }
        let after = done(&desk, &run);
        assert_eq!(after, expected, "kill {kill}: none twice, none lost");
        assert!(before.keys().all(|trial| after.contains_key(trial)));
    }
}

#[test]
fn a_killed_agent_is_replaced_and_its_trial_run_again() {
    let desk = Desk::new();
    script::write(&desk, None);
    let began = Instant::now();
    desk.run(DYNO, &script::run_into("whole")).expect(0);
    let whole = began.elapsed();
    let expected = done(&desk, "whole");

    for kill in 0..KILLS_OF_EACH {
        let run = format!("orphaned-{kill}");
        let mut host = desk.start(DYNO, &script::run_into(&run));
        std::thread::sleep(moment(kill, whole));
        if let Some(agent) = agent_of(host.id()) {
            let _ = Command::new("kill").args(["-9", &agent]).status();
        }
        host.wait().expect("the host ends by itself");
        if desk.path(&run).join("manifest.json").exists() {
            desk.run(DYNO, &["run", "--resume", &run, "--quiet"]).expect(0);
        } else {
            // Killed while the device was asked what it is: nothing was begun.
            desk.run(DYNO, &script::run_into(&run)).expect(0);
        }
        assert_eq!(done(&desk, &run), expected, "kill {kill}: none twice, none lost");
    }
}

#[test]
fn an_interrupted_run_says_so_keeps_what_it_has_and_can_be_taken_up() {
    let desk = Desk::new();
    script::write(&desk, None);
    desk.run(DYNO, &script::run_into("whole")).expect(0);
    let expected = done(&desk, "whole");

    let mut host = desk.start(DYNO, &script::run_into("run"));
    // Once something is measured, there is something to keep.
    while !desk.path("run/manifest.json").exists() || done(&desk, "run").is_empty() {
        assert!(host.try_wait().unwrap().is_none(), "the run is longer than its first trial");
        std::thread::sleep(Duration::from_millis(2));
    }
    Command::new("kill").args(["-INT", &host.id().to_string()]).status().unwrap();
    let code = host.wait().unwrap().code();
    // It may have been faster than the signal; then it is simply done.
    assert!(matches!(code, Some(130 | 0)), "{code:?}");
    let kept = done(&desk, "run");
    assert!(!kept.is_empty());
    desk.run(DYNO, &["run", "--resume", "run", "--quiet"]).expect(0);
    assert_eq!(done(&desk, "run"), expected);
}
