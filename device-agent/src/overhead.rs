//! What measuring costs: the same decode loop with and without the agent around it, as paired ratios.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use dyno_protocol::{
    ComputeUnit, Cost, Failure, FailureKind, Finish, Job, JobId, Known, LoadSpec, Loaded, ModelSource,
    Prompt, Record, RecordBody, RenderRequest, Rendered, RepeatRule, Sampling, ScoredContinuation, Step,
    StopRule, WarmUpRule, Workload,
};

use crate::clock::Clock;
use crate::engine::{Engine, Generate, Watch};
use crate::engines::Opened;
use crate::job_loop::{self, Bench};
use crate::journal::{Journals, Waited};
use crate::platform::here;
use crate::regimes::Regimes;
use crate::store::Store;

/// Tokens of one loop.
const TOKENS: u32 = 40;
/// As in a real run.
const SENSOR_INTERVAL_NS: u64 = 100_000_000;

/// One pair: the same tokens bare and measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    pub bare_ns: u64,
    pub measured_ns: u64,
}

impl Pair {
    /// Above one by what measuring costs.
    pub fn ratio(&self) -> f64 {
        self.measured_ns as f64 / self.bare_ns as f64
    }
}

/// Busy work that takes about as long as one token and cannot be left out.
#[derive(Debug, Clone, Copy)]
struct Token {
    rounds: u64,
}

impl Token {
    /// As much work as takes `token_ns` on this machine now.
    fn of(token_ns: u64) -> Self {
        const TRIAL: u64 = 2_000_000;
        let best = (0..5)
            .map(|_| {
                let begin = Instant::now();
                Self { rounds: TRIAL }.work();
                begin.elapsed().as_nanos().max(1) as u64
            })
            .min()
            .unwrap_or(1);
        Self { rounds: (u128::from(TRIAL) * u128::from(token_ns) / u128::from(best)).max(1) as u64 }
    }

    fn work(self) {
        let mut value = std::hint::black_box(0x9e37_79b9_7f4a_7c15_u64);
        for _ in 0..self.rounds {
            value ^= value << 13;
            value ^= value >> 7;
            value ^= value << 17;
        }
        std::hint::black_box(value);
    }
}

/// An engine that does the busy work and nothing else.
struct Busy {
    token: Token,
    loaded: Loaded,
}

impl Engine for Busy {
    fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    fn cost(&self, _depth: u32) -> Known<Cost> {
        Known::unknown("busy work is no model")
    }

    fn render(&self, _request: &RenderRequest) -> Result<Rendered, Failure> {
        Err(Failure::new(FailureKind::Refused, "busy work has no words"))
    }

    fn tokenize(&self, _text: &str) -> Option<Result<Vec<u32>, Failure>> {
        None
    }

    fn detokenize(&self, _ids: &[u32]) -> Option<String> {
        None
    }

    fn generate(&mut self, task: &Generate<'_>, watch: &mut dyn Watch) -> Result<Finish, Failure> {
        for id in 0..task.stop.max_tokens {
            self.token.work();
            if watch.token(id).is_break() {
                return Ok(Finish::Cancelled);
            }
        }
        Ok(Finish::Length)
    }

    fn score(
        &mut self,
        _prefix: &Prompt,
        _continuations: &[Vec<u32>],
        _watch: &mut dyn Watch,
    ) -> Result<Vec<ScoredContinuation>, Failure> {
        Err(Failure::new(FailureKind::Refused, "busy work scores nothing"))
    }

    fn reset(&mut self) {}
}

/// Measures pairs, the two sides of each in turn first. Journals go to a folder below `state`.
pub fn measure(pairs: u32, token_ns: u64, state: &std::path::Path) -> std::io::Result<Vec<Pair>> {
    let token = Token::of(token_ns);
    let clock = Clock::start();
    let folder = state.join("overhead");
    // What an earlier measurement left behind would only slow this one down.
    let _ = std::fs::remove_dir_all(&folder);
    let mut journals = Journals::open(folder.join("journals"), clock.now_ns())?;
    let loaded =
        Opened::now(clock.clone()).loaded("busy", ComputeUnit::Cpu, "none", String::new(), "busy work");
    let spec = LoadSpec {
        engine: "busy".to_owned(),
        unit: ComputeUnit::Cpu,
        source: ModelSource::Path { path: String::new() },
        expect_sha256: None,
        threads: None,
        vision: false,
        draft_head: false,
        memory_limit_bytes: None,
    };
    let mut bench = Bench {
        clock,
        platform: Arc::new(here()),
        store: Store::open(folder.join("store"))?,
        regimes: Regimes::new(folder.join("loaded-before"), String::new()),
        loaded: Some((spec, Box::new(Busy { token, loaded }))),
    };
    let mut measured = Vec::new();
    for pair in 0..pairs {
        let (bare_ns, measured_ns) = if pair % 2 == 0 {
            let bare_ns = bare(token);
            (bare_ns, in_the_agent(&mut bench, &mut journals, pair)?)
        } else {
            let measured_ns = in_the_agent(&mut bench, &mut journals, pair)?;
            (bare(token), measured_ns)
        };
        measured.push(Pair { bare_ns, measured_ns });
    }
    Ok(measured)
}

fn bare(token: Token) -> u64 {
    let begin = Instant::now();
    for _ in 0..TOKENS {
        token.work();
    }
    begin.elapsed().as_nanos() as u64
}

/// The same tokens through the job loop, from the moment the prompt is handed over to the last stamp.
fn in_the_agent(bench: &mut Bench, journals: &mut Journals, pair: u32) -> std::io::Result<u64> {
    let workload = Workload::Generate {
        prompt: Prompt::new(None, vec![0], Vec::new()),
        sampling: Sampling::GREEDY,
        stop: StopRule { max_tokens: TOKENS, ignore_end: true, stop_on_loop: false, thinking_budget: None },
        reuse_prefix: 0,
        allocate_context: None,
        speculate: false,
    };
    let job = Job {
        id: JobId(format!("overhead-{pair}")),
        steps: vec![Step::Run { workload, warm_up: WarmUpRule::NONE, repeat: RepeatRule::ONCE }],
        sensor_interval_ns: SENSOR_INTERVAL_NS,
        deadline_ns: u64::MAX / 4,
    };
    let journal = journals.create(&job.id)?;
    job_loop::run(bench, &job, &journal, &AtomicBool::new(false));
    let mut took_ns = None;
    let mut number = 0;
    while let Waited::Record(record) = journal.wait_for(number, std::time::Duration::ZERO) {
        took_ns = took_ns.or(pass_ns(&record));
        number += 1;
    }
    took_ns.ok_or_else(|| std::io::Error::other("the job recorded no pass"))
}

fn pass_ns(record: &Record) -> Option<u64> {
    match &record.body {
        RecordBody::Generation(pass) => Some(pass.token_at_ns.last()?.saturating_sub(pass.begin_ns)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::measure;

    #[test]
    fn both_sides_of_every_pair_are_measured() {
        let state = tempfile::tempdir().unwrap();
        let pairs = measure(2, 20_000, state.path()).unwrap();
        assert_eq!(pairs.len(), 2);
        assert!(pairs.iter().all(|pair| pair.bare_ns > 0 && pair.measured_ns > 0));
    }
}
