//! An item into jobs for the agent, and what comes back into an answer.

use dyno_protocol::{
    Answer, DeviceFacts, Finish, GenerationPass, Loaded, Message, MessagePart, Prompt, Question, RecordBody,
    RenderRequest, Rendered, RepeatRule, Role, Sampling, ScoringPass, Step, StopRule, Thinking, WarmUpRule,
    Workload,
};
use dyno_reports::bundle::{Asked, ItemAnswer};
use dyno_scoring::{Response, Weighed, score};
use dyno_suites::Task;
use dyno_suites::task::{Ask, Item, PicturePlace, Wording};

use super::cache::{self, AnswerCache};
use super::pictures;
use crate::drive::job::{QUESTION, Stop};
use crate::drive::sitting::Sitting;

/// How the items of a trial are asked.
pub(super) struct Asker<'a> {
    task: &'a Task,
    shots: &'a [Item],
    thinking: Thinking,
    cap: u32,
    loaded: &'a Loaded,
    device: DeviceFacts,
}

/// An item whose prompt is rendered.
pub(super) struct Prepared<'a> {
    item: &'a Item,
    rendered: Rendered,
    steps: Vec<Step>,
    /// The options that each step weighs.
    options_of: Vec<Vec<usize>>,
    weighed: Vec<Option<Weighed>>,
    taken: usize,
    took_ns: u64,
}

impl<'a> Asker<'a> {
    pub(super) fn new(
        task: &'a Task,
        shots: &'a [Item],
        thinking: Thinking,
        cap: u32,
        loaded: &'a Loaded,
        device: &DeviceFacts,
    ) -> Self {
        Self { task, shots, thinking, cap, loaded, device: device.clone() }
    }

    pub(super) fn prepare<'i>(&self, item: &'i Item, sitting: &mut Sitting) -> Result<Prepared<'i>, Stop> {
        match &self.task.ask {
            Ask::Generate { .. } => self.to_write(item, sitting),
            Ask::Choose { .. } => self.to_weigh(item, sitting),
        }
    }

    fn to_write<'i>(&self, item: &'i Item, sitting: &mut Sitting) -> Result<Prepared<'i>, Stop> {
        let wording = self.wording(item, None)?;
        let rendered = render(sitting, self.request(item, &wording, &wording.lead))?;
        let needed = rendered.prompt.ids.len() + self.cap as usize;
        let limit = self.loaded.context_limit as usize;
        if limit > 0 && needed > limit {
            let what =
                format!("the item {} needs {needed} tokens of context, and the model has {limit}", item.id);
            return Err(Stop::refused(what));
        }
        let workload = Workload::Generate {
            prompt: rendered.prompt.clone(),
            sampling: Sampling::GREEDY,
            stop: StopRule {
                max_tokens: self.cap,
                ignore_end: false,
                stop_on_loop: true,
                thinking_budget: None,
            },
            reuse_prefix: 0,
            allocate_context: None,
            speculate: false,
        };
        Ok(Prepared {
            item,
            rendered,
            steps: vec![once(workload)],
            options_of: vec![Vec::new()],
            weighed: Vec::new(),
            taken: 0,
            took_ns: 0,
        })
    }

    fn to_weigh<'i>(&self, item: &'i Item, sitting: &mut Sitting) -> Result<Prepared<'i>, Stop> {
        let each = self.task.asks_each_option();
        let all: Vec<usize> = (0..item.options.len()).collect();
        let options_of: Vec<Vec<usize>> =
            if each { all.iter().map(|option| vec![*option]).collect() } else { vec![all] };
        let (mut steps, mut first) = (Vec::new(), None);
        for group in &options_of {
            let option = group.first().and_then(|option| item.options.get(*option));
            let wording = self.wording(item, option.filter(|_| each).map(String::as_str))?;
            let said = format!("{}{}", wording.user, wording.lead);
            let mut continued = Vec::new();
            for option in group {
                let text = self.task.continuation(item, &item.options[*option]);
                let text = text.ok_or_else(|| Stop::refused("the task has no continuation"))?;
                continued.push(text.map_err(|error| Stop::refused(error.to_string()))?);
            }
            // Blanks at the end of the prompt are read with what follows them, as the tokenizer was trained to.
            let kept = if self.task.chat { wording.lead.trim_end() } else { said.trim_end() };
            let moved = if self.task.chat { &wording.lead[kept.len()..] } else { &said[kept.len()..] };
            let request = |more: &str| {
                let append = format!("{kept}{more}");
                if self.task.chat { self.request(item, &wording, &append) } else { raw(&append) }
            };
            let prefix = render(sitting, request(""))?;
            let mut continuations = Vec::with_capacity(continued.len());
            for text in &continued {
                let whole = render(sitting, request(&format!("{moved}{text}")))?;
                let ids = whole.prompt.ids.get(prefix.prompt.ids.len()..).unwrap_or_default().to_vec();
                if ids.is_empty() {
                    return Err(Stop::refused(format!(
                        "an option of the item {} adds no token to its prompt",
                        item.id
                    )));
                }
                continuations.push(ids);
            }
            steps.push(once(Workload::Score { prefix: prefix.prompt.clone(), continuations }));
            first.get_or_insert(prefix);
        }
        let rendered = first.ok_or_else(|| Stop::refused(format!("the item {} has no options", item.id)))?;
        let weighed = vec![None; item.options.len()];
        Ok(Prepared { item, rendered, steps, options_of, weighed, taken: 0, took_ns: 0 })
    }

    fn wording(&self, item: &Item, option: Option<&str>) -> Result<Wording, Stop> {
        self.task.wording(item, self.shots, option).map_err(|error| Stop::refused(error.to_string()))
    }

    /// The request for a prompt that goes on with `append`.
    fn request(&self, item: &Item, wording: &Wording, append: &str) -> RenderRequest {
        if !self.task.chat {
            return raw(&format!("{}{append}", wording.user));
        }
        let text = |text: &str| vec![MessagePart::Text { text: text.to_owned() }];
        let mut messages: Vec<Message> =
            wording.system.iter().map(|system| Message { role: Role::System, parts: text(system) }).collect();
        for (asked, answered) in &wording.turns {
            messages.push(Message { role: Role::User, parts: text(asked) });
            messages.push(Message { role: Role::Assistant, parts: text(answered) });
        }
        let parts = parts(&wording.user, item.images.len(), self.task.picture_place);
        messages.push(Message { role: Role::User, parts });
        let most = self.task.picture_max_pixels;
        RenderRequest {
            messages: Some(messages),
            raw_text: None,
            append_text: (!append.is_empty()).then(|| append.to_owned()),
            thinking: self.thinking,
            tools_json: self.task.tools_json.clone(),
            images: item.images.iter().map(|picture| pictures::within(picture, most)).collect(),
        }
    }

    fn stop(&self) -> Vec<String> {
        match &self.task.ask {
            Ask::Generate { stop, .. } => stop.clone(),
            Ask::Choose { .. } => Vec::new(),
        }
    }
}

fn raw(text: &str) -> RenderRequest {
    RenderRequest {
        messages: None,
        raw_text: Some(text.to_owned()),
        append_text: None,
        thinking: Thinking::Default,
        tools_json: Vec::new(),
        images: Vec::new(),
    }
}

/// Words and pictures in the order in which they stand.
fn parts(words: &str, pictures: usize, place: PicturePlace) -> Vec<MessagePart> {
    let mut parts = Vec::new();
    let mut rest = words;
    let marked = place == PicturePlace::Marked && words.contains("<image 1>");
    for number in 1..=pictures {
        if marked && let Some((before, after)) = rest.split_once(&format!("<image {number}>")) {
            if !before.is_empty() {
                parts.push(MessagePart::Text { text: before.to_owned() });
            }
            rest = after;
        }
        parts.push(MessagePart::Image);
    }
    if !rest.is_empty() {
        parts.push(MessagePart::Text { text: rest.to_owned() });
    }
    parts
}

fn once(workload: Workload) -> Step {
    Step::Run { workload, warm_up: WarmUpRule::NONE, repeat: RepeatRule::ONCE }
}

fn render(sitting: &mut Sitting, request: RenderRequest) -> Result<Rendered, Stop> {
    match sitting.conversation().ask(Question::Render(request), QUESTION)? {
        Answer::Rendered(rendered) => Ok(rendered),
        _ => Err(Stop::refused("the agent did not answer with a prompt")),
    }
}

/// What the model did, before it is judged.
struct Done {
    response: Response,
    tokens: u32,
    token_ids: Vec<u32>,
    truncated: bool,
    looped: bool,
    took_ns: Option<u64>,
    cached: bool,
}

impl Prepared<'_> {
    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What the answer is kept under; `None` where answers of this engine are not kept.
    pub(super) fn key(&self, asker: &Asker<'_>) -> Option<String> {
        if !cache::may_keep(asker.loaded) {
            return None;
        }
        let mut prompts = String::new();
        let mut settings = String::new();
        for step in &self.steps {
            let Step::Run { workload, .. } = step else { continue };
            let of_step = match workload {
                Workload::Generate { prompt, sampling, stop, .. } => {
                    prompts.push_str(&prompt.sha256);
                    serde_json::to_string(&(sampling, stop))
                }
                Workload::Score { prefix, continuations } => {
                    prompts.push_str(&prefix.sha256);
                    serde_json::to_string(continuations)
                }
                _ => continue,
            };
            settings.push_str(&of_step.ok()?);
        }
        let asked = cache::Asked {
            loaded: asker.loaded,
            device: &asker.device,
            prompt_sha256: &prompts,
            settings: &settings,
        };
        Some(asked.key())
    }

    /// The answer that the same weights gave to the same question before, as an answer to this item.
    pub(super) fn cached(&self, asker: &Asker<'_>, cache: &AnswerCache) -> Option<ItemAnswer> {
        let known = cache.find(&asker.loaded.model_sha256, &self.key(asker)?)?;
        let asked = known.asked.as_ref()?;
        let done = Done {
            response: asked.response.clone(),
            tokens: known.tokens,
            token_ids: asked.token_ids.clone(),
            truncated: known.truncated,
            looped: known.looped,
            took_ns: None,
            cached: true,
        };
        Some(self.answer(done, asker.task, asker))
    }

    /// The answer, once everything that it needs has come.
    pub(super) fn take(&mut self, body: RecordBody, task: &Task, asker: &Asker<'_>) -> Option<ItemAnswer> {
        let done = match body {
            RecordBody::Generation(pass) => self.written(*pass, asker),
            RecordBody::Scoring(pass) => self.weighed(pass)?,
            _ => return None,
        };
        Some(self.answer(done, task, asker))
    }

    fn written(&self, pass: GenerationPass, asker: &Asker<'_>) -> Done {
        let said = self.rendered.prompt.text.as_deref().unwrap_or_default();
        let in_reasoning = said.rfind("<think>") > said.rfind("</think>");
        let response =
            Response::Words { text: pass.text.unwrap_or_default(), in_reasoning, stop: asker.stop() };
        Done {
            response,
            tokens: pass.token_ids.len() as u32,
            truncated: matches!(pass.finish, Finish::Length | Finish::TimeUp | Finish::Cancelled),
            looped: matches!(pass.finish, Finish::Loop { .. }),
            took_ns: Some(pass.end_ns.saturating_sub(pass.begin_ns)),
            token_ids: pass.token_ids,
            cached: false,
        }
    }

    /// `None` while options are missing.
    fn weighed(&mut self, pass: ScoringPass) -> Option<Done> {
        let group = self.options_of.get(self.taken).cloned().unwrap_or_default();
        self.taken += 1;
        self.took_ns += pass.end_ns.saturating_sub(pass.begin_ns);
        for (option, scored) in group.into_iter().zip(pass.continuations) {
            self.weighed[option] = Some(Weighed {
                log_prob: scored.token_log_probs.iter().map(|log_prob| f64::from(*log_prob)).sum(),
                tokens: scored.token_log_probs.len() as u32,
                greedy: scored.greedy.iter().all(|greedy| *greedy),
            });
        }
        let options: Vec<Weighed> = self.weighed.iter().cloned().collect::<Option<_>>()?;
        Some(Done {
            response: Response::Weighed { options },
            tokens: 0,
            token_ids: Vec::new(),
            truncated: false,
            looped: false,
            took_ns: Some(self.took_ns),
            cached: false,
        })
    }

    fn answer(&self, done: Done, task: &Task, asker: &Asker<'_>) -> ItemAnswer {
        let question = dyno_scoring::Question::of(self.item);
        let scored = score(task.score(), &question, &done.response);
        let Prompt { text, sha256, .. } = &self.rendered.prompt;
        ItemAnswer {
            item: self.item.id.clone(),
            cluster: self.item.cluster.clone(),
            answer: scored.answer,
            right: scored.right,
            truncated: done.truncated,
            looped: done.looped,
            tokens: done.tokens,
            asked: Some(Box::new(Asked {
                task: task.id.clone(),
                task_version: task.version,
                question,
                response: done.response,
                chance: self.item.chance,
                prompt: text.clone(),
                prompt_sha256: sha256.clone(),
                template: self.rendered.template.clone(),
                model_sha256: asker.loaded.model_sha256.clone(),
                token_ids: done.token_ids,
                took_ns: done.took_ns,
                cached: done.cached,
            })),
        }
    }
}
