//! Agents that die or hang in the middle of a job, as processes of their own: what was observed until then is in
//! the journal, and the next agent ends the job there.
#![allow(clippy::unwrap_used, reason = "what tests share is a test")]

mod host;

use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use dyno_protocol::{FailureKind, FromAgent, JobId, Question, Record, RecordBody, ScriptFault};
use host::{Host, PATIENCE, agent, ending, endless, generate, job, load, once, passes, prompt};

const STATE: &str = "DYNO_TEST_AGENT_STATE";

/// Not a test of anything by itself: the body of the process that the tests below start.
#[test]
fn agent_process() {
    let Some(state) = std::env::var_os(STATE).map(PathBuf::from) else { return };
    let agent = agent(&state);
    let listener = UnixListener::bind(state.join("socket")).unwrap();
    for line in listener.incoming() {
        let line = line.unwrap();
        let agent = std::sync::Arc::clone(&agent);
        std::thread::spawn(move || dyno_agent::serve(&agent, line.try_clone().unwrap(), line));
    }
}

struct Process(Child);

impl Process {
    fn start(state: &Path) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["agent_process", "--exact", "--nocapture"])
            .env(STATE, state)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "the agent does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn connect(state: &Path) -> Host {
    let until = Instant::now() + PATIENCE;
    loop {
        match UnixStream::connect(state.join("socket")) {
            Ok(line) => {
                line.set_read_timeout(Some(PATIENCE)).unwrap();
                let mut host = Host::over(line);
                host.greet();
                return host;
            }
            Err(error) => assert!(Instant::now() < until, "the agent does not listen: {error}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The journal as the next agent on this state hands it out.
fn found_by_the_next(state: &Path, job: &str) -> Vec<Record> {
    Host::of(&agent(state)).follow(job, 0)
}

#[test]
fn an_agent_that_dies_leaves_every_whole_pass_and_the_next_one_ends_the_job() {
    let state = tempfile::tempdir().unwrap();
    let mut process = Process::start(state.path());
    let mut host = connect(state.path());
    let fault = Some(ScriptFault::DieAtToken { token: 25 });
    let steps =
        vec![load(&[9], fault), once(generate(prompt(), 10)), once(generate(prompt(), 10)), endless()];
    host.ask(Question::Submit(job("dies", steps))).unwrap();
    assert_eq!(process.wait().code(), Some(86));
    let records = found_by_the_next(state.path(), "dies");
    assert_eq!(ending(&records), Some(FailureKind::AgentDied));
    assert_eq!(passes(&records).len(), 2);
    assert!(records.iter().enumerate().all(|(number, record)| record.record == number as u64));
    // And it is ended once and for all.
    assert_eq!(found_by_the_next(state.path(), "dies"), records);
}

#[test]
fn an_agent_killed_at_any_moment_leaves_a_journal_that_can_be_followed_on() {
    for kill_after in [0, 1, 2, 4, 7] {
        let state = tempfile::tempdir().unwrap();
        let mut process = Process::start(state.path());
        let mut host = connect(state.path());
        let passes = (0..50).map(|_| once(generate(prompt(), 3)));
        let steps = std::iter::once(load(&[9], None)).chain(passes).chain([endless()]).collect();
        host.ask(Question::Submit(job("killed", steps))).unwrap();
        host.send(Question::Follow { job: JobId("killed".into()), from_record: 0 });
        let mut seen = Vec::new();
        while seen.len() < kill_after {
            if let FromAgent::Record { record, .. } = host.hear() {
                seen.push(record);
            }
        }
        process.0.kill().unwrap();
        process.wait();
        let records = found_by_the_next(state.path(), "killed");
        assert_eq!(ending(&records), Some(FailureKind::AgentDied));
        assert_eq!(records[..seen.len()], seen, "a record is in the journal before it is sent");
    }
}

#[test]
fn a_hung_engine_is_ended_past_its_deadline_with_the_reason_in_the_journal() {
    let state = tempfile::tempdir().unwrap();
    let mut process = Process::start(state.path());
    let mut host = connect(state.path());
    let fault = Some(ScriptFault::HangAtToken { token: 15 });
    let mut hangs = job("hangs", vec![load(&[9], fault), once(generate(prompt(), 10)), endless()]);
    hangs.deadline_ns = 1_000_000_000;
    host.ask(Question::Submit(hangs)).unwrap();
    assert_eq!(process.wait().code(), Some(dyno_agent::HUNG));
    let records = found_by_the_next(state.path(), "hangs");
    assert_eq!(ending(&records), Some(FailureKind::TimedOut));
    let RecordBody::Ended { failure: Some(failure), .. } = &records.last().unwrap().body else { panic!() };
    assert!(failure.what.contains("hung"), "{failure}");
    assert_eq!(passes(&records).len(), 1);
}

#[test]
fn a_second_agent_does_not_take_over_the_state_of_one_that_runs() {
    let state = tempfile::tempdir().unwrap();
    let mut process = Process::start(state.path());
    let mut host = connect(state.path());
    host.ask(Question::Submit(job("runs", vec![load(&[9], None), endless()]))).unwrap();
    let mut second = Process::start(state.path());
    assert!(!second.wait().success());
    let state_now = host.ask(Question::Status).unwrap();
    let dyno_protocol::Answer::Status(state_now) = state_now else { panic!("{state_now:?}") };
    assert!(state_now.jobs.iter().any(|status| status.running));
    assert!(process.0.try_wait().unwrap().is_none());
}
