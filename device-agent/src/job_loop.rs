//! Carries a job out, step by step, and writes every observation into its journal. Owns repetitions, warm-up
//! and deadlines; knows nothing of what the numbers will be used for.

use std::sync::atomic::{AtomicBool, Ordering};

use dyno_protocol::{
    Bandwidth, Failure, FailureKind, Finish, GenerationPass, Job, Known, LoadRegime, LoadSpec, Memory,
    PassKind, Prompt, RecordBody, RepeatRule, ScoringPass, Step, WarmUpRule, Workload,
};

use crate::bandwidth::Reader;
use crate::clock::Clock;
use crate::engine::{Engine, Generate};
use crate::engines;
use crate::journal::Journal;
use crate::platform::Platform;
use crate::regimes::Regimes;
use crate::sampler::Sampler;
use crate::spread::{agree, narrow_enough};
use crate::stamps::Stamps;
use crate::store::Store;

/// What the device keeps between jobs.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) clock: Clock,
    pub(crate) platform: std::sync::Arc<dyn Platform>,
    pub(crate) store: Store,
    pub(crate) regimes: Regimes,
    pub(crate) loaded: Option<(LoadSpec, Box<dyn Engine>)>,
}

impl std::fmt::Debug for dyn Engine {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Engine").field("name", &self.loaded().engine).finish_non_exhaustive()
    }
}

/// Runs a job's steps, and says what went wrong. The last record is the caller's: it is written when the bench is
/// free again, so that whoever reads it can hand over the next job at once.
pub(crate) fn run(bench: &mut Bench, job: &Job, journal: &Journal, cancel: &AtomicBool) -> Option<Failure> {
    let clock = bench.clock.clone();
    let deadline_ns = clock.now_ns().saturating_add(job.deadline_ns);
    let sampler =
        Sampler::start(std::sync::Arc::clone(&bench.platform), clock.clone(), job.sensor_interval_ns);
    let mut at_work = AtWork { bench, journal, cancel, sampler, deadline_ns, broken: None };
    at_work.note(RecordBody::Started { conditions: at_work.bench.platform.conditions(clock.now_ns()) });
    let mut outcome = Ok(());
    for (number, step) in job.steps.iter().enumerate() {
        outcome = at_work.step(number as u32, step);
        if outcome.is_err() {
            break;
        }
    }
    at_work.hand_over_samples();
    if let Some(simulation) = clock.simulation() {
        simulation.keep();
    }
    outcome.err().or(at_work.broken.take())
}

struct AtWork<'a> {
    bench: &'a mut Bench,
    journal: &'a Journal,
    cancel: &'a AtomicBool,
    sampler: Sampler,
    deadline_ns: u64,
    /// The journal's disk failed.
    broken: Option<Failure>,
}

impl AtWork<'_> {
    fn note(&mut self, body: RecordBody) {
        if let Err(error) = self.journal.append(self.bench.clock.now_ns(), body) {
            let failure =
                Failure::new(FailureKind::Storage, format!("the journal cannot be written: {error}"))
                    .with_next_step("free some space on the device");
            self.broken.get_or_insert(failure);
        }
    }

    fn hand_over_samples(&mut self) {
        for what in self.bench.platform.notices() {
            self.note(RecordBody::Noticed { what });
        }
        let samples = self.sampler.take();
        if !samples.is_empty() {
            self.note(RecordBody::Sensors { samples });
        }
    }

    /// After every pass: what was observed is on the disk before the next one begins.
    fn settle(&mut self) -> Result<(), Failure> {
        self.hand_over_samples();
        if let Err(error) = self.journal.sync() {
            let failure =
                Failure::new(FailureKind::Storage, format!("the journal cannot be synced: {error}"));
            self.broken.get_or_insert(failure);
        }
        self.go_on()
    }

    fn go_on(&self) -> Result<(), Failure> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(Failure::new(FailureKind::Cancelled, "the job was cancelled"));
        }
        if self.bench.clock.now_ns() >= self.deadline_ns {
            return Err(Failure::new(
                FailureKind::TimedOut,
                "the job's time was over before its steps were done",
            ));
        }
        Ok(())
    }

    fn step(&mut self, number: u32, step: &Step) -> Result<(), Failure> {
        self.go_on()?;
        match step {
            Step::Load { load, keep } => self.load(load, *keep)?,
            Step::Unload => {
                self.bench.loaded = None;
                self.note(RecordBody::Unloaded { step: number });
            }
            Step::Idle { duration_ns } => self.idle(*duration_ns)?,
            Step::Run { workload, warm_up, repeat } => self.workload(number, workload, *warm_up, *repeat)?,
        }
        self.settle()
    }

    fn load(&mut self, load: &LoadSpec, keep: bool) -> Result<(), Failure> {
        if keep
            && let Some((loaded_as, engine)) = &self.bench.loaded
            && loaded_as == load
        {
            let mut loaded = engine.loaded().clone();
            loaded.regime = LoadRegime::Kept;
            loaded.memory = self.bench.platform.memory();
            self.note(RecordBody::Loaded(Box::new(loaded)));
            return Ok(());
        }
        // Two models at once would share the memory that one of them is measured with.
        self.bench.loaded = None;
        let engine = engines::open(load, &self.bench.store, &self.bench.clock)?;
        let mut loaded = engine.loaded().clone();
        loaded.regime = self.bench.regimes.of(&loaded);
        loaded.memory = self.bench.platform.memory();
        self.bench.loaded = Some((load.clone(), engine));
        self.note(RecordBody::Loaded(Box::new(loaded)));
        Ok(())
    }

    fn idle(&mut self, duration_ns: u64) -> Result<(), Failure> {
        const LOOK_UP_NS: u64 = 20_000_000;
        let until_ns = self.bench.clock.now_ns().saturating_add(duration_ns);
        loop {
            self.go_on()?;
            let left_ns = until_ns.saturating_sub(self.bench.clock.now_ns());
            if left_ns == 0 {
                return Ok(());
            }
            self.bench.clock.rest(left_ns.min(LOOK_UP_NS));
        }
    }

    fn workload(
        &mut self,
        step: u32,
        workload: &Workload,
        warm_up: WarmUpRule,
        repeat: RepeatRule,
    ) -> Result<(), Failure> {
        match workload {
            Workload::Generate { prompt, sampling, stop, reuse_prefix, allocate_context, speculate } => {
                self.check_prompt(prompt)?;
                let task = Generate {
                    prompt,
                    sampling,
                    stop,
                    reuse_prefix: *reuse_prefix,
                    allocate_context: *allocate_context,
                    speculate: *speculate,
                };
                self.passes(step, warm_up, repeat, |this, pass, kind| {
                    let until_ns = this.deadline_ns;
                    this.generate(step, pass, kind, &task, until_ns).map(|pass| pass.last_token_ns())
                })
            }
            Workload::Sustain { prompt, sampling, stop, duration_ns } => {
                self.check_prompt(prompt)?;
                let task = Generate {
                    prompt,
                    sampling,
                    stop,
                    reuse_prefix: 0,
                    allocate_context: None,
                    speculate: false,
                };
                self.sustain(step, &task, *duration_ns)
            }
            Workload::Score { prefix, continuations } => {
                self.check_prompt(prefix)?;
                self.passes(step, warm_up, repeat, |this, pass, kind| {
                    this.score(step, pass, kind, prefix, continuations)
                })
            }
            Workload::Bandwidth { bytes } => {
                let reader = Reader::new(&self.bench.clock)?;
                self.passes(step, warm_up, repeat, |this, pass, kind| {
                    let begin_ns = this.bench.clock.now_ns();
                    let read_bytes = reader.read(*bytes)?;
                    let end_ns = this.bench.clock.now_ns();
                    let threads = reader.threads();
                    let seen = Bandwidth { step, pass, kind, read_bytes, threads, begin_ns, end_ns };
                    this.note(RecordBody::Bandwidth(seen));
                    Ok(end_ns - begin_ns)
                })
            }
        }
    }

    /// Warm-up until successive passes agree, then timed passes until their mean is known well enough.
    fn passes(
        &mut self,
        step: u32,
        warm_up: WarmUpRule,
        repeat: RepeatRule,
        mut pass: impl FnMut(&mut Self, u32, PassKind) -> Result<u64, Failure>,
    ) -> Result<(), Failure> {
        let (mut number, mut last_ns, mut agreed) = (0, None, warm_up.max_passes == 0);
        while number < warm_up.max_passes && !(agreed && number >= warm_up.min_passes) {
            let took_ns = pass(self, number, PassKind::WarmUp)?;
            agreed = last_ns.is_some_and(|last_ns| agree(last_ns, took_ns, warm_up.agree_within));
            last_ns = Some(took_ns);
            number += 1;
            self.settle()?;
        }
        self.note(RecordBody::WarmedUp { step, passes: number, agreed });
        let begin_ns = self.bench.clock.now_ns();
        let mut took = Vec::new();
        while took.len() < repeat.max_passes as usize {
            let over = self.bench.clock.now_ns() - begin_ns >= repeat.budget_ns;
            let enough = over || narrow_enough(&took, repeat.half_width);
            if took.len() >= repeat.min_passes as usize && enough {
                break;
            }
            took.push(pass(self, number, PassKind::Timed)?);
            number += 1;
            self.settle()?;
        }
        Ok(())
    }

    fn sustain(&mut self, step: u32, task: &Generate<'_>, duration_ns: u64) -> Result<(), Failure> {
        let until_ns = self.bench.clock.now_ns().saturating_add(duration_ns).min(self.deadline_ns);
        let mut number = 0;
        while self.bench.clock.now_ns() < until_ns {
            let pass = self.generate(step, number, PassKind::Timed, task, until_ns)?;
            let over = pass.finish == Finish::TimeUp;
            number += 1;
            self.settle()?;
            if over {
                break;
            }
        }
        Ok(())
    }

    /// The prompt is what its hash says, and what this device's own tokenizer makes of its text.
    fn check_prompt(&mut self, prompt: &Prompt) -> Result<(), Failure> {
        if !prompt.is_whole() {
            return Err(Failure::new(
                FailureKind::PromptMismatch,
                "the prompt's hash is not that of its content",
            ));
        }
        let Some(text) = &prompt.text else { return Ok(()) };
        let engine = engine(self.bench)?;
        match engine.tokenize(text) {
            Some(Ok(ids)) if ids == prompt.ids => Ok(()),
            Some(Ok(ids)) => {
                let differs = ids.iter().zip(&prompt.ids).take_while(|(here, there)| here == there).count();
                let what = format!(
                    "the prompt has {} ids, this device's tokenizer gives {} for its text; they differ from {differs} on",
                    prompt.ids.len(),
                    ids.len()
                );
                Err(Failure::new(FailureKind::PromptMismatch, what))
            }
            Some(Err(failure)) => Err(failure),
            None => Ok(()),
        }
    }

    fn generate(
        &mut self,
        step: u32,
        pass: u32,
        kind: PassKind,
        task: &Generate<'_>,
        until_ns: u64,
    ) -> Result<Observed, Failure> {
        self.bench.platform.reset_memory_peaks();
        let _ = self.sampler.take_peak_footprint();
        let clock = self.bench.clock.clone();
        let mut stamps = Stamps::new(clock.clone(), self.cancel, task.stop.max_tokens, until_ns);
        let engine = engine(self.bench)?;
        stamps.begin();
        let finished = engine.generate(task, &mut stamps);
        let end_ns = clock.now_ns();
        let evidence = engine.loaded().evidence.clone();
        let text = engine.detokenize(&stamps.token_ids);
        let finish = match finished? {
            Finish::Cancelled if !self.cancel.load(Ordering::Relaxed) => Finish::TimeUp,
            finish => finish,
        };
        let memory = self.memory();
        let seen = GenerationPass {
            step,
            pass,
            kind,
            prompt_sha256: task.prompt.sha256.clone(),
            prompt_tokens: task.prompt.ids.len() as u32,
            reused_tokens: stamps.reused_tokens,
            begin_ns: stamps.begin_ns,
            vision: stamps.vision,
            prefill: stamps.prefill,
            token_ids: stamps.token_ids,
            token_at_ns: stamps.token_at_ns,
            end_ns,
            finish: finish.clone(),
            text,
            stamps_are_tokens: stamps.one_token_each,
            memory,
            evidence,
            speculation: stamps.speculation,
        };
        let observed = Observed {
            finish,
            took_ns: seen.token_at_ns.last().unwrap_or(&end_ns).saturating_sub(seen.begin_ns),
        };
        self.note(RecordBody::Generation(Box::new(seen)));
        Ok(observed)
    }

    fn memory(&self) -> Memory {
        let mut memory = self.bench.platform.memory();
        let now = memory.footprint_bytes.value().copied();
        // The highest of the samples and of this moment: a lower bound of the true peak.
        if let Some(peak) = self.sampler.take_peak_footprint().max(now) {
            memory.peak_footprint_bytes = Known::Is(peak);
        }
        memory
    }

    fn score(
        &mut self,
        step: u32,
        pass: u32,
        kind: PassKind,
        prefix: &Prompt,
        continuations: &[Vec<u32>],
    ) -> Result<u64, Failure> {
        let clock = self.bench.clock.clone();
        let mut stamps = Stamps::new(clock.clone(), self.cancel, 0, self.deadline_ns);
        let engine = engine(self.bench)?;
        stamps.begin();
        let continuations = engine.score(prefix, continuations, &mut stamps)?;
        let (begin_ns, end_ns) = (stamps.begin_ns, clock.now_ns());
        if continuations.iter().flat_map(|one| &one.token_log_probs).any(|log_prob| !log_prob.is_finite()) {
            let what = "the model gave a token a probability that is no number, or none at all";
            return Err(Failure::new(FailureKind::Engine, what));
        }
        let prompt_sha256 = prefix.sha256.clone();
        let seen = ScoringPass { step, pass, kind, prompt_sha256, begin_ns, end_ns, continuations };
        self.note(RecordBody::Scoring(seen));
        Ok(end_ns - begin_ns)
    }
}

/// What the loop itself needs to know of a pass.
struct Observed {
    finish: Finish,
    took_ns: u64,
}

impl Observed {
    fn last_token_ns(&self) -> u64 {
        self.took_ns
    }
}

fn engine(bench: &mut Bench) -> Result<&mut Box<dyn Engine>, Failure> {
    match &mut bench.loaded {
        Some((_, engine)) => Ok(engine),
        None => Err(Failure::new(FailureKind::Refused, "no model is loaded; the job must load one first")),
    }
}
