//! Results of other tools, read into Dyno's words. Strict about what a file is, tolerant of fields that a
//! newer version of the tool added: those stay in the verbatim copy.
//!
//! Owns what each tool's figures mean and where they differ from ours. It must not decide anything: what an
//! imported row may be used for is the claims' affair.

mod blank;
mod detect;
mod embedded;
mod error;
mod gaps;
mod lenient;
mod llama_bench;
mod llama_bench_text;
mod lm_eval;
mod meter;
mod mlperf;
mod mlx_lm;
mod own;
mod powermetrics;
mod recognise;
mod yardstick;

pub use detect::{Format, detect, detect_and_read};
pub use embedded::embedded_evidence;
pub use error::ImportError;
pub use meter::meter;
pub use recognise::recognise;

/// The largest file that is read. Real ones are a thousand times smaller.
pub const MAX_FILE_BYTES: usize = 64 << 20;
/// The most rows that one file may give.
pub const MAX_ROWS: usize = 200_000;
