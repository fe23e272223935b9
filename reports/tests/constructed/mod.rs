//! Analyses made by hand, for pages, charts and exports. Deterministic: no clock, no randomness.

#![allow(dead_code, unused_imports, reason = "each test uses some of it")]
#![allow(clippy::too_many_lines, reason = "lists of made-up things")]

mod compared;
mod parts;
mod reports;

pub(crate) use compared::{compared, trends};
pub(crate) use parts::glossary;
pub(crate) use reports::{empty, hostile, large, ordinary};
