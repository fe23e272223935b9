//! The house's rules as tests, so that nobody has to remember them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use dyno_tests::{files, root};

/// Who may import whom, among our own crates. Dev-dependencies are free: tests see the whole house.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("dyno-protocol", &[]),
    ("dyno-weights", &[]),
    ("dyno-text", &[]),
    ("dyno-kernels", &[]),
    ("dyno-qwen35", &["dyno-weights", "dyno-kernels"]),
    ("dyno-gpu", &["dyno-weights", "dyno-qwen35"]),
    ("dyno-gpu-emulator", &["dyno-gpu"]),
    ("dyno-comparators", &["dyno-weights", "dyno-qwen35", "dyno-text"]),
    ("dyno-simulated", &["dyno-protocol"]),
    (
        "dyno-agent",
        &[
            "dyno-protocol",
            "dyno-weights",
            "dyno-qwen35",
            "dyno-gpu",
            "dyno-simulated",
            "dyno-text",
            "dyno-comparators",
        ],
    ),
    ("dyno-runners", &["dyno-protocol"]),
    ("dyno-suites", &["dyno-protocol"]),
    ("dyno-answers", &[]),
    ("dyno-scoring", &["dyno-suites", "dyno-answers"]),
    ("dyno-datasets", &["dyno-suites"]),
    ("dyno-reports", &["dyno-protocol", "dyno-suites", "dyno-scoring"]),
    (
        "dyno",
        &[
            "dyno-protocol",
            "dyno-runners",
            "dyno-suites",
            "dyno-scoring",
            "dyno-datasets",
            "dyno-reports",
            "dyno-agent",
        ],
    ),
    ("scripts", &[]),
    ("dyno-tests", &["dyno"]),
];

const ROOMS: &[&str] = &["device-agent", "harness", "reports", "runners", "scripts", "suites", "tests"];

fn manifests() -> BTreeMap<String, toml::Table> {
    files()
        .iter()
        .filter(|path| {
            path.ends_with("Cargo.toml") && !path.components().any(|part| part.as_os_str() == "fuzz")
        })
        .map(|path| {
            let text = fs::read_to_string(path).unwrap();
            text.parse::<toml::Table>().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        })
        .filter_map(|manifest| {
            let name = manifest.get("package")?.get("name")?.as_str()?.to_owned();
            Some((name, manifest))
        })
        .collect()
}

fn dependencies(manifest: &toml::Table) -> Vec<String> {
    let mut names = Vec::new();
    let mut take = |table: Option<&toml::Value>| {
        names.extend(
            table.and_then(toml::Value::as_table).into_iter().flatten().map(|(name, _)| name.clone()),
        );
    };
    take(manifest.get("dependencies"));
    for target in manifest.get("target").and_then(toml::Value::as_table).into_iter().flatten() {
        take(target.1.get("dependencies"));
    }
    names
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_string_lossy().into_owned()
}

#[test]
fn crates_import_only_whom_they_may() {
    let rules: BTreeMap<_, _> = MAY_IMPORT.iter().copied().collect();
    let manifests = manifests();
    for (name, manifest) in &manifests {
        let allowed = rules.get(name.as_str()).unwrap_or_else(|| panic!("{name} has no import rule"));
        for dependency in dependencies(manifest) {
            if manifests.contains_key(&dependency) {
                assert!(allowed.contains(&dependency.as_str()), "{name} may not import {dependency}");
            }
        }
    }
    assert_eq!(manifests.len(), rules.len(), "every crate has a rule and every rule a crate");
}

#[test]
fn a_controller_can_be_built_without_the_agent() {
    let harness = &manifests()["dyno"];
    assert_eq!(harness["dependencies"]["dyno-agent"]["optional"].as_bool(), Some(true));
}

#[test]
fn reports_know_no_clock_and_no_network() {
    for path in files().iter().filter(|path| path.starts_with(root().join("reports/src"))) {
        let text = fs::read_to_string(path).unwrap_or_default();
        for forbidden in ["SystemTime::now", "Instant::now", "std::net", "rand::rng()", "rand::random"] {
            assert!(!text.contains(forbidden), "{} uses {forbidden}", relative(path));
        }
    }
}

#[test]
fn the_rooms_are_the_rooms() {
    let mut rooms: Vec<_> = fs::read_dir(root())
        .unwrap()
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && !["target", "runs", "node_modules"].contains(&name.as_str()))
        .collect();
    rooms.sort();
    assert_eq!(rooms, ROOMS);
    for room in ROOMS {
        assert!(root().join(room).join("README.md").exists(), "{room}/README.md says what the room is for");
    }
}

#[test]
fn no_crate_is_called_for_being_leftovers() {
    for path in files() {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_some_and(|extension| extension == "rs") {
            assert!(
                !["common", "utils", "util", "misc", "helpers", "imp", "base"].contains(&name.as_str()),
                "{} says nothing about what is in it",
                relative(&path)
            );
        }
    }
}

#[test]
fn files_stay_small_enough_to_read() {
    for path in files().iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
        let lines = fs::read_to_string(path).unwrap().lines().count();
        assert!(lines <= 600, "{} has {lines} lines", relative(path));
    }
}

#[test]
fn source_files_say_what_they_own() {
    for path in files().iter().filter(|path| {
        path.extension().is_some_and(|extension| extension == "rs")
            && path.components().any(|part| part.as_os_str() == "src")
    }) {
        let text = fs::read_to_string(path).unwrap();
        let first = text.lines().find(|line| !line.starts_with("#!") && !line.is_empty()).unwrap_or_default();
        assert!(first.starts_with("//!"), "{} has no head comment", relative(path));
    }
}

#[test]
fn only_the_screen_and_the_scripts_print() {
    for path in files().iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
        let name = relative(path);
        let may = ["scripts/", "tests/"].iter().any(|room| name.starts_with(room))
            || ["/tests/", "/examples/", "/fuzz/"].iter().any(|part| name.contains(part));
        let text = fs::read_to_string(path).unwrap();
        for (number, line) in text.lines().enumerate() {
            let prints = ["println!(", "print!(", "eprintln!(", "eprint!("].iter().any(|print| {
                line.find(print)
                    .is_some_and(|at| !line[..at].ends_with(|before: char| before.is_alphanumeric()))
            });
            assert!(may || !prints, "{name}:{}: prints; hand it to the screen", number + 1);
        }
    }
}

#[test]
fn the_pipeline_runs_what_the_readme_says() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let pipeline = fs::read_to_string(root().join(".ci/run")).unwrap();
    let command = pipeline.lines().find_map(|line| line.strip_prefix("exec ")).unwrap();
    assert!(readme.lines().any(|line| line == command), "README.md does not give `{command}`");
}
