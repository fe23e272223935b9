//! One question with its right answer, whatever it was made from.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Eight bits each of red, green and blue, row by row from the top.
pub type Picture = crate::procedural::Image;

#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Unique within the task's version.
    pub id: String,
    /// Items with the same name share a text or a picture and are not independent of each other.
    pub cluster: Option<String>,
    /// What the prompt's template and checkers read.
    pub fields: Map<String, Value>,
    pub images: Vec<Picture>,
    /// What there is to choose from, in the order in which letters are given to them.
    pub options: Vec<String>,
    pub answer: Expected,
    /// How often the best fixed answer would be right, where that is known.
    pub chance: Option<f64>,
}

/// What is right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "expected", content = "is", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Expected {
    /// Any of these texts.
    Texts(Vec<String>),
    /// The option at this place.
    Option(u32),
    /// What the item's fields say, for a checker that reads them.
    Checked,
}

impl Expected {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Texts(vec![text.into()])
    }

    /// For people who look at one item.
    pub fn in_words(&self, options: &[String]) -> String {
        match self {
            Self::Texts(texts) => texts.join(" or "),
            Self::Option(place) => options.get(*place as usize).cloned().unwrap_or_default(),
            Self::Checked => "every instruction is followed".to_owned(),
        }
    }
}
