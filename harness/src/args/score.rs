//! `dyno score`.

use std::path::PathBuf;

use clap::Args;

/// Judge the stored answers of runs again, by the rules of today's definitions
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  dyno score runs/20260102-030405 --definitions my-rules/")]
pub struct ScoreArgs {
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    #[arg(long)]
    pub json: bool,
}
