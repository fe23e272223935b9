//! Judging answers: what a model said, read by a task's rules and held against what is right. Pure, so that a
//! stored answer can be judged again at any time.
//!
//! Owns extraction and the rules. Must not know how an answer was got, or what is made of many of them.

mod choices;
mod extract;
mod ifeval;
mod number;
mod reference;
mod refusal;
mod response;
mod rules;
#[cfg(test)]
mod tests;
mod tool_call;

pub use response::{Response, Weighed};
pub use rules::{Question, Scored, score};
