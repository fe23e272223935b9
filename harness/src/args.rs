//! What users type. Every command is one struct here and one file under `cmd`.

#[cfg(feature = "local-agent")]
mod calibrate;
mod import;
mod score;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use import::ImportArgs;
pub use score::ScoreArgs;

use crate::axes::Numbers;

#[cfg(feature = "local-agent")]
pub use calibrate::CalibrateArgs;

#[derive(Debug, Parser)]
#[command(
    name = "dyno",
    version,
    about = "A dynamometer for language models on the devices people own",
    long_about = "Dyno measures language models on the devices people own: speed, heat, battery and \
                  quality, with an interval on every number, and checks stated claims against what it \
                  measured.\n\nWithout a command it measures this machine with the embedded models and \
                  prints the verdicts and where the report is.",
    after_help = "Exit codes: 0 done, claim holds, no regression; 1 a claim fails, a regression; 2 wrong \
                  usage or definitions; 3 cannot tell; 4 device or agent trouble; 130 interrupted (what \
                  was measured is kept).",
    disable_help_subcommand = true
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    /// The main job when no command is named.
    #[command(flatten)]
    pub main: MainArgs,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Args)]
pub struct Global {
    /// Say only results, warnings and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Definitions of your own, on top of the embedded ones: a file or a folder, repeatable
    #[arg(long, value_name = "PATH", global = true)]
    pub definitions: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct MainArgs {
    /// Where the run is written
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Seed of everything that is random in the run
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Run(Box<RunArgs>),
    Devices(DevicesArgs),
    Models(ModelsArgs),
    Report(ReportArgs),
    Claims(ClaimsArgs),
    Score(ScoreArgs),
    Export(ExportArgs),
    Import(ImportArgs),
    Verify(VerifyArgs),
    #[cfg(feature = "local-agent")]
    Calibrate(CalibrateArgs),
    #[cfg(feature = "local-agent")]
    Overhead(OverheadArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
    #[cfg(feature = "local-agent")]
    Agent(AgentArgs),
}

/// Plan, push, measure, report
#[derive(Debug, Args, Clone)]
#[command(after_help = "Examples:\n  dyno run speed --model tiny-1m,tiny-5m --quant bf16,8bit,4bit\n  \
                        dyno run speed --depth 0,1024,4096 --dry-run\n  dyno run thermal/two-minutes battery --model tiny-5m --quant 4bit\n  dyno run quality --engine openai:http://127.0.0.1:8080 --model llama-3.1-8b --items 100\n  \
                        dyno run --resume runs/20260102-030405")]
#[expect(clippy::struct_excessive_bools, reason = "every switch is one of the command line's")]
pub struct RunArgs {
    /// Suites to run, each standing for its usual cases, single cases as SUITE/CASE, or a plan such as `quality`
    #[arg(value_name = "SUITE", default_value = "speed")]
    pub suites: Vec<String>,
    /// Devices, comma-separated
    #[arg(long, value_delimiter = ',', default_value = "local")]
    pub device: Vec<String>,
    /// Models: names of the catalogue, paths of checkpoints, synth:SHAPE; the embedded ones by default
    #[arg(long, value_delimiter = ',')]
    pub model: Vec<String>,
    /// Quantization levels; the plan's by default, or bf16
    #[arg(long, value_delimiter = ',')]
    pub quant: Vec<String>,
    /// Engines; `openai:URL` is a server
    #[arg(long, value_delimiter = ',', default_value = "dyno")]
    pub engine: Vec<String>,
    /// Compute units
    #[arg(long, value_delimiter = ',', default_value = "cpu")]
    pub unit: Vec<String>,
    /// Only cases whose id contains one of these, usual or not
    #[arg(long, value_delimiter = ',')]
    pub case: Vec<String>,
    /// Context depths for the cases that have one: lists and ranges such as 0,1024-4096*2
    #[arg(long)]
    pub depth: Option<Numbers>,
    /// Prompt lengths for the cases that have them
    #[arg(long)]
    pub prompt: Option<Numbers>,
    /// Context to allocate, for the cases that allocate more than they use
    #[arg(long)]
    pub context: Option<Numbers>,
    /// Ways of thinking for the cases that ask items: on, off, default
    #[arg(long, value_delimiter = ',', value_name = "MODE")]
    pub thinking: Vec<String>,
    /// The most tokens of an answer, for the cases that ask items
    #[arg(long)]
    pub cap: Option<Numbers>,
    /// How many items of each task are asked; the same ones for everybody
    #[arg(long, value_name = "N")]
    pub items: Option<u32>,
    /// Files and folders in which data sets lie; the hub's cache is looked in besides
    #[arg(long, value_delimiter = ',', value_name = "PATH")]
    pub data: Vec<PathBuf>,
    /// Ask every item anew, whatever the same weights answered in earlier runs
    #[arg(long)]
    pub fresh: bool,
    /// How often every cell is visited, 3 by default, in a fresh random order each time
    #[arg(long, value_name = "N")]
    pub rounds: Option<u32>,
    /// The short form of every case: fewer passes, wider intervals
    #[arg(long)]
    pub short: bool,
    /// Processor threads for the engine; all by default
    #[arg(long, value_name = "N")]
    pub threads: Option<u32>,
    /// Where the run is written; a folder named after the time under `runs/` by default
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Seed of everything that is random in the run
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many seconds an agent may say nothing before it is taken to hang
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    pub patience: u64,
    /// Show the plan, the skips with their reasons and the expected time, and measure nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Go on with an interrupted run; what is finished is not measured again
    #[arg(long, value_name = "RUN", conflicts_with_all = ["out", "dry_run"])]
    pub resume: Option<PathBuf>,
    /// Print the outcome as JSON
    #[arg(long)]
    pub json: bool,
}

/// What can be reached, with facts
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  dyno devices --json")]
pub struct DevicesArgs {
    #[arg(long)]
    pub json: bool,
}

/// The catalogue; make, convert and check checkpoints
#[derive(Debug, Args)]
pub struct ModelsArgs {
    #[command(subcommand)]
    pub command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// Models and quantization levels that definitions know
    #[command(after_help = "Example:\n  dyno models list --json")]
    List {
        #[arg(long)]
        json: bool,
    },
    /// Quantize a checkpoint to an MLX affine format or a GGUF type
    #[cfg(feature = "local-agent")]
    #[command(
        after_help = "Example:\n  dyno models quantize ./Qwen3.5-0.8B --to 6bit --out ./Qwen3.5-0.8B-6bit\n  \
                            dyno models quantize ./Qwen3.5-0.8B --to gguf:q8_0 --out ./qwen3.5-0.8b.gguf"
    )]
    Quantize {
        checkpoint: PathBuf,
        /// 2bit to 8bit (group of 64), such as `4bit` or `4bit-g32`, or `gguf:TYPE`
        #[arg(long)]
        to: String,
        #[arg(long)]
        out: PathBuf,
    },
    /// Write seeded weights of a real shape: the speed of a model without its knowledge
    #[cfg(feature = "local-agent")]
    #[command(after_help = "Example:\n  dyno models synth 0.8b --format 4bit --seed 7 --out ./synthetic")]
    Synth {
        shape: String,
        #[arg(long, default_value = "bf16")]
        format: String,
        #[arg(long, default_value_t = 1)]
        seed: u64,
        #[arg(long)]
        out: PathBuf,
    },
    /// Read every header of a checkpoint and name what is wrong with it
    #[cfg(feature = "local-agent")]
    #[command(after_help = "Example:\n  dyno models verify ./Qwen3.5-0.8B")]
    Verify {
        checkpoint: PathBuf,
        #[arg(long)]
        json: bool,
    },
    /// Run a checkpoint against reference tensors and print the largest differences
    #[cfg(feature = "local-agent")]
    #[command(after_help = "Example:\n  dyno models check ./tiny --reference ./tiny")]
    Check {
        checkpoint: PathBuf,
        #[arg(long)]
        reference: PathBuf,
        #[arg(long)]
        json: bool,
    },
}

/// Make the page of one or more runs again
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  dyno report runs/20260102-030405 --out report.html")]
pub struct ReportArgs {
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    /// The file to write; `report/index.html` in the first run by default
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// An index page over the runs' own reports instead of one page of them all
    #[arg(long, requires = "out")]
    pub index: bool,
}

/// The verdict on every claim; exit code 1 when one fails, 3 when none can be told
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  dyno claims runs/20260102-030405 --claim ane-decode-2b")]
pub struct ClaimsArgs {
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    /// Only these claims
    #[arg(long, value_delimiter = ',')]
    pub claim: Vec<String>,
    #[arg(long)]
    pub json: bool,
}

/// Every number as CSV or JSON, units in the column names
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  dyno export runs/20260102-030405 --format csv --out tables/")]
pub struct ExportArgs {
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    #[arg(long, value_enum, default_value_t = ExportFormat::Json)]
    pub format: ExportFormat,
    /// A folder for CSV, a file for JSON; JSON goes to the terminal without it
    #[arg(long, value_name = "PATH")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportFormat {
    Csv,
    Json,
}

/// Hashes, completeness, and whether this version can read it
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  dyno verify runs/*")]
pub struct VerifyArgs {
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    #[arg(long)]
    pub json: bool,
}

/// What measuring costs: the same decode loop with and without agent, stamps and sensors
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  dyno overhead --pairs 40")]
pub struct OverheadArgs {
    /// Interleaved pairs of bare and measured loops
    #[arg(long, default_value_t = 20)]
    pub pairs: u32,
    /// Length of one token
    #[arg(long, default_value_t = 5.0)]
    pub token_ms: f64,
    #[arg(long)]
    pub json: bool,
}

/// Completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  dyno completions zsh > ~/.zfunc/_dyno")]
pub struct CompletionsArgs {
    pub shell: clap_complete::Shell,
}

/// The manual page
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  dyno man | man -l -")]
pub struct ManArgs {}

/// The device agent itself, for hosts that start it
#[cfg(feature = "local-agent")]
#[derive(Debug, Args)]
#[command(after_help = "The secret of the launch is read from DYNO_SECRET.\n\nExample:\n  \
                        DYNO_SECRET=... dyno agent --listen 127.0.0.1:0")]
pub struct AgentArgs {
    /// Speak over standard input and output
    #[arg(long, conflicts_with = "listen", required_unless_present = "listen")]
    pub stdio: bool,
    /// Listen on a loopback address; the port is printed as JSON
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<std::net::SocketAddr>,
    /// Where journals, the store and markers are kept
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Play the device that this file describes, on a clock of its own
    #[arg(long, value_name = "FILE")]
    pub simulate: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent_and_every_command_shows_an_example() {
        let cli = super::Cli::command();
        cli.clone().debug_assert();
        for command in cli.get_subcommands() {
            let inner: Vec<_> = command.get_subcommands().collect();
            for leaf in if inner.is_empty() { vec![command] } else { inner } {
                let help = leaf.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains("Example"), "`{}` shows no example", leaf.get_name());
            }
        }
    }
}
