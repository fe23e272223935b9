//! The host: command line, plan, schedule, driving devices, and handing what was measured to `reports`.
//!
//! [`run`] is the whole program as a function, so that tests need no process.

pub mod against;
pub mod args;
mod axes;
mod bisection;
#[cfg(feature = "local-agent")]
mod calibrate;
mod clock;
mod cmd;
mod convert;
mod devices;
mod drive;
mod embedded;
pub mod exit;
mod folders;
mod history;
mod interrupt;
mod items;
mod models;
mod plan;
mod schedule;
pub mod screen;
mod selection;
mod supply;
mod tool;

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;

use args::Cli;
use exit::Exit;
use interrupt::Interrupt;
use screen::{Screen, Talk};

/// `dyno` with these arguments, the first being the program's name.
pub fn run(args: impl IntoIterator<Item = OsString>, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    answer(args, &mut Screen::new(out, err, false), &Interrupt::default())
}

/// `dyno` as the process that it is: with its terminal and its signals.
pub fn run_process() -> u8 {
    let interrupt = Interrupt::default();
    interrupt.catch();
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    answer(std::env::args_os(), &mut Screen::new(&mut out, &mut err, true), &interrupt).code()
}

fn answer(args: impl IntoIterator<Item = OsString>, screen: &mut Screen<'_>, interrupt: &Interrupt) -> Exit {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, screen),
    };
    if cli.global.quiet {
        screen.set_talk(Talk::Quiet);
    }
    match cmd::run(&cli, screen, interrupt) {
        Ok(exit) => exit,
        Err(error) => {
            screen.error(&whole_story(&error));
            cmd::exit_of(&error)
        }
    }
}

/// An error with its causes, each said once: our own errors tell their cause in their own sentence.
fn whole_story(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |story, cause| {
        let cause = cause.to_string();
        match story.as_str() {
            "" => cause,
            told if told.contains(&cause) => story,
            told => format!("{told}: {cause}"),
        }
    })
}

/// Help and version are results; anything else that clap says is wrong usage.
fn usage(error: &clap::Error, screen: &mut Screen<'_>) -> Exit {
    let text = error.render().to_string();
    if error.use_stderr() {
        screen.plain_error(&text);
        return Exit::Usage;
    }
    match screen.result(&text) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Device,
    }
}
