//! The README is true of the command line. Its commands are run as written by `scripts`, with a release build.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fs;

use clap::Parser;
use dyno::args::Cli;
use dyno_tests::root;

fn commands() -> Vec<String> {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let blocks = readme.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

#[test]
fn every_command_of_the_tour_is_one() {
    let commands = commands();
    assert!(commands.len() >= 5, "the tour is there");
    for command in commands {
        Cli::try_parse_from(command.split_whitespace()).unwrap_or_else(|error| panic!("{command}: {error}"));
    }
}

#[test]
fn the_exit_codes_are_the_programs_own() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let codes = [
        (dyno::exit::Exit::Fails, "1 a claim fails"),
        (dyno::exit::Exit::Usage, "2 wrong usage"),
        (dyno::exit::Exit::CannotTell, "3 cannot tell"),
        (dyno::exit::Exit::Device, "4 device or agent trouble"),
        (dyno::exit::Exit::Interrupted, "130 interrupted"),
    ];
    for (exit, words) in codes {
        assert!(words.starts_with(&exit.code().to_string()));
        assert!(readme.replace('\n', " ").contains(words), "{words}");
    }
}
