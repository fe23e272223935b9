//! What a case has the agent do. Owns how axes become workloads of the protocol; the prompt's ids come from
//! [`crate::filler`] or from the loaded model's own template.

use std::collections::BTreeMap;

use dyno_protocol::{Prompt, Sampling, StopRule, Thinking, Workload};
use serde::Serialize;

use crate::axes::{AxisValues, CAP, CONTEXT, DEPTH, PICTURE, PROMPT, THINKING};
use crate::case::Variant;
use crate::check::Later;
use crate::loading::Fields;
use crate::task::TASK;
use crate::words::{Words, words};

/// Longest prompt or depth that a definition may ask for.
const MAX_TOKENS: u64 = 1 << 20;

/// Work with its axes still open.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum CaseWork {
    /// Loads the model; the case's place in the visit decides from which state.
    Load,
    /// Reads a prompt of filler ids and stops at the first token. Axis `prompt`: its lengths.
    Prefill { prompt_tokens: Vec<u32>, seed: u64 },
    /// Generates after a prompt of filler ids. Axis `depth`: its lengths; axis `context`: what is allocated,
    /// where that is to be more than what is used.
    Decode { depths: Vec<u32>, contexts: Vec<u32>, tokens: u32, seed: u64 },
    /// Answers a message through the chat template.
    Chat { message: String, thinking: Thinking, tokens: u32 },
    /// Answers a message about a drawn picture. Axis `picture`: its side in pixels.
    Picture { message: String, thinking: Thinking, tokens: u32, sides: Vec<u32>, seed: u64 },
    /// Answers the same message again and again for a while; before it, looks at the idle device, and after
    /// it, at how the device recovers.
    Sustain {
        message: String,
        thinking: Thinking,
        tokens: u32,
        duration_s: u32,
        idle_s: u32,
        recovery_s: u32,
    },
    /// Reads memory: the ceiling of decode rates.
    Bandwidth { bytes: u64 },
    /// Answers a task's items in words. Axis `thinking`: the modes; axis `cap`: the most tokens of an answer.
    Answer { task: String, items: ItemCount, thinking: Vec<Thinking>, caps: Vec<u32> },
    /// Weighs the options of a task's items.
    Choose { task: String, items: ItemCount },
}

/// How many of a task's items are asked; all of them where there is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ItemCount {
    pub full: Option<u32>,
    pub short: Option<u32>,
}

impl ItemCount {
    pub fn of(self, short: bool) -> Option<u32> {
        if short { self.short.or(self.full) } else { self.full }
    }

    fn read(fields: &Fields<'_>) -> Self {
        let count = |key| fields.optional_whole(key, &(1..=1 << 24)).map(|items| items as u32);
        Self { full: count("items"), short: count("short_items") }
    }
}

words! {
    /// The kinds of work, as definition files spell them.
    pub enum WorkKind {
        Load = "load",
        Prefill = "prefill",
        Decode = "decode",
        Chat = "chat",
        Picture = "picture",
        Sustain = "sustain",
        Bandwidth = "bandwidth",
        Answer = "answer",
        Choose = "choose",
    }
}

/// Work of one variant.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Work {
    Load,
    Generate {
        prompt: PromptSource,
        stop: StopRule,
        /// Leading ids that later passes take from a snapshot.
        reuse_prefix: u32,
        allocate_context: Option<u32>,
    },
    Sustain {
        prompt: PromptSource,
        stop: StopRule,
        duration_ns: u64,
        /// The device is watched for this long before the work, loaded and idle.
        idle_ns: u64,
        /// Its recovery is watched for at most this long after the work.
        recovery_ns: u64,
    },
    Bandwidth {
        bytes: u64,
    },
    /// The items of a task, one by one.
    Items {
        task: String,
        items: ItemCount,
        thinking: Thinking,
        /// The most tokens of an answer; the task's own cap where there is none, nothing for weighed options.
        cap: Option<u32>,
    },
}

/// Where a prompt comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "prompt", rename_all = "kebab-case")]
pub enum PromptSource {
    /// This many ids that mean nothing, the same ones for the same seed and vocabulary.
    Filler { tokens: u32, seed: u64 },
    /// A user's message through the loaded model's template.
    Chat { message: String, thinking: Thinking },
    /// The same after a square picture that [`crate::procedural::sketch`] draws.
    Picture { message: String, thinking: Thinking, side: u32, seed: u64 },
}

impl CaseWork {
    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let seed = || fields.whole("seed", 0..=u64::from(u32::MAX));
        let written = |least| fields.whole("tokens", least..=MAX_TOKENS) as u32;
        match fields.word::<WorkKind>("kind") {
            WorkKind::Load => Self::Load,
            WorkKind::Prefill => Self::Prefill {
                prompt_tokens: fields.some("prompt_tokens", |key| tokens(fields, key, 1)),
                seed: seed(),
            },
            WorkKind::Decode => Self::Decode {
                depths: fields.some("depths", |key| tokens(fields, key, 0)),
                contexts: tokens(fields, "contexts", 1),
                tokens: written(2),
                seed: seed(),
            },
            WorkKind::Chat => Self::Chat {
                message: fields.text("message"),
                thinking: fields.word("thinking"),
                tokens: written(1),
            },
            WorkKind::Picture => Self::Picture {
                message: fields.text("message"),
                thinking: fields.word("thinking"),
                tokens: written(1),
                sides: fields.some("sides", |key| {
                    fields.wholes(key, &(32..=4096)).into_iter().map(|side| side as u32).collect()
                }),
                seed: seed(),
            },
            WorkKind::Sustain => Self::Sustain {
                message: fields.text("message"),
                thinking: fields.word("thinking"),
                tokens: written(2),
                duration_s: fields.whole("duration_s", 1..=86_400) as u32,
                idle_s: fields.optional_whole("idle_s", &(0..=86_400)).unwrap_or(0) as u32,
                recovery_s: fields.optional_whole("recovery_s", &(0..=86_400)).unwrap_or(0) as u32,
            },
            WorkKind::Bandwidth => Self::Bandwidth { bytes: fields.whole("bytes", 1 << 20..=1 << 40) },
            WorkKind::Answer => Self::Answer {
                task: task(fields, false),
                items: ItemCount::read(fields),
                thinking: fields.some("thinking", |key| fields.words(key)),
                caps: tokens(fields, "caps", 1),
            },
            WorkKind::Choose => Self::Choose { task: task(fields, true), items: ItemCount::read(fields) },
        }
    }

    pub fn kind(&self) -> WorkKind {
        match self {
            Self::Load => WorkKind::Load,
            Self::Prefill { .. } => WorkKind::Prefill,
            Self::Decode { .. } => WorkKind::Decode,
            Self::Chat { .. } => WorkKind::Chat,
            Self::Picture { .. } => WorkKind::Picture,
            Self::Sustain { .. } => WorkKind::Sustain,
            Self::Bandwidth { .. } => WorkKind::Bandwidth,
            Self::Answer { .. } => WorkKind::Answer,
            Self::Choose { .. } => WorkKind::Choose,
        }
    }

    /// The task whose items are asked.
    pub fn task(&self) -> Option<&str> {
        match self {
            Self::Answer { task, .. } | Self::Choose { task, .. } => Some(task),
            _ => None,
        }
    }

    /// The axes along which this work varies.
    pub fn axes(&self) -> &'static [&'static str] {
        match self {
            Self::Prefill { .. } => &[PROMPT],
            Self::Decode { contexts, .. } if contexts.is_empty() => &[DEPTH],
            Self::Decode { .. } => &[DEPTH, CONTEXT],
            Self::Picture { .. } => &[PICTURE],
            Self::Answer { .. } => &[THINKING, CAP],
            Self::Load
            | Self::Chat { .. }
            | Self::Sustain { .. }
            | Self::Bandwidth { .. }
            | Self::Choose { .. } => &[],
        }
    }

    /// The definition's own values of an axis of numbers.
    fn numbers(&self, axis: &str) -> &[u32] {
        match (self, axis) {
            (Self::Prefill { prompt_tokens, .. }, _) => prompt_tokens,
            (Self::Decode { contexts, .. }, CONTEXT) => contexts,
            (Self::Decode { depths, .. }, _) => depths,
            (Self::Picture { sides, .. }, _) => sides,
            _ => &[],
        }
    }

    pub(crate) fn variants(&self, chosen: &AxisValues) -> Vec<Variant> {
        match self {
            Self::Answer { task, items, thinking, caps } => {
                let thinking = chosen.thinking.as_deref().unwrap_or(thinking);
                let caps = chosen.caps.as_deref().unwrap_or(caps);
                let caps: Vec<Option<u32>> =
                    if caps.is_empty() { vec![None] } else { caps.iter().copied().map(Some).collect() };
                let modes =
                    thinking.iter().flat_map(|thinking| caps.iter().map(move |cap| (*thinking, *cap)));
                modes.map(|(thinking, cap)| items_variant(task, *items, thinking, cap)).collect()
            }
            _ => self.places(chosen).iter().map(|place| self.variant_at(place)).collect(),
        }
    }

    /// Every combination of one value from each axis of numbers, in the order in which the values are listed.
    fn places(&self, chosen: &AxisValues) -> Vec<Place> {
        let mut all = vec![Place::new()];
        for axis in self.axes() {
            let values = chosen.numbers(axis).unwrap_or_else(|| self.numbers(axis));
            let with = |before: &Place| -> Vec<Place> {
                let more = |value: &u32| {
                    let mut place = before.clone();
                    place.insert(axis, *value);
                    place
                };
                values.iter().map(more).collect()
            };
            all = all.iter().flat_map(with).collect();
        }
        all
    }

    fn variant_at(&self, place: &Place) -> Variant {
        let axes = place.iter().map(|(axis, value)| ((*axis).to_owned(), value.to_string())).collect();
        Variant { axes, work: self.at(place) }
    }

    /// The variant of a cell; `None` where the cell's axes are not this work's, and for items, which have axes of
    /// words.
    pub(crate) fn variant(&self, axes: &BTreeMap<String, String>) -> Option<Variant> {
        if matches!(self, Self::Answer { .. }) || self.axes().len() != axes.len() {
            return None;
        }
        let value = |axis: &&'static str| Some((*axis, axes.get(*axis)?.parse().ok()?));
        let place: Option<Place> = self.axes().iter().map(value).collect();
        Some(self.variant_at(&place?))
    }

    fn at(&self, place: &Place) -> Work {
        let value = |axis: &str| place.get(axis).copied();
        let generate = |prompt, tokens, reuse_prefix, allocate_context| Work::Generate {
            prompt,
            stop: fixed_length(tokens),
            reuse_prefix,
            allocate_context,
        };
        match self {
            Self::Load => Work::Load,
            Self::Prefill { seed, .. } => {
                let tokens = value(PROMPT).unwrap_or(1).max(1);
                generate(PromptSource::Filler { tokens, seed: *seed }, 1, 0, None)
            }
            Self::Decode { tokens, seed, .. } => {
                // One id is the least that an engine can start from.
                let prompt_tokens = value(DEPTH).unwrap_or(0).max(1);
                let prompt = PromptSource::Filler { tokens: prompt_tokens, seed: *seed };
                generate(prompt, *tokens, prompt_tokens - 1, value(CONTEXT))
            }
            Self::Chat { message, thinking, tokens } => {
                let prompt = PromptSource::Chat { message: message.clone(), thinking: *thinking };
                generate(prompt, *tokens, 0, None)
            }
            Self::Picture { message, thinking, tokens, seed, .. } => {
                let side = value(PICTURE).unwrap_or(32);
                let prompt = PromptSource::Picture {
                    message: message.clone(),
                    thinking: *thinking,
                    side,
                    seed: *seed,
                };
                generate(prompt, *tokens, 0, None)
            }
            Self::Sustain { message, thinking, tokens, duration_s, idle_s, recovery_s } => {
                let ns = |seconds: u32| u64::from(seconds) * 1_000_000_000;
                Work::Sustain {
                    prompt: PromptSource::Chat { message: message.clone(), thinking: *thinking },
                    stop: fixed_length(*tokens),
                    duration_ns: ns(*duration_s),
                    idle_ns: ns(*idle_s),
                    recovery_ns: ns(*recovery_s),
                }
            }
            Self::Bandwidth { bytes } => Work::Bandwidth { bytes: *bytes },
            // Items that are answered have modes and caps of their own.
            Self::Answer { task, items, .. } | Self::Choose { task, items } => {
                Work::Items { task: task.clone(), items: *items, thinking: Thinking::Off, cap: None }
            }
        }
    }
}

/// One value for each axis of numbers.
type Place = BTreeMap<&'static str, u32>;

fn items_variant(task: &str, items: ItemCount, thinking: Thinking, cap: Option<u32>) -> Variant {
    let mut axes = BTreeMap::from([(THINKING.to_owned(), thinking.word().to_owned())]);
    axes.extend(cap.map(|cap| (CAP.to_owned(), cap.to_string())));
    Variant { axes, work: Work::Items { task: task.to_owned(), items, thinking, cap } }
}

/// The task of a case, which has to ask in the case's way.
fn task(fields: &Fields<'_>, chooses: bool) -> String {
    let task = fields.reference("task", TASK);
    fields.later("task", Later::Asks { task: task.clone(), chooses });
    task
}

impl Work {
    /// Where its prompt comes from, if it has one.
    pub fn prompt_source(&self) -> Option<&PromptSource> {
        match self {
            Self::Generate { prompt, .. } | Self::Sustain { prompt, .. } => Some(prompt),
            Self::Load | Self::Bandwidth { .. } | Self::Items { .. } => None,
        }
    }

    /// Whether the model has to be loaded with its vision tower.
    pub fn needs_vision(&self) -> bool {
        matches!(self.prompt_source(), Some(PromptSource::Picture { .. }))
    }

    /// The agent's workload once the prompt is made; `None` for work that is a load and nothing else, and for
    /// items, which have a prompt each.
    pub fn workload(&self, made: Prompt) -> Option<Workload> {
        match self {
            Self::Load | Self::Items { .. } => None,
            Self::Generate { stop, reuse_prefix, allocate_context, .. } => Some(Workload::Generate {
                prompt: made,
                sampling: Sampling::GREEDY,
                stop: stop.clone(),
                reuse_prefix: *reuse_prefix,
                allocate_context: *allocate_context,
                speculate: false,
            }),
            Self::Sustain { stop, duration_ns, .. } => Some(Workload::Sustain {
                prompt: made,
                sampling: Sampling::GREEDY,
                stop: stop.clone(),
                duration_ns: *duration_ns,
            }),
            Self::Bandwidth { bytes } => Some(Workload::Bandwidth { bytes: *bytes }),
        }
    }

    /// Prompt and output tokens of one pass, for estimates; chat prompts are counted as their words, and a
    /// picture as a token for each patch of 32 pixels.
    pub fn tokens(&self) -> (u32, u32) {
        let words = |message: &str| message.split_whitespace().count() as u32;
        let prompt = match self.prompt_source() {
            Some(PromptSource::Filler { tokens, .. }) => *tokens,
            Some(PromptSource::Chat { message, .. }) => words(message),
            Some(PromptSource::Picture { message, side, .. }) => words(message) + (side / 32).pow(2),
            None => 0,
        };
        match self {
            Self::Generate { stop, .. } | Self::Sustain { stop, .. } => (prompt, stop.max_tokens),
            Self::Load | Self::Bandwidth { .. } | Self::Items { .. } => (prompt, 0),
        }
    }

    /// The context that a pass needs: what it uses, or what it asks for beyond that.
    pub fn context_tokens(&self) -> u32 {
        let (prompt, output) = self.tokens();
        let used = prompt.saturating_add(output);
        match self {
            Self::Generate { allocate_context: Some(asked), .. } => used.max(*asked),
            _ => used,
        }
    }
}

fn tokens(fields: &Fields<'_>, key: &'static str, least: u64) -> Vec<u32> {
    fields.wholes(key, &(least..=MAX_TOKENS)).into_iter().map(|tokens| tokens as u32).collect()
}

/// Every pass has the same length, whatever the model wants to say.
fn fixed_length(tokens: u32) -> StopRule {
    StopRule { max_tokens: tokens, ignore_end: true, stop_on_loop: false, thinking_budget: None }
}
