//! Our own engine: a Qwen3.5 checkpoint, its words, and the loop that generates; on the processor here, on a GPU
//! in `on_gpu`.

mod generation;
mod on_gpu;
mod words;

use std::path::Path;

use dyno_protocol::{
    ComputeUnit, Cost, Failure, FailureKind, Finish, Known, LoadSpec, Loaded, ModelSource, Prompt,
    RenderRequest, Rendered, ScoredContinuation,
};
use dyno_qwen35::{
    Config, CpuPath, DecodeCost, Input, LoadOptions, LoadPhase, ModelError, Qwen35, State, VisionFeatures,
};
use dyno_weights::Checkpoint;

use super::Opened;
use super::checkpoints::{format, identity, parameters, pool, processor_only};
use super::pictures;
use crate::engine::{Engine, Generate, Watch};
use crate::store::Store;
use words::Words;

pub(crate) const NAME: &str = "dyno";

/// Beside weights and state: activations, tables, and what the allocator keeps.
const BESIDES_BYTES: u64 = 64 << 20;

#[derive(Debug)]
pub(super) struct Own {
    model: Qwen35,
    /// Kept for what it states: formats, and with them costs.
    checkpoint: Checkpoint,
    words: Option<Words>,
    loaded: Loaded,
    end_ids: Vec<u32>,
    state_limit_bytes: Option<u64>,
    pool: rayon::ThreadPool,
    snapshot: Option<Snapshot>,
}

/// A prompt's leading tokens, read once.
#[derive(Debug)]
struct Snapshot {
    ids: Vec<u32>,
    state: State,
}

pub(super) fn open(load: &LoadSpec, store: &Store, mut opened: Opened) -> Result<Box<dyn Engine>, Failure> {
    if load.unit == ComputeUnit::Gpu {
        return on_gpu::open(load, store, opened);
    }
    processor_only(load)?;
    let pool = pool(load)?;
    opened.phase("open");
    let checkpoint = checkpoint(&load.source, store)?;
    let config = Config::parse(checkpoint.config()).map_err(model)?;
    let weight_bytes = loaded_bytes(&checkpoint, load);
    let limit = memory_limit(load, weight_bytes)?;
    let words = Words::of(&checkpoint, &config)?;
    let options = LoadOptions {
        device: candle_core::Device::Cpu,
        vision: load.vision && config.vision.is_some(),
        mtp: load.draft_head,
        cpu: cpu_path()?,
    };
    let qwen = pool
        .install(|| Qwen35::load(&checkpoint, &options, &mut |phase| opened.phase(phase_name(phase))))
        .map_err(model)?;
    opened.ready();
    // Hashed only now: it takes longer than many loads, and it would warm the file for the load that is measured.
    let sha256 = identity(&checkpoint, load)?;
    let end_ids =
        words.as_ref().map_or_else(|| config.text.eos.clone(), |words| words.end_ids(&checkpoint, &config));
    let base = opened.loaded(NAME, ComputeUnit::Cpu, &format(&checkpoint), sha256, "");
    let mut loaded = Loaded {
        parameters: parameters(&checkpoint),
        weight_bytes,
        vocabulary: config.text.vocab_size as u32,
        context_limit: config.text.max_positions as u32,
        vision: qwen.vision().is_some(),
        ..base
    };
    loaded.evidence.path = qwen.path();
    loaded.cost = cost(qwen.cost(&checkpoint, 0));
    if let Some(error) = qwen.stated_error() {
        loaded.evidence.notes.push(error.to_owned());
    }
    loaded.evidence.notes.push(format!("{} threads", pool.current_num_threads()));
    Ok(Box::new(Own {
        model: qwen,
        checkpoint,
        words,
        loaded,
        end_ids,
        state_limit_bytes: limit,
        pool,
        snapshot: None,
    }))
}

pub(super) fn checkpoint(source: &ModelSource, store: &Store) -> Result<Checkpoint, Failure> {
    match source {
        ModelSource::Path { path } => Checkpoint::open(Path::new(path)).map_err(weights),
        ModelSource::Stored { model_sha256 } => {
            Checkpoint::open(&store.model(model_sha256)?).map_err(weights)
        }
        ModelSource::Synthetic { config_json, seed, format } => {
            let config = serde_json::from_str(config_json).map_err(|error| {
                Failure::new(FailureKind::Model, format!("the shape is not JSON: {error}"))
            })?;
            let format: dyno_weights::Format =
                format.parse().map_err(|error| Failure::new(FailureKind::Model, format!("{error}")))?;
            Checkpoint::synthetic(&config, *seed, format).map_err(weights)
        }
        ModelSource::Server { .. } | ModelSource::Script(_) => {
            Err(Failure::new(FailureKind::Refused, format!("the engine `{NAME}` needs a checkpoint")))
        }
    }
}

/// How to compute, where the operator has a wish; the best way otherwise.
fn cpu_path() -> Result<CpuPath, Failure> {
    const WISH: &str = "DYNO_CPU_PATH";
    match std::env::var(WISH) {
        Err(_) => Ok(CpuPath::Best),
        Ok(wish) => {
            wish.parse().map_err(|error| Failure::new(FailureKind::Refused, format!("{WISH}: {error}")))
        }
    }
}

fn loaded_bytes(checkpoint: &Checkpoint, load: &LoadSpec) -> u64 {
    let wanted = |name: &&str| {
        (load.vision || !name.starts_with("visual.")) && (load.draft_head || !name.starts_with("mtp."))
    };
    checkpoint.weight_bytes(checkpoint.names().filter(wanted))
}

/// What the state may take once the weights are in; a refusal where nothing is left.
fn memory_limit(load: &LoadSpec, weight_bytes: u64) -> Result<Option<u64>, Failure> {
    let Some(limit) = load.memory_limit_bytes else { return Ok(None) };
    let taken = weight_bytes + BESIDES_BYTES;
    limit.checked_sub(taken).map(Some).ok_or_else(|| {
        let what = format!("the weights take {weight_bytes} bytes, and the limit is {limit}");
        Failure::new(FailureKind::Memory, what).with_next_step("choose a smaller model or fewer bits")
    })
}

fn cost(cost: DecodeCost) -> Known<Cost> {
    Known::Is(Cost { read_bytes: cost.bytes(), flops: cost.flops() })
}

fn no_words() -> Failure {
    let what = "the loaded weights have no tokenizer";
    Failure::new(FailureKind::Refused, what).with_next_step("prompt with token ids")
}

/// What this build and machine can run it on.
pub(crate) fn units() -> Vec<ComputeUnit> {
    let gpu = on_gpu::is_there().then_some(ComputeUnit::Gpu);
    [ComputeUnit::Cpu].into_iter().chain(gpu).collect()
}

/// Layers share one phase: its length is the sum of theirs.
fn phase_name(phase: LoadPhase) -> &'static str {
    match phase {
        LoadPhase::Config => "configuration",
        LoadPhase::Embedding => "embedding",
        LoadPhase::Layer { .. } => "layers",
        LoadPhase::Head => "head",
        LoadPhase::Vision => "vision",
        LoadPhase::DraftHead => "draft head",
    }
}

#[expect(clippy::needless_pass_by_value, reason = "shaped for map_err")]
fn weights(error: dyno_weights::WeightError) -> Failure {
    Failure::new(FailureKind::Model, error.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "shaped for map_err")]
fn model(error: ModelError) -> Failure {
    let kind = match error {
        ModelError::ContextFull { .. } | ModelError::Memory { .. } => FailureKind::Memory,
        _ => FailureKind::Engine,
    };
    Failure::new(kind, error.to_string())
}

impl Own {
    /// Runs `work` where its threads are: the kernels have their own, and a second set would only be in their way.
    fn compute<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        if self.model.has_kernels() { work() } else { self.pool.install(work) }
    }

    /// The vectors of a prompt's pictures.
    fn features(&self, prompt: &Prompt) -> Result<Option<VisionFeatures>, Failure> {
        let (vision, texts) = (self.model.config().vision.as_ref(), self.checkpoint.texts());
        let media = pictures::media(&prompt.images, &prompt.videos, vision, texts)?;
        let parts = media.iter().map(|medium| self.model.see(&medium.patches).map_err(model));
        let parts = parts.collect::<Result<Vec<_>, Failure>>()?;
        if parts.is_empty() {
            return Ok(None);
        }
        VisionFeatures::join(&parts).map(Some).map_err(model)
    }

    fn words(&self) -> Result<&Words, Failure> {
        self.words.as_ref().ok_or_else(no_words)
    }
}

impl Engine for Own {
    fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    fn cost(&self, depth: u32) -> Known<Cost> {
        cost(self.model.cost(&self.checkpoint, depth as usize))
    }

    fn render(&self, request: &RenderRequest) -> Result<Rendered, Failure> {
        self.words()?.render(request, &self.checkpoint, self.model.config())
    }

    fn tokenize(&self, text: &str) -> Option<Result<Vec<u32>, Failure>> {
        self.words.as_ref().map(|words| words.encode(text))
    }

    fn detokenize(&self, ids: &[u32]) -> Option<String> {
        self.words.as_ref().and_then(|words| words.decode(ids))
    }

    fn generate(&mut self, task: &Generate<'_>, watch: &mut dyn Watch) -> Result<Finish, Failure> {
        generation::run(self, task, watch)
    }

    fn score(
        &mut self,
        prefix: &Prompt,
        continuations: &[Vec<u32>],
        watch: &mut dyn Watch,
    ) -> Result<Vec<ScoredContinuation>, Failure> {
        let features = self.features(prefix)?;
        let input = Input { ids: &prefix.ids, features: features.as_ref() };
        let ids: Vec<&[u32]> = continuations.iter().map(Vec::as_slice).collect();
        let scored = self.compute(|| self.model.score(input, &ids)).map_err(model)?;
        // One call for the whole batch: scoring is not a rate that anyone is told.
        let _ = watch.read(prefix.ids.len() as u32);
        let scored = scored.into_iter().map(|scored| ScoredContinuation {
            token_log_probs: scored.log_probs,
            greedy: scored.was_greedy,
        });
        Ok(scored.collect())
    }

    fn reset(&mut self) {
        self.snapshot = None;
    }
}
