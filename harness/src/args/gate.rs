//! The arguments of `dyno gate`.

use std::path::PathBuf;

use clap::Args;

/// The release gate: exit code 0 nothing stops it, 1 a regression, 3 cannot tell, 4 the candidate crashed
#[derive(Debug, Args)]
#[command(
    after_help = "A run that was made with --against holds both sides and is the best evidence: name it \
                        alone.\n\nExamples:\n  dyno run speed --against builds/released/dyno --out runs/both\n  dyno gate \
                        runs/both --policy gate.toml --top-up --markdown comment.md\n  dyno gate runs/base \
                        runs/candidate --junit gate.xml --github"
)]
pub struct GateArgs {
    /// The base, or a run of both sides
    pub base: PathBuf,
    /// The candidate
    pub candidate: Option<PathBuf>,
    /// What stops the release: a policy's id, or a file with one
    #[arg(long, value_name = "FILE", default_value = "release")]
    pub policy: String,
    /// Further runs of both sides that were measured because the first could not tell
    #[arg(long, value_name = "RUN")]
    pub with: Vec<PathBuf>,
    /// A fresh run of both sides, made to confirm what the first ones showed
    #[arg(long, value_name = "RUN")]
    pub confirm: Option<PathBuf>,
    /// Measure what is needed to tell and to confirm: at most this many further runs, the policy's number without one
    #[arg(long, value_name = "RUNS", num_args = 0..=1, require_equals = true, default_missing_value = "20")]
    pub top_up: Option<u32>,
    /// The base's build for further runs, where the runs at hand do not name it
    #[arg(long, value_name = "DYNO", requires = "top_up")]
    pub base_build: Option<PathBuf>,
    /// `JUnit` XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// A comment for a pull request
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// Annotations of GitHub Actions on the terminal, and the step summary where `GITHUB_STEP_SUMMARY` names it
    #[arg(long)]
    pub github: bool,
    /// SARIF 2.1.0
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
    /// GitLab code quality
    #[arg(long, value_name = "FILE")]
    pub gitlab: Option<PathBuf>,
    /// Where the history is; it knows how much each device strays when nothing changed
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
    #[arg(long)]
    pub json: bool,
}
