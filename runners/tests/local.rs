//! This machine's agent when there is none, when it dies at once, and when somebody else holds the device.
#![allow(clippy::unwrap_used, reason = "what tests share is a test")]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use dyno_runners::{DeviceLock, Local, Runner, Trouble};

fn runner(folder: &Path, program: PathBuf) -> Local {
    Local::new("local", program, folder.join("state"), folder.join("locks"))
}

fn program(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("agent");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path
}

#[test]
fn an_agent_that_is_not_there_is_said_not_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let error = runner(folder.path(), folder.path().join("nothing")).open().unwrap_err();
    assert!(matches!(&error.what, Trouble::NoAgent { program } if program.ends_with("nothing")), "{error}");
}

#[test]
fn a_file_that_cannot_be_run_would_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent");
    std::fs::write(&path, "no program").unwrap();
    let error = runner(folder.path(), path).open().unwrap_err();
    assert!(matches!(error.what, Trouble::WouldNotStart { .. }), "{error}");
}

#[test]
fn an_agent_that_dies_at_once_leaves_its_last_words_and_its_status() {
    let folder = tempfile::tempdir().unwrap();
    let path = program(folder.path(), "echo 'first words' >&2; echo 'no room on the disk' >&2; exit 3");
    let error = runner(folder.path(), path).open().unwrap_err();
    let Trouble::Died { how, log, .. } = &error.what else { panic!("{error}") };
    assert_eq!(how.as_deref(), Some("exit status: 3"));
    assert_eq!(log.last().map(String::as_str), Some("no room on the disk"));
}

#[test]
fn the_secret_is_in_the_environment_and_not_among_the_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let path = program(folder.path(), "echo \"$* / $DYNO_SECRET\" >&2; exit 1");
    let error = runner(folder.path(), path).open().unwrap_err();
    let Trouble::Died { log, .. } = &error.what else { panic!("{error}") };
    let (arguments, secret) = log[0].split_once(" / ").unwrap();
    assert!(arguments.starts_with("agent --stdio --state "), "{arguments}");
    assert_eq!(secret.len(), 64);
    assert!(!arguments.contains(secret));
}

#[test]
fn a_device_that_is_held_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let _held = DeviceLock::take(&folder.path().join("locks"), "local").unwrap();
    let error = runner(folder.path(), folder.path().join("nothing")).open().unwrap_err();
    assert!(matches!(error.what, Trouble::Locked { pid: Some(pid) } if pid == std::process::id()), "{error}");
}
