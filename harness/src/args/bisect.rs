//! The arguments of `dyno bisect`.

use std::path::PathBuf;

use clap::Args;

/// Find the build at which a number regressed, by comparing builds with the first one in turn
#[derive(Debug, Args)]
#[command(
    after_help = "Builds are named in their order, the good one first and the bad one last.\n\nExamples:\n  dyno \
                        bisect builds/a/dyno builds/b/dyno builds/c/dyno builds/d/dyno --metric decode_rate\n  dyno \
                        bisect v1 v2 v3 v4 --binary 'builds/{}/dyno' --prepare 'make dyno VERSION={}' --suite speed"
)]
pub struct BisectArgs {
    /// Builds from good to bad
    #[arg(value_name = "BUILD", required = true, num_args = 2..)]
    pub builds: Vec<String>,
    /// Where a build's binary is; `{}` is its name
    #[arg(long, value_name = "PATH", default_value = "{}")]
    pub binary: String,
    /// A command that makes a build before it is measured; `{}` is its name
    #[arg(long, value_name = "COMMAND")]
    pub prepare: Option<String>,
    /// The metric that regressed
    #[arg(long, default_value = "decode_rate")]
    pub metric: String,
    /// The suite that measures it
    #[arg(long, default_value = "speed")]
    pub suite: String,
    /// Only cases whose id contains this
    #[arg(long, default_value = "decode")]
    pub case: String,
    #[arg(long, default_value = "local")]
    pub device: String,
    #[arg(long)]
    pub model: Option<String>,
    #[arg(long, default_value = "bf16")]
    pub quant: String,
    #[arg(long, default_value = "dyno")]
    pub engine: String,
    #[arg(long, default_value = "cpu")]
    pub unit: String,
    /// Pairs in one comparison
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub rounds: u32,
    /// Further comparisons of one build before the answer is "cannot tell"
    #[arg(long, value_name = "RUNS", default_value_t = 2)]
    pub top_up: u32,
    /// The short form of every case
    #[arg(long)]
    pub short: bool,
    /// The folder of the runs; one named after the time under `runs/` by default
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    #[arg(long)]
    pub json: bool,
}
