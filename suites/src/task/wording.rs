//! An item's fields into words: templates, options, solved examples.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde_json::{Map, Value, json};

use super::{Ask, Item, Task};

/// Instructions that a template may take: enough for any prompt, an end to any loop.
const FUEL: u64 = 200_000;

/// What a model is asked, before its own template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wording {
    pub system: Option<String>,
    /// Solved examples as turns: what the user said, what the assistant answered.
    pub turns: Vec<(String, String)>,
    /// The user's words, examples included where they are no turns.
    pub user: String,
    /// The first words of the answer.
    pub lead: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("item {item}: {what}")]
pub struct WordingError {
    pub item: String,
    pub what: String,
}

pub(super) fn parses(template: &str) -> Result<(), String> {
    environment().template_from_str(template).map(|_| ()).map_err(|error| error.to_string())
}

pub(super) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
    environment.set_syntax(syntax.expect("the usual signs do not clash"));
    environment
}

impl Task {
    /// The words for an item after these examples. `option` is the option that a prompt with options of its own
    /// is made for.
    pub fn wording(
        &self,
        item: &Item,
        shots: &[Item],
        option: Option<&str>,
    ) -> Result<Wording, WordingError> {
        let user = fill(&self.prompt, item, option)?;
        let mut wording = Wording {
            system: self.system.as_deref().map(|system| fill(system, item, option)).transpose()?,
            turns: Vec::new(),
            user,
            lead: self.lead.clone(),
        };
        let mut before = self
            .preface
            .as_deref()
            .map(|preface| fill(preface, item, option))
            .transpose()?
            .unwrap_or_default();
        let Some(rule) = &self.shots else {
            wording.user.insert_str(0, &before);
            return Ok(wording);
        };
        for shot in rule.of(item, shots) {
            let option = option.and(shot.right_option());
            let asked = fill(&self.prompt, shot, option)?;
            let answer = fill(&rule.answer, shot, option)?;
            if rule.as_turns {
                wording.turns.push((asked, answer));
            } else {
                before.push_str(&asked);
                before.push_str(&answer);
                before.push_str(&rule.separator);
            }
        }
        wording.user.insert_str(0, &before);
        Ok(wording)
    }

    /// What an option adds after the prompt; `None` for a task that generates.
    pub fn continuation(&self, item: &Item, option: &str) -> Option<Result<String, WordingError>> {
        match &self.ask {
            Ask::Choose { continuation } => Some(fill(continuation, item, Some(option))),
            Ask::Generate { .. } => None,
        }
    }

    /// Whether every option has a prompt of its own.
    pub fn asks_each_option(&self) -> bool {
        self.ask.is_choice() && mentions_option(&self.prompt)
    }
}

fn mentions_option(template: &str) -> bool {
    let environment = environment();
    environment
        .template_from_str(template)
        .is_ok_and(|template| template.undeclared_variables(false).contains("option"))
}

impl Item {
    /// The text of the right option.
    pub fn right_option(&self) -> Option<&str> {
        match &self.answer {
            super::Expected::Option(place) => self.options.get(*place as usize).map(String::as_str),
            _ => None,
        }
    }
}

/// A template over the item's fields, `options` with their letters, and `option` where there is one.
fn fill(template: &str, item: &Item, option: Option<&str>) -> Result<String, WordingError> {
    let failed = |error: &minijinja::Error| WordingError { item: item.id.clone(), what: error.to_string() };
    let mut context: Map<String, Value> = item.fields.clone();
    let lettered =
        item.options.iter().zip('A'..='Z').map(|(text, letter)| json!({"letter": letter, "text": text}));
    context.insert("options".to_owned(), lettered.collect());
    if let super::Expected::Option(place) = &item.answer {
        let letter = ('A'..='Z').nth(*place as usize).map(String::from);
        context.insert("right_letter".to_owned(), letter.into());
        context.insert("right_option".to_owned(), item.right_option().into());
    }
    if let Some(option) = option {
        context.insert("option".to_owned(), option.into());
    }
    environment()
        .template_from_str(template)
        .and_then(|template| template.render(Serde(&context)))
        .map_err(|error| failed(&error))
}
