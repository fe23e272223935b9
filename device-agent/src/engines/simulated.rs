//! The engines of a device that is played: a cost model by bytes and operations of the model that was asked for,
//! and ids by a rule. Its numbers are about nothing real, and the device's kind says so.

use std::ops::ControlFlow;
use std::sync::Arc;

use dyno_protocol::{
    ComputeUnit, Cost, Failure, FailureKind, Finish, Known, LoadSpec, Loaded, Prompt, RenderRequest,
    Rendered, ScoredContinuation, SimulatedEngine, SimulatedUnit, UnitEvidence, simulated_id,
};
use dyno_qwen35::{Config, DecodeCost};
use dyno_simulated::{Said, Weights};
use dyno_text::LoopDetector;
use dyno_weights::Checkpoint;

use super::checkpoints::{format, identity, parameters};
use super::{Opened, qwen35, scripted};
use crate::engine::{Engine, Generate, Watch};
use crate::simulation::Simulation;
use crate::store::Store;

/// Prompt tokens between two stamps.
const CHUNK: u32 = 512;
const LINE_BREAK: u32 = 10;
/// Prompt tokens of a picture.
const PICTURE_IDS: u32 = 64;
/// While files are read and programs compiled.
const LOADING_W: f64 = 2.0;
/// Where the depth's own cost is looked at.
const DEEP: usize = 4096;

#[derive(Debug)]
struct Played {
    simulation: Arc<Simulation>,
    engine: SimulatedEngine,
    /// The unit that is really used.
    unit: SimulatedUnit,
    weights: Weights,
    loaded: Loaded,
    /// The prompt whose leading tokens are kept.
    snapshot: Option<(String, u32)>,
}

pub(super) fn open(
    load: &LoadSpec,
    store: &Store,
    simulation: &Arc<Simulation>,
    mut opened: Opened,
) -> Result<Box<dyn Engine>, Failure> {
    let refused = |what: String| Failure::new(FailureKind::Refused, what);
    let (engine, asked) = simulation
        .look(|device| device.engine(&load.engine).cloned().zip(device.unit(load.unit).cloned()))
        .ok_or_else(|| refused(format!("this device has no engine `{}` on that unit", load.engine)))?;
    let checkpoint = qwen35::checkpoint(&load.source, store)?;
    let sha256 = identity(&checkpoint, load)?;
    let (weights, cost) = weigh(&checkpoint, &sha256);
    if let Some(limit) = load.memory_limit_bytes.filter(|limit| weights.bytes > *limit) {
        let what = format!("the weights take {} bytes, and the limit is {limit}", weights.bytes);
        return Err(Failure::new(FailureKind::Memory, what));
    }
    let work = simulation.with(|device| device.begin_load(&weights, &asked));
    opened.phase("read");
    simulation.work(|device| device.busy(work.read_s, LOADING_W))?;
    if work.compile_s > 0.0 {
        opened.phase("compile");
        simulation.work(|device| device.busy(work.compile_s, LOADING_W))?;
    }
    opened.ready();
    simulation.loaded(weights.bytes);
    let unit = simulation.look(|device| device.unit(work.unit).cloned()).unwrap_or_else(|| asked.clone());
    let base = opened.loaded(&engine.id, load.unit, &format(&checkpoint), sha256, "simulated");
    let loaded = Loaded {
        parameters: parameters(&checkpoint),
        weight_bytes: weights.bytes,
        vocabulary: scripted::VOCABULARY,
        context_limit: 1 << 17,
        vision: load.vision,
        cost: Known::Is(cost),
        evidence: evidence(&asked, unit.unit),
        ..base
    };
    Ok(Box::new(Played { simulation: Arc::clone(simulation), engine, unit, weights, loaded, snapshot: None }))
}

/// What a token of this model costs, by its shape where that is known, else by its bytes.
fn weigh(checkpoint: &Checkpoint, sha256: &str) -> (Weights, Cost) {
    let bytes = checkpoint.weight_bytes(checkpoint.names());
    let (cost, depth_bytes) = match Config::parse(checkpoint.config()) {
        Ok(config) => {
            let at = |depth| DecodeCost::new(checkpoint, &config, depth);
            let (shallow, deep) = (at(0), at(DEEP));
            let cost = Cost { read_bytes: shallow.bytes(), flops: shallow.flops() };
            (cost, (deep.bytes() - shallow.bytes()) as f64 / DEEP as f64)
        }
        Err(_) => (Cost { read_bytes: bytes, flops: 2 * parameters(checkpoint) }, 0.0),
    };
    let weights = Weights {
        key: sha256.to_owned(),
        bytes,
        token_bytes: cost.read_bytes as f64,
        token_flops: cost.flops as f64,
        depth_bytes,
    };
    (weights, cost)
}

/// Where the work ran, or where the system says that it did.
fn evidence(asked: &SimulatedUnit, used: ComputeUnit) -> UnitEvidence {
    let hides = asked.fallback.as_ref().is_some_and(|fallback| fallback.hides);
    let told = if hides { asked.unit } else { used };
    let mut notes = vec!["a simulated device: evidence about nothing real".to_owned()];
    if told != asked.unit {
        notes.push(format!("asked for {:?}, planned on {told:?}", asked.unit));
    }
    UnitEvidence {
        path: format!("simulated {told:?}"),
        operations: Known::Is(vec![(told, 1)]),
        dispatches_per_token: Known::unknown("a simulated device dispatches nothing"),
        notes,
    }
}

impl Played {
    fn read_prompt(
        &mut self,
        task: &Generate<'_>,
        watch: &mut dyn Watch,
    ) -> Result<ControlFlow<()>, Failure> {
        let tokens = task.prompt.ids.len() as u32;
        let wanted = task.reuse_prefix.min(tokens.saturating_sub(1));
        let mut at = 0;
        let seen = PICTURE_IDS * task.prompt.images.len() as u32;
        if seen > 0 {
            let (weights, unit) = (&self.weights, &self.unit);
            self.simulation.work(|device| device.prefill(weights, unit, seen))?;
            watch.seen(seen);
        }
        if wanted > 0 {
            let key = (task.prompt.sha256.clone(), wanted);
            if self.snapshot.as_ref() == Some(&key) {
                watch.reused(wanted);
                at = wanted;
            }
            self.snapshot = Some(key);
        }
        while at < tokens {
            let chunk = CHUNK.min(tokens - at);
            let (weights, unit) = (&self.weights, &self.unit);
            self.simulation.work(|device| device.prefill(weights, unit, chunk))?;
            if watch.read(chunk).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            at += chunk;
        }
        Ok(ControlFlow::Continue(()))
    }
}

impl Engine for Played {
    fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    fn cost(&self, depth: u32) -> Known<Cost> {
        match &self.loaded.cost {
            Known::Is(cost) => {
                let deeper = (self.weights.depth_bytes * f64::from(depth)) as u64;
                Known::Is(Cost { read_bytes: cost.read_bytes + deeper, flops: cost.flops })
            }
            unknown @ Known::Unknown(_) => unknown.clone(),
        }
    }

    fn render(&self, request: &RenderRequest) -> Result<Rendered, Failure> {
        scripted::render(request, "simulated", Some(PICTURE_IDS as usize))
    }

    fn tokenize(&self, text: &str) -> Option<Result<Vec<u32>, Failure>> {
        Some(Ok(scripted::ids(text)))
    }

    fn detokenize(&self, ids: &[u32]) -> Option<String> {
        Some(scripted::text(ids))
    }

    fn generate(&mut self, task: &Generate<'_>, watch: &mut dyn Watch) -> Result<Finish, Failure> {
        let prompt_tokens = task.prompt.ids.len() as u32;
        let needed = prompt_tokens + task.stop.max_tokens;
        let context = task.allocate_context.map_or(needed, |asked| asked.max(needed));
        self.simulation.with(|device| device.begin_pass(&self.engine, context));
        if self.read_prompt(task, watch)?.is_break() {
            return Ok(Finish::Cancelled);
        }
        let mut loops = task.stop.stop_on_loop.then(LoopDetector::new);
        let (weights, unit) = (&self.weights, &self.unit);
        for place in 0..task.stop.max_tokens {
            // The first token comes out of reading the prompt.
            let depth = place.checked_sub(1).map(|written| prompt_tokens + written);
            let right = simulated_id(u64::from(place));
            let id = match self.simulation.work(|device| device.token(weights, unit, depth))? {
                Said::Right => right,
                Said::Wrong => (right + 1) % scripted::VOCABULARY,
                Said::LineBreak => LINE_BREAK,
            };
            if watch.token(id).is_break() {
                return Ok(Finish::Cancelled);
            }
            if let Some(found) = loops.as_mut().and_then(|loops| loops.push(id, id == LINE_BREAK)) {
                return Ok(Finish::Loop { from_token: found.from_token, what: found.to_string() });
            }
        }
        Ok(Finish::Length)
    }

    fn score(
        &mut self,
        prefix: &Prompt,
        continuations: &[Vec<u32>],
        watch: &mut dyn Watch,
    ) -> Result<Vec<ScoredContinuation>, Failure> {
        let tokens = prefix.ids.len() + continuations.iter().map(Vec::len).sum::<usize>();
        self.simulation.with(|device| device.begin_pass(&self.engine, tokens as u32));
        let (weights, unit) = (&self.weights, &self.unit);
        self.simulation.work(|device| device.prefill(weights, unit, tokens as u32))?;
        let _ = watch.read(tokens as u32);
        // Likely where it is what the rule would say, unlikely elsewhere.
        let score = |ids: &Vec<u32>| {
            let greedy: Vec<bool> =
                ids.iter().zip(0..).map(|(id, place)| *id == simulated_id(place)).collect();
            let token_log_probs = greedy.iter().map(|said| if *said { -0.1 } else { -5.0 }).collect();
            ScoredContinuation { token_log_probs, greedy }
        };
        Ok(continuations.iter().map(score).collect())
    }

    fn reset(&mut self) {
        self.snapshot = None;
    }
}
