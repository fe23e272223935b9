//! The engines by name. A new engine is one file here and one arm in [`open`].

mod candle;
mod checkpoints;
mod choice;
mod messages;
mod openai;
mod pictures;
mod qwen35;
mod scripted;
mod simulated;

use dyno_protocol::{
    ComputeUnit, EngineFacts, Failure, FailureKind, Known, LoadRegime, LoadSpan, LoadSpec, Loaded, Memory,
    ModelSource, UnitEvidence,
};
use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::engine::Engine;
use crate::store::Store;

/// What this agent can run.
pub(crate) fn facts() -> Vec<EngineFacts> {
    let engine = |name: &str, units| EngineFacts {
        name: name.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        units,
    };
    vec![
        engine(qwen35::NAME, qwen35::units()),
        engine(candle::NAME, vec![ComputeUnit::Cpu]),
        engine(openai::NAME, vec![ComputeUnit::Remote]),
        engine(scripted::NAME, vec![ComputeUnit::Cpu]),
    ]
}

/// Loads a model. Every phase is stamped; the regime is for the job loop to say.
pub(crate) fn open(load: &LoadSpec, store: &Store, clock: &Clock) -> Result<Box<dyn Engine>, Failure> {
    let opened = Opened::now(clock.clone());
    if let Some(simulation) = clock.simulation() {
        return simulated::open(load, store, simulation, opened);
    }
    match (load.engine.as_str(), &load.source) {
        (scripted::NAME, ModelSource::Script(script)) => scripted::open(script, opened),
        (openai::NAME, ModelSource::Server { url, model }) => openai::open(url, model, opened),
        (qwen35::NAME, _) => qwen35::open(load, store, opened),
        (candle::NAME, _) => candle::open(load, store, opened),
        (scripted::NAME, _) => {
            Err(Failure::new(FailureKind::Refused, "the engine `scripted` runs scripts only"))
        }
        (openai::NAME, _) => {
            let failure = Failure::new(FailureKind::Refused, "the engine `openai` needs a server's address");
            Err(failure.with_next_step("name it as `openai:http://127.0.0.1:8080`"))
        }
        (other, _) => {
            let known: Vec<_> = facts().into_iter().map(|facts| facts.name).collect();
            let what = format!("there is no engine `{other}` here; there are {}", known.join(", "));
            Err(Failure::new(FailureKind::Refused, what))
        }
    }
}

/// A load under way: its phases, stamped as they begin.
#[derive(Debug)]
pub(crate) struct Opened {
    clock: Clock,
    begin_ns: u64,
    /// Set once the model is ready, where more is done after that.
    end_ns: Option<u64>,
    spans: Vec<LoadSpan>,
}

impl Opened {
    pub(crate) fn now(clock: Clock) -> Self {
        Self { begin_ns: clock.now_ns(), clock, end_ns: None, spans: Vec::new() }
    }

    /// A phase begins; the one before it ends.
    pub(crate) fn phase(&mut self, name: &str) {
        let now_ns = self.clock.now_ns();
        self.end_phase(now_ns);
        self.spans.push(LoadSpan { phase: name.to_owned(), begin_ns: now_ns, end_ns: now_ns });
    }

    fn end_phase(&mut self, now_ns: u64) {
        if let Some(last) = self.spans.last_mut() {
            last.end_ns = now_ns;
        }
    }

    /// The model is ready now; what follows is our own bookkeeping and no part of the load.
    pub(crate) fn ready(&mut self) {
        let now_ns = self.clock.now_ns();
        self.end_phase(now_ns);
        self.end_ns = Some(now_ns);
    }

    /// The load is done. What an engine knows better it sets itself.
    pub(crate) fn loaded(
        mut self,
        engine: &str,
        unit: ComputeUnit,
        format: &str,
        model_sha256: String,
        path: &str,
    ) -> Loaded {
        if self.end_ns.is_none() {
            self.ready();
        }
        let end_ns = self.end_ns.unwrap_or(self.begin_ns);
        let unasked = || Known::unknown("not asked yet");
        Loaded {
            begin_ns: self.begin_ns,
            end_ns,
            spans: self.spans,
            regime: LoadRegime::Cold,
            model_sha256,
            engine: engine.to_owned(),
            unit,
            format: format.to_owned(),
            parameters: 0,
            weight_bytes: 0,
            vocabulary: 0,
            context_limit: 0,
            vision: false,
            cost: Known::unknown("the engine states none"),
            evidence: UnitEvidence {
                path: path.to_owned(),
                operations: Known::unknown("this engine does not count operations by unit"),
                dispatches_per_token: Known::unknown("nothing is dispatched to an accelerator"),
                notes: Vec::new(),
            },
            memory: Memory {
                footprint_bytes: unasked(),
                peak_footprint_bytes: unasked(),
                resident_bytes: unasked(),
                peak_resident_bytes: unasked(),
            },
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    dyno_protocol::codec::hex(&Sha256::digest(bytes))
}
