//! `dyno calibrate` on the command line.

use clap::Args;

/// Show on simulated devices, whose truth is known, what Dyno's own numbers are worth
#[derive(Debug, Args)]
#[command(
    long_about = "Show on simulated devices, whose truth is known, what Dyno's own numbers are worth: how often \
                  95 % intervals hold the truth, how often something is said to have changed when nothing has, \
                  how often a true change is seen, and how far estimates are off. Every share has its own \
                  interval. The answer is that of the whole table: exit code 1 where something fails, 3 where \
                  too little was tried to tell.",
    after_help = "Examples:\n  dyno calibrate --quick\n  dyno calibrate --json > calibration.json"
)]
pub struct CalibrateArgs {
    /// Under a minute: sees only what is badly wrong
    #[arg(long)]
    pub quick: bool,
    #[arg(long)]
    pub json: bool,
}
