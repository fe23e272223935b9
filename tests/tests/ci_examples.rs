//! The pipelines that are there to be copied say commands that exist, and a policy that loads.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fs;

use clap::Parser;
use dyno::args::Cli;
use dyno_suites::Definitions;
use dyno_tests::root;

/// Every `dyno ...` of a line, up to whatever ends a command in a shell.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    for piece in line.split(['&', ';', '|']) {
        let words: Vec<&str> = piece.split_whitespace().collect();
        let Some(start) = words.iter().position(|word| *word == "dyno") else { continue };
        let plain = |word: &str| word.trim_matches('"').replace("$(date", "date").replace(')', "");
        let joined = piece.split_whitespace().skip(start).collect::<Vec<_>>().join(" ");
        // A substitution with a blank in it is one word.
        let joined = joined.replace("$(date +\\%Y\\%m\\%d)", "20260102");
        commands.push(joined.split_whitespace().map(plain).collect());
    }
    commands
}

#[test]
fn every_dyno_command_of_the_examples_is_one() {
    let mut seen = 0;
    for name in ["github-actions.yml", "gitlab-ci.yml", "nightly.cron"] {
        let text = fs::read_to_string(root().join("scripts/ci-examples").join(name)).unwrap();
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            for command in commands(&line.replace("run: ", "").replace("- dyno", "dyno")) {
                if command.len() > 1 {
                    Cli::try_parse_from(&command)
                        .unwrap_or_else(|error| panic!("{name}: {command:?}: {error}"));
                    seen += 1;
                }
            }
        }
    }
    assert!(seen >= 8, "{seen} commands");
}

#[test]
fn the_example_of_a_policy_loads() {
    let path = root().join("scripts/ci-examples/gate.toml");
    let definitions = Definitions::load(&[path]).unwrap_or_else(|mistakes| panic!("\n{mistakes}"));
    let policy = definitions.policy("phone-release").unwrap();
    assert_eq!((policy.waivers.len(), policy.required.len()), (1, 1));
}
