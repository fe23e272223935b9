//! From events to verdicts and pages. Pure: no clock, no network, no randomness without a seed.
//!
//! Events are recorded once and never changed; everything else here is a replay of them and may be
//! thrown away and made again, by this or a later version.

mod analyse;
pub mod analysis;
pub mod bundle;
pub mod cell;
pub mod chart;
mod claims;
pub mod compare;
pub mod derive;
pub mod evidence;
pub mod export;
pub mod foreign;
pub mod gate;
pub mod history;
pub mod import;
pub mod page;
mod paired_items;
pub mod quality;
mod readable;
pub mod stats;
pub mod sweep;
pub mod verdict;
