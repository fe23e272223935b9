//! How a task is put to a model: words to generate, or options to weigh.

use serde::Serialize;

use super::Item;
use super::source::DataSource;
use crate::loading::Fields;
use crate::words::words;

/// What the model is asked to do with the prompt.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Ask {
    /// Writes, greedily, until it ends, reaches the cap or one of these texts.
    Generate {
        /// The cap where the case says none.
        tokens: u32,
        stop: Vec<String>,
    },
    /// Gives the log-likelihood of every option after the prompt. The continuation is a template over the
    /// item's fields and `option`; where the prompt names `option` too, every option has a prompt of its own.
    Choose { continuation: String },
}

words! {
    pub(super) enum AskKind {
        Generate = "generate",
        Choose = "choose",
    }
}

words! {
    /// Where pictures stand among the words.
    pub enum PicturePlace {
        /// Before them, in their order.
        Before = "before",
        /// Where the words say `<image 1>`, and before them where they do not.
        Marked = "marked",
    }
}

/// Solved examples before the question.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shots {
    pub count: u32,
    /// Rows that examples are taken from, from the first on; the task's own items, those asked left out, without it.
    pub from: Option<DataSource>,
    /// Only examples with the item's own value of this field: of its subject, of its language.
    pub same: Option<String>,
    /// The solution of an example as a template over its fields, after the prompt.
    pub answer: String,
    /// Between examples.
    pub separator: String,
    /// Examples are turns of the conversation, not words of one message.
    pub as_turns: bool,
}

impl Ask {
    pub(super) const STAND_IN: Self = Self::Generate { tokens: 1, stop: Vec::new() };

    pub(super) fn read(fields: &Fields<'_>) -> Self {
        match fields.word::<AskKind>("kind") {
            AskKind::Generate => Self::Generate {
                tokens: fields.whole("tokens", 1..=1 << 20) as u32,
                stop: fields.verbatims("stop"),
            },
            AskKind::Choose => Self::Choose { continuation: fields.verbatim("continuation") },
        }
    }

    pub fn is_choice(&self) -> bool {
        matches!(self, Self::Choose { .. })
    }
}

impl Shots {
    pub(super) fn read(fields: &Fields<'_>) -> Self {
        Self {
            count: fields.whole("count", 1..=64) as u32,
            from: fields.inside("from", DataSource::read),
            same: fields.optional_text("same"),
            answer: fields.verbatim("answer"),
            separator: fields.optional_verbatim("separator").unwrap_or_else(|| "\n\n".to_owned()),
            as_turns: fields.optional_flag("as_turns").unwrap_or_default(),
        }
    }

    /// The examples that stand before an item: the first ones that fit it and are not itself.
    pub fn of<'a>(&self, item: &'a Item, shots: &'a [Item]) -> impl Iterator<Item = &'a Item> + use<'a> {
        let same = self.same.clone();
        let fits = move |shot: &&Item| {
            let alike = same.as_ref().is_none_or(|field| shot.fields.get(field) == item.fields.get(field));
            shot.id != item.id && alike
        };
        shots.iter().filter(fits).take(self.count as usize)
    }
}
