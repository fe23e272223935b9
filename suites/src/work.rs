//! What a case has the agent do. Owns how axes become workloads of the protocol; the prompt's ids come from
//! [`crate::filler`] or from the loaded model's own template.

use std::collections::BTreeMap;

use dyno_protocol::{Prompt, Sampling, StopRule, Thinking, Workload};
use serde::Serialize;

use crate::case::Variant;
use crate::check::Later;
use crate::loading::Fields;
use crate::task::TASK;
use crate::words::{Words, words};

/// The axes by the names that cells and claims use.
pub const AXES: &[&str] = &["prompt", "depth", "thinking", "cap", "shard"];

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
    /// Generates after a prompt of filler ids. Axis `depth`: its lengths.
    Decode { depths: Vec<u32>, tokens: u32, seed: u64 },
    /// Answers a message through the chat template.
    Chat { message: String, thinking: Thinking, tokens: u32 },
    /// Answers the same message again and again for a while.
    Sustain { message: String, thinking: Thinking, tokens: u32, duration_s: u32 },
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

/// Values for axes instead of the case's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AxisValues {
    pub depths: Option<Vec<u32>>,
    pub thinking: Option<Vec<Thinking>>,
    pub caps: Option<Vec<u32>>,
}

words! {
    /// The kinds of work, as definition files spell them.
    pub enum WorkKind {
        Load = "load",
        Prefill = "prefill",
        Decode = "decode",
        Chat = "chat",
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
    },
    Sustain {
        prompt: PromptSource,
        stop: StopRule,
        duration_ns: u64,
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
}

impl CaseWork {
    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        match fields.word::<WorkKind>("kind") {
            WorkKind::Load => Self::Load,
            WorkKind::Prefill => Self::Prefill {
                prompt_tokens: fields.some("prompt_tokens", |key| tokens(fields, key, 1)),
                seed: fields.whole("seed", 0..=u64::from(u32::MAX)),
            },
            WorkKind::Decode => Self::Decode {
                depths: fields.some("depths", |key| tokens(fields, key, 0)),
                tokens: fields.whole("tokens", 2..=MAX_TOKENS) as u32,
                seed: fields.whole("seed", 0..=u64::from(u32::MAX)),
            },
            WorkKind::Chat => Self::Chat {
                message: fields.text("message"),
                thinking: fields.word("thinking"),
                tokens: fields.whole("tokens", 1..=MAX_TOKENS) as u32,
            },
            WorkKind::Sustain => Self::Sustain {
                message: fields.text("message"),
                thinking: fields.word("thinking"),
                tokens: fields.whole("tokens", 2..=MAX_TOKENS) as u32,
                duration_s: fields.whole("duration_s", 1..=86_400) as u32,
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
            Self::Sustain { .. } => WorkKind::Sustain,
            Self::Bandwidth { .. } => WorkKind::Bandwidth,
            Self::Answer { .. } => WorkKind::Answer,
            Self::Choose { .. } => WorkKind::Choose,
        }
    }

    /// The axes along which this work varies.
    pub fn axes(&self) -> &'static [&'static str] {
        match self {
            Self::Prefill { .. } => &["prompt"],
            Self::Decode { .. } => &["depth"],
            Self::Answer { .. } => &["thinking", "cap"],
            Self::Load
            | Self::Chat { .. }
            | Self::Sustain { .. }
            | Self::Bandwidth { .. }
            | Self::Choose { .. } => &[],
        }
    }

    /// The task whose items are asked.
    pub fn task(&self) -> Option<&str> {
        match self {
            Self::Answer { task, .. } | Self::Choose { task, .. } => Some(task),
            _ => None,
        }
    }

    pub(crate) fn variants(&self, chosen: &AxisValues) -> Vec<Variant> {
        match self {
            Self::Prefill { prompt_tokens, seed } => {
                along("prompt", prompt_tokens, |tokens| Work::Generate {
                    prompt: PromptSource::Filler { tokens, seed: *seed },
                    stop: fixed_length(1),
                    reuse_prefix: 0,
                })
            }
            Self::Decode { depths, tokens, seed } => {
                along("depth", chosen.depths.as_deref().unwrap_or(depths), |depth| {
                    // One id is the least that an engine can start from.
                    let prompt_tokens = depth.max(1);
                    Work::Generate {
                        prompt: PromptSource::Filler { tokens: prompt_tokens, seed: *seed },
                        stop: fixed_length(*tokens),
                        reuse_prefix: prompt_tokens - 1,
                    }
                })
            }
            Self::Load => single(Work::Load),
            Self::Chat { message, thinking, tokens } => single(Work::Generate {
                prompt: PromptSource::Chat { message: message.clone(), thinking: *thinking },
                stop: fixed_length(*tokens),
                reuse_prefix: 0,
            }),
            Self::Sustain { message, thinking, tokens, duration_s } => single(Work::Sustain {
                prompt: PromptSource::Chat { message: message.clone(), thinking: *thinking },
                stop: fixed_length(*tokens),
                duration_ns: u64::from(*duration_s) * 1_000_000_000,
            }),
            Self::Bandwidth { bytes } => single(Work::Bandwidth { bytes: *bytes }),
            Self::Answer { task, items, thinking, caps } => {
                let thinking = chosen.thinking.as_deref().unwrap_or(thinking);
                let caps = chosen.caps.as_deref().unwrap_or(caps);
                let caps: Vec<Option<u32>> =
                    if caps.is_empty() { vec![None] } else { caps.iter().copied().map(Some).collect() };
                let modes =
                    thinking.iter().flat_map(|thinking| caps.iter().map(move |cap| (*thinking, *cap)));
                modes.map(|(thinking, cap)| items_variant(task, *items, thinking, cap)).collect()
            }
            Self::Choose { task, items } => {
                single(Work::Items { task: task.clone(), items: *items, thinking: Thinking::Off, cap: None })
            }
        }
    }
}

fn items_variant(task: &str, items: ItemCount, thinking: Thinking, cap: Option<u32>) -> Variant {
    let mut axes = BTreeMap::from([("thinking".to_owned(), thinking.word().to_owned())]);
    axes.extend(cap.map(|cap| ("cap".to_owned(), cap.to_string())));
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

    /// The agent's workload once the prompt is made; `None` for work that is a load and nothing else, and for
    /// items, which have a prompt each.
    pub fn workload(&self, made: Prompt) -> Option<Workload> {
        match self {
            Self::Load | Self::Items { .. } => None,
            Self::Generate { stop, reuse_prefix, .. } => Some(Workload::Generate {
                prompt: made,
                sampling: Sampling::GREEDY,
                stop: stop.clone(),
                reuse_prefix: *reuse_prefix,
                allocate_context: None,
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

    /// Prompt and output tokens of one pass, for estimates; chat prompts are counted as their words.
    pub fn tokens(&self) -> (u32, u32) {
        let prompt = match self.prompt_source() {
            Some(PromptSource::Filler { tokens, .. }) => *tokens,
            Some(PromptSource::Chat { message, .. }) => message.split_whitespace().count() as u32,
            None => 0,
        };
        match self {
            Self::Generate { stop, .. } | Self::Sustain { stop, .. } => (prompt, stop.max_tokens),
            Self::Load | Self::Bandwidth { .. } | Self::Items { .. } => (prompt, 0),
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

fn along(axis: &str, values: &[u32], work: impl Fn(u32) -> Work) -> Vec<Variant> {
    values
        .iter()
        .map(|value| Variant {
            axes: BTreeMap::from([(axis.to_owned(), value.to_string())]),
            work: work(*value),
        })
        .collect()
}

fn single(work: Work) -> Vec<Variant> {
    vec![Variant { axes: BTreeMap::new(), work }]
}
