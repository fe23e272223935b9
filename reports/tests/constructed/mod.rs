//! Analyses made by hand, for pages, charts and exports. Deterministic: no clock, no randomness.

#![allow(dead_code, unused_imports, reason = "each test uses some of it")]

mod parts;
mod reports;

pub(crate) use parts::glossary;
pub(crate) use reports::{empty, hostile, large, ordinary};
