//! Quality tasks as data: where items come from, how a model is asked, and what counts as right.
//!
//! Owns the definition and the items' shape, whatever they were made from. Must not know how a model answers;
//! files of data sets are read by `dyno-datasets`, answers are judged by `dyno-scoring`.

mod ask;
mod derived;
mod item;
mod literal;
mod made;
mod order;
mod scores;
mod source;
#[cfg(test)]
mod tests;
mod wording;

use serde::Serialize;

use crate::loading::Fields;
use crate::words::words;

pub use ask::{Ask, PicturePlace, Shots};
pub use derived::Made;
pub use item::{Expected, Item, Picture};
pub use order::{chosen, share};
pub use scores::{Extract, Rule, Score, Which};
pub use source::{AnswerAs, DataFormat, DataSource, Draws, RowFields, Source};
pub use wording::{Wording, WordingError};

pub(crate) const TASK: &str = "task";

/// One kind of question with its rule of right and wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Task {
    pub id: String,
    pub version: u32,
    pub title: String,
    pub about: String,
    /// What kind of ability it is about: verdicts over tasks are given for each subject apart.
    pub subject: Subject,
    pub source: Source,
    /// The user's words as a template over an item's fields.
    pub prompt: String,
    /// Words that stand once before the examples, as a template over the item's fields.
    pub preface: Option<String>,
    /// A system message as a template, where there is one.
    pub system: Option<String>,
    /// Through the model's own chat template; otherwise the words are continued as they are.
    pub chat: bool,
    /// The first words of the answer, put into the model's mouth.
    pub lead: String,
    pub shots: Option<Shots>,
    pub ask: Ask,
    /// How answers are judged. The first decides; the others show whether the verdict hinges on the rule.
    pub scores: Vec<Score>,
    /// Pictures of more pixels are made smaller; prompt format and limits alone move scores.
    pub picture_max_pixels: Option<u32>,
    pub picture_place: PicturePlace,
    /// Tools that are offered with the question, one JSON text each.
    pub tools_json: Vec<String>,
}

words! {
    pub enum Subject {
        Text = "text",
        Pictures = "pictures",
    }
}

impl Task {
    /// The score that decides.
    pub fn score(&self) -> &Score {
        self.scores.first().unwrap_or(Score::STAND_IN)
    }

    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let id = fields.id();
        let version = fields.version();
        fields.declare(TASK, &id, Some(version), None, &[]);
        let task = Self {
            title: fields.text("title"),
            about: fields.text("about"),
            subject: fields.word("subject"),
            source: Source::read(fields),
            prompt: fields.verbatim("prompt"),
            preface: fields.optional_verbatim("preface"),
            system: fields.optional_text("system"),
            chat: fields.flag("chat"),
            lead: fields.optional_verbatim("lead").unwrap_or_default(),
            shots: fields.inside("shots", Shots::read),
            ask: fields.inside_needed("ask", Ask::read).unwrap_or(Ask::STAND_IN),
            scores: fields.some("score", |key| fields.each(key, Score::read)),
            picture_max_pixels: fields
                .optional_whole("picture_max_pixels", &(1..=1 << 28))
                .map(|pixels| pixels as u32),
            picture_place: fields.optional_word("picture_place").unwrap_or(PicturePlace::Before),
            tools_json: fields.texts("tools_json"),
            id,
            version,
        };
        task.check(fields);
        task
    }

    /// What no single key can tell.
    fn check(&self, fields: &Fields<'_>) {
        for (key, template) in [
            ("prompt", Some(&self.prompt)),
            ("preface", self.preface.as_ref()),
            ("system", self.system.as_ref()),
        ] {
            if let Some(Err(error)) = template.map(|template| wording::parses(template)) {
                fields.mistake(key, format!("`{key}` is no template: {error}"), None);
            }
        }
        if let Ask::Choose { continuation } = &self.ask {
            if let Err(error) = wording::parses(continuation) {
                fields.mistake("ask", format!("`continuation` is no template: {error}"), None);
            }
            if let Some(score) = self.scores.iter().find(|score| !score.rule.is_of_choices()) {
                let what = format!("the score `{}` judges words, and this task compares options", score.id);
                fields.mistake("score", what, Some("use `choice` or `choice-norm`".to_owned()));
            }
        } else if let Some(score) = self.scores.iter().find(|score| score.rule.is_of_choices()) {
            let what = format!("the score `{}` compares options, and this task generates", score.id);
            fields.mistake("score", what, Some("use `letter` or `exact`".to_owned()));
        }
        if self.subject == Subject::Pictures && !self.chat {
            fields.mistake("chat", "pictures need the chat template", Some("say `chat = true`".to_owned()));
        }
    }
}
