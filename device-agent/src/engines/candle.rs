//! Other families through candle-transformers: what the family under test is compared with on the same
//! processor.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use candle_core::Device;
use dyno_comparators::{Comparator, ComparatorError, LanguageModel};
use dyno_protocol::{
    ComputeUnit, Cost, Failure, FailureKind, Finish, ImageData, Known, LoadSpec, Loaded, ModelSource, Prompt,
    RenderRequest, Rendered, ScoredContinuation, VideoSpan,
};
use dyno_text::{Control, Specials, TextError};
use dyno_weights::{Checkpoint, Texts, WeightError};

use super::Opened;
use super::checkpoints::{format, identity, parameters, pool, processor_only};
use super::choice::{Choice, Tokens};
use super::messages::{blank_tokens, conversation, origin};
use super::pictures::{self, Medium};
use crate::engine::{Engine, Generate, Watch};
use crate::store::Store;

pub(crate) const NAME: &str = "candle";
/// Prompt tokens between two stamps.
const CHUNK: usize = 512;

#[derive(Debug)]
struct Borrowed {
    reader: Reader,
    loaded: Loaded,
    end_ids: Vec<u32>,
    blank: Vec<bool>,
    /// How the checkpoint wants its pictures prepared.
    texts: Texts,
}

/// The model on threads of its own.
#[derive(Debug)]
struct Reader {
    model: Comparator,
    pool: rayon::ThreadPool,
}

pub(super) fn open(load: &LoadSpec, store: &Store, mut opened: Opened) -> Result<Box<dyn Engine>, Failure> {
    processor_only(load)?;
    if load.draft_head {
        return Err(Failure::new(FailureKind::Refused, format!("the engine `{NAME}` has no draft head")));
    }
    let path = path(&load.source, store)?;
    let pool = pool(load)?;
    opened.phase("open");
    let checkpoint = Checkpoint::open(&path).map_err(weights)?;
    let weight_bytes = checkpoint.weight_bytes(checkpoint.names());
    if let Some(limit) = load.memory_limit_bytes.filter(|limit| *limit < weight_bytes) {
        let what = format!("the weights take {weight_bytes} bytes, and the limit is {limit}");
        return Err(Failure::new(FailureKind::Memory, what));
    }
    opened.phase("model");
    let model = pool.install(|| Comparator::open(&path, &Device::Cpu)).map_err(comparator)?;
    opened.ready();
    if load.vision && model.vision().is_none() {
        return Err(Failure::new(FailureKind::Refused, "this model has no vision tower"));
    }
    let sha256 = identity(&checkpoint, load)?;
    let code = format!("candle-transformers {:?}", model.architecture());
    let base = opened.loaded(NAME, ComputeUnit::Cpu, &format(&checkpoint), sha256, &code);
    let mut loaded = Loaded {
        parameters: parameters(&checkpoint),
        weight_bytes,
        vocabulary: model.vocab() as u32,
        context_limit: model.context_limit() as u32,
        vision: model.vision().is_some(),
        cost: cost(&model, 0),
        ..base
    };
    loaded.evidence.notes.push(format!("{} threads", pool.current_num_threads()));
    let (end_ids, blank) = (model.tokenizer().end_ids().to_vec(), blank_tokens(model.tokenizer()));
    let texts = checkpoint.texts().clone();
    Ok(Box::new(Borrowed { reader: Reader { model, pool }, loaded, end_ids, blank, texts }))
}

fn path(source: &ModelSource, store: &Store) -> Result<PathBuf, Failure> {
    match source {
        ModelSource::Path { path } => Ok(Path::new(path).to_owned()),
        ModelSource::Stored { model_sha256 } => store.model(model_sha256),
        _ => Err(Failure::new(FailureKind::Refused, format!("the engine `{NAME}` needs a checkpoint"))),
    }
}

fn cost(model: &Comparator, depth: u32) -> Known<Cost> {
    let (read_bytes, flops) = model.cost(depth as usize);
    Known::Is(Cost { read_bytes, flops })
}

impl Reader {
    fn feed(&mut self, ids: &[u32]) -> Result<Vec<f32>, Failure> {
        let model = &mut self.model;
        self.pool.install(|| model.feed(ids)).map_err(comparator)
    }

    /// Reads the prompt in stamped chunks; `None` when the watcher stopped it. One with pictures is read at once.
    fn read(
        &mut self,
        ids: &[u32],
        media: &[Medium],
        watch: &mut dyn Watch,
    ) -> Result<Option<Vec<f32>>, Failure> {
        self.model.reset();
        if !media.is_empty() {
            let Self { model, pool } = self;
            let seen = pool.install(|| model.see(media.iter().map(|medium| &medium.patches)));
            let seen = seen.map_err(comparator)?;
            watch.seen(seen.tokens() as u32);
            let row = pool.install(|| model.feed_seen(ids, &seen)).map_err(comparator)?;
            return Ok(watch.read(ids.len() as u32).is_continue().then_some(row));
        }
        let mut last = None;
        for chunk in ids.chunks(CHUNK) {
            last = Some(self.feed(chunk)?);
            if watch.read(chunk.len() as u32).is_break() {
                return Ok(None);
            }
        }
        last.map(Some).ok_or_else(|| Failure::new(FailureKind::Refused, "the prompt has no tokens"))
    }

    fn answer(
        &mut self,
        task: &Generate<'_>,
        media: &[Medium],
        mut choice: Choice<'_>,
        watch: &mut dyn Watch,
    ) -> Result<Finish, Failure> {
        let Some(mut row) = self.read(&task.prompt.ids, media, watch)? else {
            return Ok(Finish::Cancelled);
        };
        for left in (0..task.stop.max_tokens).rev() {
            let id = choice.next(&row)?;
            if watch.token(id).is_break() {
                return Ok(Finish::Cancelled);
            }
            if let ControlFlow::Break(finish) = choice.after(id) {
                return Ok(finish);
            }
            if left > 0 {
                row = self.feed(&[id])?;
            }
        }
        Ok(Finish::Length)
    }
}

impl Borrowed {
    fn count(&self) -> u32 {
        self.reader.model.tokenizer().id_count().min(self.loaded.vocabulary)
    }

    fn media(&self, images: &[ImageData], videos: &[VideoSpan]) -> Result<Vec<Medium>, Failure> {
        pictures::media(images, videos, self.reader.model.vision(), &self.texts)
    }
}

impl Engine for Borrowed {
    fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    fn cost(&self, depth: u32) -> Known<Cost> {
        cost(&self.reader.model, depth)
    }

    fn render(&self, request: &RenderRequest) -> Result<Rendered, Failure> {
        let videos = VideoSpan::of(request.messages.as_deref().unwrap_or_default());
        let media = self.media(&request.images, &videos)?;
        let tokenizer = self.reader.model.tokenizer();
        let append = request.append_text.as_deref().unwrap_or_default();
        let (rendered, template) = match (&request.messages, &request.raw_text) {
            (Some(_), None) => {
                let template = self.reader.model.template().ok_or_else(|| {
                    let what = "a base model has no chat template";
                    Failure::new(FailureKind::Refused, what).with_next_step("prompt it with raw text")
                })?;
                let media = pictures::tokens(&media);
                let conversation = conversation(request)?;
                let rendered = dyno_text::render(tokenizer, template, &conversation, &media, append);
                (rendered.map_err(text)?, origin(template.origin()))
            }
            (None, Some(raw)) if media.is_empty() => {
                // The begin token is part of the text as of the ids, so that each can be made from the other.
                let begin = tokenizer.begin_id().and_then(|id| tokenizer.decode(&[id], Control::Show).ok());
                let whole = format!("{}{raw}{append}", begin.unwrap_or_default());
                (dyno_text::render_raw(tokenizer, &whole, Specials::Parse).map_err(text)?, "none")
            }
            _ => {
                let what = "a prompt is either messages or raw text, and raw text has no pictures";
                return Err(Failure::new(FailureKind::Refused, what));
            }
        };
        let (words, ids, _) = rendered.into_parts();
        let prompt = Prompt::new(Some(words), ids, request.images.clone()).with_videos(videos);
        Ok(Rendered { prompt, template: template.to_owned() })
    }

    fn tokenize(&self, words: &str) -> Option<Result<Vec<u32>, Failure>> {
        Some(self.reader.model.tokenizer().encode(words, Specials::Parse).map_err(text))
    }

    fn detokenize(&self, ids: &[u32]) -> Option<String> {
        self.reader.model.tokenizer().decode(ids, Control::Show).ok()
    }

    fn generate(&mut self, task: &Generate<'_>, watch: &mut dyn Watch) -> Result<Finish, Failure> {
        if task.speculate {
            return Err(Failure::new(FailureKind::Refused, format!("the engine `{NAME}` does not draft")));
        }
        let media = self.media(&task.prompt.images, &task.prompt.videos)?;
        let needed = task.prompt.ids.len() + task.stop.max_tokens as usize;
        if needed > self.reader.model.context_limit() {
            let limit = self.reader.model.context_limit();
            let what = format!("prompt and answer take {needed} tokens, and the context holds {limit}");
            return Err(Failure::new(FailureKind::Memory, what));
        }
        let tokens = Tokens { count: self.count(), end_ids: &self.end_ids, blank: &self.blank };
        let choice = Choice::new(task, tokens, None)?;
        self.reader.answer(task, &media, choice, watch)
    }

    fn score(
        &mut self,
        prefix: &Prompt,
        continuations: &[Vec<u32>],
        watch: &mut dyn Watch,
    ) -> Result<Vec<ScoredContinuation>, Failure> {
        let (count, media) = (self.count(), self.media(&prefix.images, &prefix.videos)?);
        let mut scored = Vec::with_capacity(continuations.len());
        for continuation in continuations {
            // The borrowed code cannot go back to a prefix, so it is read anew for each.
            let Some(mut row) = self.reader.read(&prefix.ids, &media, watch)? else { break };
            let (mut token_log_probs, mut greedy) = (Vec::new(), Vec::new());
            for (place, id) in continuation.iter().enumerate() {
                let token = dyno_text::score(&row, count, *id).map_err(text)?;
                token_log_probs.push(token.log_prob);
                greedy.push(token.greedy);
                if place + 1 < continuation.len() {
                    row = self.reader.feed(std::slice::from_ref(id))?;
                }
            }
            scored.push(ScoredContinuation { token_log_probs, greedy });
        }
        if scored.len() < continuations.len() {
            return Err(Failure::new(
                FailureKind::Cancelled,
                "scoring was stopped before its last continuation",
            ));
        }
        Ok(scored)
    }

    fn reset(&mut self) {
        self.reader.model.reset();
    }
}

#[expect(clippy::needless_pass_by_value, reason = "shaped for map_err")]
fn comparator(error: ComparatorError) -> Failure {
    let kind = match error {
        ComparatorError::ContextFull { .. } => FailureKind::Memory,
        ComparatorError::UnknownToken { .. }
        | ComparatorError::NothingFed
        | ComparatorError::Arithmetic(_) => FailureKind::Engine,
        _ => FailureKind::Model,
    };
    Failure::new(kind, error.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "shaped for map_err")]
fn weights(error: WeightError) -> Failure {
    Failure::new(FailureKind::Model, error.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "shaped for map_err")]
fn text(error: TextError) -> Failure {
    Failure::new(FailureKind::Engine, error.to_string())
}
