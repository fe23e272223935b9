//! One command, one file, all of the same shape: `run(args, .., screen) -> Exit`.

#[cfg(feature = "local-agent")]
mod agent;
mod bisect;
#[cfg(feature = "local-agent")]
mod calibrate;
#[cfg(feature = "local-agent")]
mod checkpoints;
mod claims;
mod compare;
mod completions;
mod devices;
mod export;
mod gate;
mod history;
mod import;
mod main_job;
mod man;
mod models;
#[cfg(feature = "local-agent")]
mod overhead;
mod report;
pub(crate) mod run;
mod score;
mod verify;

use dyno_runners::RunnerError;
use dyno_suites::Definitions;

use crate::args::{Cli, Command, Global};
use crate::drive::DriveError;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::screen::Screen;

pub(crate) fn run(cli: &Cli, screen: &mut Screen<'_>, interrupt: &Interrupt) -> anyhow::Result<Exit> {
    let global = &cli.global;
    let Some(command) = &cli.command else {
        return main_job::run(&cli.main, global, screen, interrupt);
    };
    match command {
        Command::Run(args) => run::run(args, global, screen, interrupt),
        Command::Devices(args) => devices::run(args, global, screen),
        Command::Models(args) => models::run(args, global, screen),
        Command::Report(args) => report::run(args, global, screen),
        Command::Claims(args) => claims::run(args, global, screen),
        Command::Score(args) => score::run(args, global, screen),
        Command::Export(args) => export::run(args, global, screen),
        Command::Import(args) => import::run(args, global, screen),
        Command::Verify(args) => verify::run(args, screen),
        Command::Compare(args) => compare::run(args, global, screen),
        Command::Gate(args) => gate::run(args, global, screen, interrupt),
        Command::History(args) => history::run(args, global, screen),
        Command::Bisect(args) => bisect::run(args, global, screen, interrupt),
        #[cfg(feature = "local-agent")]
        Command::Calibrate(args) => calibrate::run(args, global, screen),
        #[cfg(feature = "local-agent")]
        Command::Overhead(args) => overhead::run(args, screen),
        Command::Completions(args) => completions::run(args, screen),
        Command::Man(_) => man::run(screen),
        #[cfg(feature = "local-agent")]
        Command::Agent(args) => agent::run(args, screen),
    }
}

pub(crate) use run::duration;

fn definitions(global: &Global) -> anyhow::Result<Definitions> {
    Ok(Definitions::load(&global.definitions)?)
}

/// The exit code of an error that ended a command.
pub(crate) fn exit_of(error: &anyhow::Error) -> Exit {
    let device = error
        .chain()
        .any(|cause| cause.is::<RunnerError>() || cause.is::<DriveError>() || cause.is::<std::io::Error>());
    if device { Exit::Device } else { Exit::Usage }
}
