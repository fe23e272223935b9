//! One question with its right answer.

/// A picture: eight bits each of red, green and blue, row by row from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub width: u32,
    pub height: u32,
    pub rgb: Vec<u8>,
}

/// One question as it is put to a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Unique within the task's version: split, seed and place in the stream.
    pub id: String,
    pub task: &'static str,
    pub level: u32,
    /// The user's message; a picture, where there is one, comes before it.
    pub prompt: String,
    pub image: Option<Image>,
    pub answer: String,
    /// A short way to the answer, for models that think before they speak.
    pub rationale: String,
    /// Every answer that could be right, where the question says or implies them.
    pub choices: Option<Vec<String>>,
    /// How often the best fixed answer would be right.
    pub chance: f64,
    /// Items with the same name share a picture or a list and are not independent of each other.
    pub cluster: Option<String>,
}

/// What a task makes from its random draws; the stream adds names and bookkeeping.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) prompt: String,
    pub(super) image: Option<Image>,
    pub(super) answer: String,
    pub(super) rationale: String,
    pub(super) choices: Option<Vec<String>>,
}

impl Draft {
    pub(super) fn text(
        prompt: impl Into<String>,
        answer: impl Into<String>,
        rationale: impl Into<String>,
    ) -> Self {
        Self {
            prompt: prompt.into(),
            image: None,
            answer: answer.into(),
            rationale: rationale.into(),
            choices: None,
        }
    }

    pub(super) fn seeing(mut self, image: Image) -> Self {
        self.image = Some(image);
        self
    }

    pub(super) fn among<S: ToString>(mut self, choices: impl IntoIterator<Item = S>) -> Self {
        self.choices = Some(choices.into_iter().map(|choice| choice.to_string()).collect());
        self
    }

    pub(super) fn yes_no(self) -> Self {
        self.among(["yes", "no"])
    }
}

pub(super) fn yes_no(truth: bool) -> &'static str {
    if truth { "yes" } else { "no" }
}
