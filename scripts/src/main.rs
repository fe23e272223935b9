//! What the project runs on itself. One program, so that a person, a pipeline and the README do the same.

#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]

mod apple;
mod browser;
mod crosscheck;
mod gpu;
mod history;
mod install;
mod readme;
mod test;

use clap::{Parser, Subcommand};
use xshell::Shell;

#[derive(Debug, Parser)]
#[command(name = "scripts", about = "What the Dyno project runs on itself")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything that must pass: formatting, lints, tests, the page in a browser, the README's main command
    Test,
    /// The page in headless Chromium only
    Browser,
    /// Greedy ids and stored numbers against independent implementations from the Python package index
    Crosscheck,
    /// The agent for Apple's systems: types, lints and links, as far as this machine can
    Apple,
    /// The GPU kernels on an NVIDIA device, beside the processor's numbers and the device's bandwidth
    Gpu,
    /// Mistakes put into the GPU kernels one by one: the tests must find them
    GpuMutants {
        /// Every so many of them only
        #[arg(long, default_value_t = 1)]
        every: usize,
    },
    /// What measuring costs: the same decode loop with and without agent, stamps and sensors
    BenchOverhead,
    /// How quick the history is with a hundred thousand trials in it: add, trend and gate
    BenchHistory,
}

fn main() -> anyhow::Result<()> {
    let shell = Shell::new()?;
    shell.change_dir(root());
    match Cli::parse().command {
        Command::Test => test::all(&shell),
        Command::Browser => browser::test(&shell),
        Command::Crosscheck => crosscheck::run(&shell),
        Command::Apple => apple::check(&shell),
        Command::Gpu => gpu::measure(&shell),
        Command::GpuMutants { every } => gpu::mutants(&shell, every),
        Command::BenchHistory => history::bench(&shell),
        Command::BenchOverhead => Ok(xshell::cmd!(shell, "cargo run --release -q -- overhead").run()?),
    }
}

fn root() -> &'static std::path::Path {
    std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Where cargo puts the release build.
fn built() -> std::path::PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into).join("release")
}
