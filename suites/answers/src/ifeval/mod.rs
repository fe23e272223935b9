//! `IFEval`: does a response follow the instructions that a program can check (Zhou and others 2023)?
//!
//! Owns every kind of instruction of the published set, with the reference's strict and loose verdicts. The rules
//! are those of the reference as lm-evaluation-harness 0.4.13 carries it (version 4.0 of its task); where ours
//! differ is said in the room's README.

mod check;
mod instruction;
mod json;
mod punkt;
#[cfg(test)]
mod tests;
mod words;

use check::follows;
pub use instruction::{Instruction, InstructionError, Relation};
use serde_json::{Map, Value};

use crate::python::strip;

/// What one response did, instruction by instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    pub strict: Vec<bool>,
    /// The same, forgiving stars of Markdown and a first or last line around the answer.
    pub loose: Vec<bool>,
}

impl Followed {
    pub fn all_strict(&self) -> bool {
        self.strict.iter().all(|followed| *followed)
    }

    pub fn all_loose(&self) -> bool {
        self.loose.iter().all(|followed| *followed)
    }
}

/// The instructions of a row of the data set: `instruction_id_list` with `kwargs` beside it.
pub fn instructions(row: &Map<String, Value>) -> Result<Vec<Instruction>, InstructionError> {
    let lacks =
        |key, wanted| InstructionError::Particular { instruction: "of this row".to_owned(), key, wanted };
    let list = |key| row.get(key).and_then(Value::as_array);
    let ids = list("instruction_id_list").ok_or_else(|| lacks("instruction_id_list", "a list of names"))?;
    let kwargs = list("kwargs").filter(|kwargs| kwargs.len() == ids.len());
    let kwargs = kwargs.ok_or_else(|| lacks("kwargs", "as many entries as there are instructions"))?;
    let none = Map::new();
    let read = |(id, kwargs): (&Value, &Value)| {
        let id = id.as_str().ok_or_else(|| lacks("instruction_id_list", "a list of names"))?;
        Instruction::new(id, kwargs.as_object().unwrap_or(&none))
    };
    ids.iter().zip(kwargs).map(read).collect()
}

/// Judges a response. An empty one follows nothing.
pub fn judge(instructions: &[Instruction], response: &str) -> Followed {
    let strict = |response: &str, instruction| !strip(response).is_empty() && follows(instruction, response);
    let variants = loosened(response);
    Followed {
        strict: instructions.iter().map(|instruction| strict(response, instruction)).collect(),
        loose: instructions
            .iter()
            .map(|instruction| variants.iter().any(|variant| strict(variant, instruction)))
            .collect(),
    }
}

/// The response as it is, without its first line, its last, both; and each without stars.
fn loosened(response: &str) -> Vec<String> {
    let lines: Vec<&str> = response.split('\n').collect();
    let part = |from: usize, to: usize| strip(&lines.get(from..to).unwrap_or_default().join("\n")).to_owned();
    let count = lines.len();
    let mut variants = vec![response.to_owned(), part(1, count), part(0, count - 1), part(1, count - 1)];
    variants.extend(variants.clone().iter().map(|variant| variant.replace('*', "")));
    variants
}
