//! `dyno import`.

use std::path::PathBuf;

use clap::Args;

/// Results of other tools, as a bundle marked third-party; or what a power meter recorded beside a run
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  dyno import llama-bench.json yardstick/*.jsonl --out runs/imported\n  \
                        dyno import meter.csv --meter local --out runs/meter\n  \
                        dyno report runs/20260102-030405 runs/meter")]
pub struct ImportArgs {
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The files are a power meter's CSV about this device: `time` and `power_w`, or `voltage_v` and `current_a`
    #[arg(long, value_name = "DEVICE")]
    pub meter: Option<String>,
    /// Seconds to add to the meter's times to make them this machine's
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 0.0,
        requires = "meter",
        allow_negative_numbers = true
    )]
    pub clock_offset: f64,
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}
