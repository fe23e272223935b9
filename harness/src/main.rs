//! The `dyno` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(dyno::run_process())
}
