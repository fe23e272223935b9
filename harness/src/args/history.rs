//! The arguments of `dyno history`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The local history: runs, trends with their change points, notes
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// The history's file; under `XDG_STATE_HOME` by default
    #[arg(long, value_name = "FILE", global = true)]
    pub history: Option<PathBuf>,
    #[command(subcommand)]
    pub command: HistoryCommand,
}

#[derive(Debug, Subcommand)]
pub enum HistoryCommand {
    /// Add runs; one that is there already changes nothing
    #[command(after_help = "Example:\n  dyno history add runs/*")]
    Add {
        #[arg(value_name = "RUN", required = true)]
        runs: Vec<PathBuf>,
    },
    /// The runs in the history
    #[command(after_help = "Example:\n  dyno history list --json")]
    List {
        #[arg(long)]
        json: bool,
    },
    /// One metric over time: baseline epochs, change points, suspect builds
    #[command(
        after_help = "Example:\n  dyno history trend --metric decode_rate --case speed/decode --html trend.html"
    )]
    Trend(TrendArgs),
    /// Write down what happened at a moment
    #[command(
        after_help = "Example:\n  dyno history annotate \"new cable, new desk\" --at 2026-11-26T09:00:00Z"
    )]
    Annotate {
        text: String,
        /// RFC 3339; now by default
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// Who says so; the user by default
        #[arg(long, value_name = "NAME")]
        who: Option<String>,
    },
}

#[derive(Debug, Args)]
pub struct TrendArgs {
    #[arg(long, default_value = "decode_rate")]
    pub metric: String,
    /// `suite/case`, or one of them alone
    #[arg(long)]
    pub case: Option<String>,
    #[arg(long)]
    pub model: Option<String>,
    #[arg(long)]
    pub device: Option<String>,
    /// Write the trend page here
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// The chance of a change point in a series that never changed
    #[arg(long, default_value_t = 0.05)]
    pub alpha: f64,
    /// Seed of the permutations
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    #[arg(long)]
    pub json: bool,
}
