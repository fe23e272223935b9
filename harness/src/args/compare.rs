//! The arguments of `dyno compare`.

use std::path::PathBuf;

use clap::Args;

/// Two sides held against each other: effect, interval, significance and relevance of every number
#[derive(Debug, Args)]
#[command(
    after_help = "A run that was made with --against holds both sides: name it alone.\n\nExamples:\n  dyno compare \
                        runs/both\n  dyno compare runs/base runs/candidate --html comparison.html"
)]
pub struct CompareArgs {
    /// The base, or a run of both sides
    pub base: PathBuf,
    /// The candidate
    pub candidate: Option<PathBuf>,
    /// Only metrics with these ids
    #[arg(long, value_delimiter = ',')]
    pub metric: Vec<String>,
    /// The report's page with the comparison in it
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Where the history is; it knows how much each device strays when nothing changed
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
    #[arg(long)]
    pub json: bool,
}
