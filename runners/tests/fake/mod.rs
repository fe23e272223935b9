//! An agent made of a script: a thread at the other end of a socket pair that says what a test tells it to.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dyno_protocol::codec::{read_message, read_preamble, write_message, write_preamble};
use dyno_protocol::{
    AgentState, Answer, BuildFacts, BuildProfile, DeviceFacts, DeviceKind, Failure, FromAgent, JobId, Known,
    Question, Record, RecordBody, ToAgent, Welcome,
};
use dyno_runners::{Conversation, Hold, Line, Log, RunnerError};

/// Longer than anything takes here, shorter than anyone's patience.
pub(crate) const SOON: Duration = Duration::from_mins(1);
/// For waits that are meant to fail.
pub(crate) const AT_ONCE: Duration = Duration::from_millis(30);

#[derive(Debug, Clone, Default)]
pub(crate) struct Ended(Arc<AtomicBool>);

impl Ended {
    pub(crate) fn is_so(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

struct Held {
    line: UnixStream,
    ended: Ended,
    how: Option<&'static str>,
}

impl Hold for Held {
    fn end(&mut self) {
        // A line that is shut already is ended too.
        let _ = self.line.shutdown(std::net::Shutdown::Both);
        self.ended.0.store(true, Ordering::SeqCst);
    }

    fn how_it_ended(&mut self) -> Option<String> {
        self.how.map(str::to_owned)
    }
}

pub(crate) struct Peer(pub(crate) UnixStream);

impl Peer {
    pub(crate) fn hear(&mut self) -> ToAgent {
        read_message(&mut self.0).expect("the host says something")
    }

    pub(crate) fn say(&mut self, message: &FromAgent) {
        write_message(&mut self.0, message).expect("the host listens");
    }

    pub(crate) fn answer(&mut self, id: u64, answer: Result<Answer, Failure>) {
        self.say(&FromAgent::Reply { id, answer });
    }

    /// Raw bytes; a host that has left does not hear them.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    pub(crate) fn preambles(&mut self) {
        write_preamble(&mut self.0).expect("the host listens");
        read_preamble(&mut self.0).expect("the host speaks Dyno");
    }

    pub(crate) fn greet(&mut self) {
        self.preambles();
        let ToAgent { id, question } = self.hear();
        assert!(matches!(question, Question::Hello(hello) if hello.secret == "secret"));
        self.answer(id, Ok(Answer::Welcome(Box::new(welcome()))));
    }

    pub(crate) fn record(&mut self, job: &str, number: u64) {
        let body = RecordBody::Noticed { what: format!("line {number}") };
        let record = Record { record: number, at_ns: number, body };
        self.say(&FromAgent::Record { job: JobId(job.into()), record });
    }

    /// Waits until the host has left.
    pub(crate) fn wait(mut self) {
        // A line that breaks is one that the host has left.
        let _ = std::io::copy(&mut self.0, &mut std::io::sink());
    }
}

pub(crate) fn line(how: Option<&'static str>, script: impl FnOnce(Peer) + Send + 'static) -> (Line, Ended) {
    let (here, there) = UnixStream::pair().expect("a socket pair can be made");
    std::thread::spawn(move || script(Peer(there)));
    let ended = Ended::default();
    let line = Line {
        from_agent: Box::new(here.try_clone().expect("a socket can be cloned")),
        to_agent: Box::new(here.try_clone().expect("a socket can be cloned")),
        log: Log::default(),
        hold: Box::new(Held { line: here, ended: ended.clone(), how }),
    };
    (line, ended)
}

pub(crate) fn begin(script: impl FnOnce(Peer) + Send + 'static) -> Result<Conversation, RunnerError> {
    Conversation::begin_within("a device", line(None, script).0, "secret".into(), SOON)
}

pub(crate) fn welcome() -> Welcome {
    let why = || Known::unknown("a double");
    Welcome {
        facts: DeviceFacts {
            device_id: "id".into(),
            name: "a double".into(),
            kind: DeviceKind::Simulated,
            model_identifier: why(),
            marketing_name: why(),
            chip: why(),
            logical_cores: 1,
            memory_bytes: Known::unknown("a double"),
            os_name: "none".into(),
            os_version: why(),
            os_build: why(),
            build: BuildFacts {
                version: "0".into(),
                binary_sha256: why(),
                profile: BuildProfile::Debug,
                target: "none".into(),
            },
            engines: Vec::new(),
            sensors: Vec::new(),
        },
        state: state(),
    }
}

pub(crate) fn state() -> AgentState {
    AgentState { now_ns: 5, jobs: Vec::new() }
}
