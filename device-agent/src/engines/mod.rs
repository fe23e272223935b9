//! The engines by name. A new engine is one file here and one arm in [`open`].

mod qwen35;
mod scripted;

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
    let cpu = |name: &str, version: &str| EngineFacts {
        name: name.to_owned(),
        version: version.to_owned(),
        units: vec![ComputeUnit::Cpu],
    };
    vec![cpu(qwen35::NAME, env!("CARGO_PKG_VERSION")), cpu(scripted::NAME, env!("CARGO_PKG_VERSION"))]
}

/// Loads a model. Every phase is stamped; the regime is for the job loop to say.
pub(crate) fn open(load: &LoadSpec, store: &Store, clock: Clock) -> Result<Box<dyn Engine>, Failure> {
    let opened = Opened::now(clock);
    match (load.engine.as_str(), &load.source) {
        (scripted::NAME, ModelSource::Script(script)) => scripted::open(script, opened),
        (qwen35::NAME, _) => qwen35::open(load, store, opened),
        (scripted::NAME, _) => Err(Failure::new(FailureKind::Refused, "the engine `scripted` runs scripts only")),
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
    spans: Vec<LoadSpan>,
}

impl Opened {
    pub(crate) fn now(clock: Clock) -> Self {
        Self { clock, begin_ns: clock.now_ns(), spans: Vec::new() }
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

    /// The load is done. What an engine knows better it sets itself.
    pub(crate) fn loaded(
        mut self,
        engine: &str,
        unit: ComputeUnit,
        format: &str,
        model_sha256: String,
        path: &str,
    ) -> Loaded {
        let end_ns = self.clock.now_ns();
        self.end_phase(end_ns);
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
