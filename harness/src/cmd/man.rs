//! `dyno man`: the manual page, from the same definition as the command line itself.

use clap::CommandFactory;

use crate::args::Cli;
use crate::exit::Exit;
use crate::screen::Screen;

pub(crate) fn run(screen: &mut Screen<'_>) -> anyhow::Result<Exit> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    screen.result(&String::from_utf8(page)?)?;
    Ok(Exit::Done)
}
