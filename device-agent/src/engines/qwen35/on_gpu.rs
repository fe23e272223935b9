//! The same checkpoints on the GPU. Where this build or machine has none, the engine says why.

use std::ops::ControlFlow;
use std::sync::OnceLock;

use dyno_gpu::{Checked, Finding, Gpu, GpuError, Model, Scalar, State};
use dyno_protocol::{
    ComputeUnit, Cost, Failure, FailureKind, Finish, Known, LoadSpec, Loaded, Prompt, RenderRequest,
    Rendered, ScoredContinuation,
};
use dyno_qwen35::{Config, DecodeCost};
use dyno_weights::Checkpoint;

use super::words::Words;
use super::{NAME, checkpoint, cost, loaded_bytes, model as qwen};
use crate::engine::{Engine, Generate, Watch};
use crate::engines::Opened;
use crate::engines::checkpoints::{format, identity, parameters};
use crate::engines::choice::{Choice, Tokens};
use crate::store::Store;

/// Prompt tokens between two stamps.
const CHUNK: usize = 512;

pub(super) type Device = Box<dyn Gpu + Send>;

#[derive(Debug)]
pub(super) struct OnGpu {
    model: Model<Checked<Device>>,
    checkpoint: Checkpoint,
    config: Config,
    words: Option<Words>,
    loaded: Loaded,
    end_ids: Vec<u32>,
    logits: Vec<f32>,
    snapshot: Option<(Vec<u32>, State)>,
}

/// Whether there is one; looked for once.
pub(crate) fn is_there() -> bool {
    static THERE: OnceLock<bool> = OnceLock::new();
    *THERE.get_or_init(|| device().is_ok())
}

/// The GPU of this machine as far as this build can drive it.
pub(crate) fn device() -> Result<Device, GpuError> {
    #[cfg(target_vendor = "apple")]
    let device: Result<Device, GpuError> =
        dyno_gpu::metal::Metal::open().map(|metal| Box::new(metal) as Device);
    #[cfg(all(feature = "cuda", not(target_vendor = "apple")))]
    let device: Result<Device, GpuError> = {
        let folder = std::env::temp_dir().join("dyno-ptx");
        dyno_gpu::cuda::Cuda::open(dyno_gpu::cuda::Ptx::Clang(folder)).map(|cuda| Box::new(cuda) as Device)
    };
    #[cfg(not(any(feature = "cuda", target_vendor = "apple")))]
    let device = Err(GpuError::Absent("this build drives Apple's GPUs only on Apple's systems".to_owned()));
    device
}

pub(super) fn open(load: &LoadSpec, store: &Store, mut opened: Opened) -> Result<Box<dyn Engine>, Failure> {
    if load.vision || load.draft_head {
        let what = "pictures and drafts are not computed on the GPU yet";
        return Err(Failure::new(FailureKind::Refused, what).with_next_step("choose the unit `cpu` for them"));
    }
    opened.phase("device");
    let device = device().map_err(gpu)?;
    opened.phase("open");
    let checkpoint = checkpoint(&load.source, store)?;
    Ok(Box::new(OnGpu::load(device, checkpoint, load, opened)?))
}

#[expect(clippy::needless_pass_by_value, reason = "shaped for map_err")]
fn gpu(error: GpuError) -> Failure {
    let kind = match error {
        GpuError::ContextFull { .. } => FailureKind::Memory,
        GpuError::Absent(_) | GpuError::Model { .. } => FailureKind::Refused,
        _ => FailureKind::Engine,
    };
    Failure::new(kind, error.to_string())
}

impl OnGpu {
    pub(super) fn load(
        device: Device,
        checkpoint: Checkpoint,
        load: &LoadSpec,
        mut opened: Opened,
    ) -> Result<Self, Failure> {
        let config = Config::parse(checkpoint.config()).map_err(qwen)?;
        let words = Words::of(&checkpoint, &config)?;
        opened.phase("kernels and weights");
        let mut model = Model::load(Checked::new(device), &checkpoint, Scalar::F32).map_err(gpu)?;
        opened.ready();
        let vocabulary = config.text.vocab_size as u32;
        let count = words.as_ref().map_or(vocabulary, |words| words.id_count().min(vocabulary));
        model.count_tokens(count as usize);
        let sha256 = identity(&checkpoint, load)?;
        let end_ids = words
            .as_ref()
            .map_or_else(|| config.text.eos.clone(), |words| words.end_ids(&checkpoint, &config));
        let path = format!("own kernels on {}", model.gpu().name());
        let base = opened.loaded(NAME, ComputeUnit::Gpu, &format(&checkpoint), sha256, &path);
        let mut loaded = Loaded {
            parameters: parameters(&checkpoint),
            weight_bytes: loaded_bytes(&checkpoint, load),
            vocabulary,
            context_limit: config.text.max_positions as u32,
            cost: cost(DecodeCost::new(&checkpoint, &config, 0)),
            ..base
        };
        note(&mut model, &mut loaded).map_err(gpu)?;
        let logits = Vec::with_capacity(config.text.vocab_size);
        Ok(Self { model, checkpoint, config, words, loaded, end_ids, logits, snapshot: None })
    }

    /// A state that holds as much of the prompt as may come from a snapshot.
    fn begin(&mut self, task: &Generate<'_>, reuse: usize, watch: &mut dyn Watch) -> Result<State, Failure> {
        let ids = &task.prompt.ids;
        let needed = ids.len() + task.stop.max_tokens as usize;
        let context = task.allocate_context.map_or(needed, |context| (context as usize).max(needed));
        if reuse > 0
            && let Some((known, state)) = &self.snapshot
            && *known == ids[..reuse]
            && state.context() >= context
        {
            let state = self.model.snapshot(state).map_err(gpu)?;
            watch.reused(reuse as u32);
            return Ok(state);
        }
        self.reset();
        self.model.state(context).map_err(gpu)
    }

    /// Reads the prompt; the submission that knows the first choice, or nothing where the watcher said stop.
    fn read(
        &mut self,
        state: &mut State,
        ids: &[u32],
        reuse: usize,
        watch: &mut dyn Watch,
    ) -> Result<Option<u64>, Failure> {
        let (mut at, mut last) = (state.len(), 0);
        while at < ids.len() {
            let stop = if at < reuse { reuse } else { ids.len() };
            let end = stop.min(at + CHUNK);
            let submission = self.model.read(state, &ids[at..end], end == ids.len()).map_err(gpu)?;
            // A stamp is of a chunk that was read, not of one that was handed over.
            self.model.id(state, state.len(), submission).map_err(gpu)?;
            if watch.read((end - at) as u32).is_break() {
                return Ok(None);
            }
            (at, last) = (end, submission);
            if at == reuse {
                let kept = self.model.snapshot(state).map_err(gpu)?;
                self.snapshot = Some((ids[..reuse].to_vec(), kept));
            }
        }
        Ok(Some(last))
    }

    /// Greedy output: the device chooses, and the next step is under way before this one's id is looked at.
    fn greedy(
        &mut self,
        task: &Generate<'_>,
        (state, mut submission): (&mut State, u64),
        choice: &mut Choice<'_>,
        watch: &mut dyn Watch,
    ) -> Result<Finish, Failure> {
        let first = state.len();
        for (known, left) in (first..).zip((0..task.stop.max_tokens).rev()) {
            let next = if left > 0 { Some(self.model.step(state).map_err(gpu)?) } else { None };
            let id = self.model.id(state, known, submission).map_err(gpu)?;
            if watch.token(id).is_break() {
                return Ok(Finish::Cancelled);
            }
            if let ControlFlow::Break(finish) = choice.after(id) {
                return Ok(finish);
            }
            submission = next.unwrap_or(submission);
        }
        Ok(Finish::Length)
    }

    /// Any other way of choosing: logits come back, and the choice goes to the device.
    fn sampled(
        &mut self,
        task: &Generate<'_>,
        state: &mut State,
        choice: &mut Choice<'_>,
        watch: &mut dyn Watch,
    ) -> Result<Finish, Failure> {
        for left in (0..task.stop.max_tokens).rev() {
            self.model.logits(&mut self.logits).map_err(gpu)?;
            let id = choice.next(&self.logits)?;
            if watch.token(id).is_break() {
                return Ok(Finish::Cancelled);
            }
            if let ControlFlow::Break(finish) = choice.after(id) {
                return Ok(finish);
            }
            if left > 0 {
                self.model.force(state, id).map_err(gpu)?;
                self.model.step(state).map_err(gpu)?;
            }
        }
        Ok(Finish::Length)
    }
}

/// One token on a state of its own, for what is said about every token; and what became of the kernels.
fn note(model: &mut Model<Checked<Device>>, loaded: &mut Loaded) -> dyno_gpu::Result<()> {
    let mut state = model.state(4)?;
    model.read(&mut state, &[0, 0], true)?;
    let before = model.tally().clone();
    let submission = model.step(&mut state)?;
    model.id(&state, state.len(), submission)?;
    let dispatches = model.tally().all() - before.all();
    let buffers = model.tally().submissions - before.submissions;
    model.release(&state);
    let evidence = &mut loaded.evidence;
    evidence.dispatches_per_token = Known::Is(dispatches as f64);
    evidence.operations = Known::Is(vec![(ComputeUnit::Gpu, dispatches)]);
    evidence.notes.push(format!("{buffers} command buffer per token; activations in single precision"));
    let findings = model.gpu().findings();
    let right: Vec<f64> = findings
        .iter()
        .filter_map(|(_, finding)| match finding {
            Finding::Right(off) => Some(*off),
            Finding::Refused(_) => None,
        })
        .collect();
    let worst = right.iter().copied().fold(0.0, f64::max);
    evidence.notes.push(format!(
        "{} of {} kernels passed their self-test, the worst off by {worst:.1e}",
        right.len(),
        findings.len()
    ));
    for (kernel, finding) in findings {
        if let Finding::Refused(why) = finding {
            evidence.operations = Known::unknown("some kernels run on the processor; see the notes");
            evidence.notes.push(format!("{} runs on the processor: {why}", kernel.instance()));
        }
    }
    Ok(())
}

/// The natural log of each token's share, and whether it was the largest.
fn log_prob(logits: &[f32], id: u32) -> (f32, bool) {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|logit| f64::from(logit - largest).exp()).sum();
    let own = logits.get(id as usize).copied().unwrap_or(f32::NEG_INFINITY);
    let first = logits.iter().position(|logit| logit.total_cmp(&largest).is_eq());
    ((f64::from(own - largest) - sum.ln()) as f32, first == Some(id as usize))
}

impl Engine for OnGpu {
    fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    fn cost(&self, depth: u32) -> Known<Cost> {
        cost(DecodeCost::new(&self.checkpoint, &self.config, depth as usize))
    }

    fn render(&self, request: &RenderRequest) -> Result<Rendered, Failure> {
        self.words.as_ref().ok_or_else(super::no_words)?.render(request, &self.checkpoint, &self.config)
    }

    fn tokenize(&self, text: &str) -> Option<Result<Vec<u32>, Failure>> {
        self.words.as_ref().map(|words| words.encode(text))
    }

    fn detokenize(&self, ids: &[u32]) -> Option<String> {
        self.words.as_ref().and_then(|words| words.decode(ids))
    }

    fn generate(&mut self, task: &Generate<'_>, watch: &mut dyn Watch) -> Result<Finish, Failure> {
        let ids = &task.prompt.ids;
        if ids.is_empty() || !task.prompt.images.is_empty() || task.speculate {
            let what = "the GPU path reads text, without pictures and without drafts";
            return Err(Failure::new(FailureKind::Refused, what).with_next_step("choose the unit `cpu`"));
        }
        let reuse = (task.reuse_prefix as usize).min(ids.len() - 1);
        let mut state = self.begin(task, reuse, watch)?;
        let read = self.read(&mut state, ids, reuse, watch)?;
        let finish = if let Some(submission) = read {
            // What choosing needs is taken out for the length of the loop.
            let (words, end_ids) = (self.words.take(), std::mem::take(&mut self.end_ids));
            let rows = self.loaded.vocabulary;
            let tokens = Tokens {
                count: words.as_ref().map_or(rows, |words| words.id_count().min(rows)),
                end_ids: &end_ids,
                blank: words.as_ref().map_or(&[], Words::blank),
            };
            let budget = match (task.stop.thinking_budget, &words) {
                (Some(budget), Some(words)) => words.thinking_budget(budget, task.prompt.text.as_deref()),
                _ => Ok(None),
            };
            let finish = budget.and_then(|budget| {
                let mut choice = Choice::new(task, tokens, budget)?;
                if choice.is_plain_greedy() {
                    self.greedy(task, (&mut state, submission), &mut choice, watch)
                } else {
                    self.sampled(task, &mut state, &mut choice, watch)
                }
            });
            (self.words, self.end_ids) = (words, end_ids);
            finish
        } else {
            Ok(Finish::Cancelled)
        };
        self.model.release(&state);
        finish
    }

    fn score(
        &mut self,
        prefix: &Prompt,
        continuations: &[Vec<u32>],
        watch: &mut dyn Watch,
    ) -> Result<Vec<ScoredContinuation>, Failure> {
        let longest = continuations.iter().map(Vec::len).max().unwrap_or(0);
        let mut start = self.model.state(prefix.ids.len() + longest).map_err(gpu)?;
        self.model.read(&mut start, &prefix.ids, true).map_err(gpu)?;
        let mut first = Vec::new();
        self.model.logits(&mut first).map_err(gpu)?;
        let mut scored = Vec::with_capacity(continuations.len());
        for ids in continuations {
            let mut one = ScoredContinuation { token_log_probs: Vec::new(), greedy: Vec::new() };
            let mut state = self.model.snapshot(&start).map_err(gpu)?;
            self.logits.clone_from(&first);
            for (at, id) in ids.iter().enumerate() {
                let (log_prob, greedy) = log_prob(&self.logits, *id);
                one.token_log_probs.push(log_prob);
                one.greedy.push(greedy);
                if at + 1 < ids.len() {
                    self.model.read(&mut state, &[*id], true).map_err(gpu)?;
                    self.model.logits(&mut self.logits).map_err(gpu)?;
                }
            }
            self.model.release(&state);
            scored.push(one);
        }
        self.model.release(&start);
        // One call for the whole batch: scoring is not a rate that anyone is told.
        let _ = watch.read(prefix.ids.len() as u32);
        Ok(scored)
    }

    fn reset(&mut self) {
        if let Some((_, state)) = self.snapshot.take() {
            self.model.release(&state);
        }
    }
}

#[cfg(test)]
mod tests;
