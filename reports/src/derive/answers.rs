//! Answers judged by the rules at hand: what was stored is what was said, and what it is worth is found again by
//! every reader, so that a mended rule needs no new run.

use dyno_scoring::score;
use dyno_suites::Definitions;

use crate::bundle::{Asked, ItemAnswer};

/// An item's answer with what it is worth by the task's rules.
#[derive(Debug, Clone)]
pub(crate) struct Answered<'a> {
    pub(crate) stored: &'a ItemAnswer,
    /// As it was read; absent where no answer could be.
    pub(crate) answer: Option<String>,
    pub(crate) right: bool,
    pub(crate) refused: bool,
    /// By the task's other rules, in their order.
    pub(crate) right_otherwise: Vec<(String, bool)>,
}

impl<'a> Answered<'a> {
    pub(crate) fn as_recorded(stored: &'a ItemAnswer) -> Self {
        Self {
            stored,
            answer: stored.answer.clone(),
            right: stored.right,
            refused: false,
            right_otherwise: Vec::new(),
        }
    }

    pub(crate) fn asked(&self) -> Option<&'a Asked> {
        self.stored.asked.as_deref()
    }

    /// By another of the task's rules; one that it does not have says no.
    pub(crate) fn is_right_by(&self, rule: &str) -> bool {
        self.right_otherwise.iter().any(|(name, right)| name == rule && *right)
    }

    /// What items are independent of each other by.
    pub(crate) fn cluster(&self) -> &'a str {
        self.stored.cluster.as_deref().unwrap_or(&self.stored.item)
    }
}

/// The answers as the definitions judge them, and the tasks whose rules are of another version than the answers.
pub(crate) fn judge<'a>(
    stored: &[&'a ItemAnswer],
    definitions: &Definitions,
) -> (Vec<Answered<'a>>, Vec<String>) {
    let mut other = Vec::new();
    let answers = stored
        .iter()
        .copied()
        .map(|stored| {
            let Some(asked) = &stored.asked else { return Answered::as_recorded(stored) };
            match definitions.task(&asked.task) {
                Ok(task) if task.version == asked.task_version => {
                    let by = |rule| score(rule, &asked.question, &asked.response);
                    let found = by(task.score());
                    let others = task.scores.iter().skip(1);
                    Answered {
                        stored,
                        answer: found.answer,
                        right: found.right,
                        refused: found.refused,
                        right_otherwise: others.map(|rule| (rule.id.clone(), by(rule).right)).collect(),
                    }
                }
                _ => {
                    let what = format!("{} version {}", asked.task, asked.task_version);
                    if !other.contains(&what) {
                        other.push(what);
                    }
                    Answered::as_recorded(stored)
                }
            }
        })
        .collect();
    (answers, other)
}
