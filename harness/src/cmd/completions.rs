//! `dyno completions`: completions for a shell, from the same definition as the command line itself.

use clap::CommandFactory;

use crate::args::{Cli, CompletionsArgs};
use crate::exit::Exit;
use crate::screen::Screen;

pub(crate) fn run(args: &CompletionsArgs, screen: &mut Screen<'_>) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "dyno", &mut script);
    screen.result(&String::from_utf8(script)?)?;
    Ok(Exit::Done)
}
