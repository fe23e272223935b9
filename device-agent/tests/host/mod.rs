//! The host's side of a conversation with an agent, and the jobs that tests hand over.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses its own part, and what tests share is a test"
)]

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dyno_agent::{Agent, AgentOptions, platform};
use dyno_protocol::codec::{read_message, read_preamble, write_message, write_preamble};
use dyno_protocol::{
    Answer, ComputeUnit, Failure, FailureKind, FromAgent, GenerationPass, Hello, Job, JobId, LoadSpec,
    ModelSource, Prompt, Question, Record, RecordBody, RepeatRule, Sampling, Script, ScriptFault, Step,
    StopRule, ToAgent, WarmUpRule, Welcome, Workload,
};

pub(crate) const SECRET: &str = "a secret of sixteen letters";
/// No test waits this long unless something is broken.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) fn agent(state: &Path) -> Arc<Agent> {
    let platform = Arc::new(platform::here());
    Agent::start(AgentOptions { secret: SECRET.into(), state: state.to_owned(), platform }).unwrap()
}

/// A line to the agent, whose end it serves on a thread of its own.
pub(crate) fn line(agent: &Arc<Agent>) -> UnixStream {
    let (here, there) = UnixStream::pair().unwrap();
    let agent = Arc::clone(agent);
    std::thread::spawn(move || {
        let from_host = there.try_clone().unwrap();
        // How a conversation ended is seen at this end.
        let _ = dyno_agent::serve(&agent, from_host, there.try_clone().unwrap());
        let _ = there.shutdown(std::net::Shutdown::Both);
    });
    here.set_read_timeout(Some(PATIENCE)).unwrap();
    here
}

pub(crate) struct Host {
    pub(crate) line: UnixStream,
    next_id: u64,
}

impl Host {
    pub(crate) fn over(mut line: UnixStream) -> Self {
        write_preamble(&mut line).unwrap();
        read_preamble(&mut line).unwrap();
        Self { line, next_id: 0 }
    }

    /// One that has greeted.
    pub(crate) fn of(agent: &Arc<Agent>) -> Self {
        let mut host = Self::over(line(agent));
        host.greet();
        host
    }

    pub(crate) fn greet(&mut self) -> Welcome {
        let hello = Hello { secret: SECRET.into(), host_version: "test".into() };
        match self.ask(Question::Hello(hello)).unwrap() {
            Answer::Welcome(welcome) => *welcome,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn send(&mut self, question: Question) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        write_message(&mut self.line, &ToAgent { id, question }).unwrap();
        id
    }

    pub(crate) fn hear(&mut self) -> FromAgent {
        read_message(&mut self.line).unwrap()
    }

    pub(crate) fn ask(&mut self, question: Question) -> Result<Answer, Failure> {
        let id = self.send(question);
        loop {
            if let FromAgent::Reply { id: answered, answer } = self.hear()
                && answered == id
            {
                return answer;
            }
        }
    }

    /// Every record from this one to the end.
    pub(crate) fn follow(&mut self, job: &str, from_record: u64) -> Vec<Record> {
        let follow = self.send(Question::Follow { job: JobId(job.into()), from_record });
        let mut records = Vec::new();
        loop {
            match self.hear() {
                FromAgent::Record { record, .. } => {
                    assert_eq!(record.record, from_record + records.len() as u64, "numbers have no gaps");
                    records.push(record);
                }
                FromAgent::Reply { id, answer } if id == follow => {
                    let Ok(Answer::Followed { records: sent }) = answer else { panic!("{answer:?}") };
                    assert_eq!(sent, from_record + records.len() as u64);
                    return records;
                }
                FromAgent::Reply { .. } => {}
            }
        }
    }

    /// Hands a job over and follows it to its end.
    pub(crate) fn run(&mut self, job: Job) -> Vec<Record> {
        let id = job.id.0.clone();
        assert_eq!(self.ask(Question::Submit(job)).unwrap(), Answer::Accepted);
        self.follow(&id, 0)
    }
}

pub(crate) fn script(tokens: &[u32], fault: Option<ScriptFault>) -> LoadSpec {
    let script = Script {
        tokens: tokens.to_vec(),
        load_ns: 1000,
        prefill_token_ns: 100,
        decode_token_ns: 20_000,
        fault,
    };
    LoadSpec {
        engine: "scripted".into(),
        unit: ComputeUnit::Cpu,
        source: ModelSource::Script(script),
        expect_sha256: None,
        threads: None,
        vision: false,
        draft_head: false,
        memory_limit_bytes: None,
    }
}

pub(crate) fn load(tokens: &[u32], fault: Option<ScriptFault>) -> Step {
    Step::Load { load: script(tokens, fault), keep: false }
}

pub(crate) fn prompt() -> Prompt {
    let text = "a prompt";
    Prompt::new(Some(text.into()), text.bytes().map(u32::from).collect(), Vec::new())
}

pub(crate) fn generate(prompt: Prompt, max_tokens: u32) -> Workload {
    Workload::Generate {
        prompt,
        sampling: Sampling::GREEDY,
        stop: StopRule { max_tokens, ignore_end: true, stop_on_loop: false, thinking_budget: None },
        reuse_prefix: 0,
        allocate_context: None,
        speculate: false,
    }
}

pub(crate) fn once(workload: Workload) -> Step {
    Step::Run { workload, warm_up: WarmUpRule::NONE, repeat: RepeatRule::ONCE }
}

/// Tokens enough to be still at work whenever a test looks.
pub(crate) fn endless() -> Step {
    once(generate(prompt(), 10_000_000))
}

pub(crate) fn job(id: &str, steps: Vec<Step>) -> Job {
    Job { id: JobId(id.into()), steps, sensor_interval_ns: 1_000_000, deadline_ns: 600_000_000_000 }
}

pub(crate) fn passes(records: &[Record]) -> Vec<&GenerationPass> {
    records
        .iter()
        .filter_map(|record| match &record.body {
            RecordBody::Generation(pass) => Some(&**pass),
            _ => None,
        })
        .collect()
}

/// How the job ended, which its last record says and no other.
pub(crate) fn ending(records: &[Record]) -> Option<FailureKind> {
    let ends = |record: &&Record| matches!(record.body, RecordBody::Ended { .. });
    assert_eq!(records.iter().filter(ends).count(), 1);
    match &records.last().unwrap().body {
        RecordBody::Ended { failure, .. } => failure.as_ref().map(|failure| failure.kind),
        other => panic!("{other:?}"),
    }
}
