//! Procedural quality tasks: text and pictures made from a seed, with the right answer known by construction.
//!
//! Owns what each task asks, how hard each level is, and which items are held out. It must not know which
//! model answers, how an answer is scored beyond being equal, or how a model is trained; the items are the
//! same bytes on every platform because nothing here uses floating point, the clock or a library's idea of
//! a distribution.
//!
//! # Which items are held out
//!
//! An item's content (task, version, prompt and picture) is hashed. A hash in the reserved residue class
//! belongs to [`Split::HeldOut`], every other one to [`Split::Train`], whatever the seed. The two splits also
//! draw from different random streams, so pictures and lists that several questions share are never shared
//! across splits. A held-out item therefore cannot appear in training, by any seed.

mod arithmetic;
mod bars;
mod comparing;
mod counting;
mod draw;
mod export;
mod glyphs;
mod item;
mod logic;
mod lookup;
mod maze;
mod ordering;
mod raster;
mod reading;
mod sketch;
mod sorting;
mod spatial;
mod stream;
mod symbols;
mod task;
#[cfg(test)]
mod tests;

pub use export::json_line;
pub use item::{Image, Item};
pub use sketch::sketch;
pub use stream::{Items, Split, items};
pub use task::{Task, UnknownTask};
