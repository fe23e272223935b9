//! The `dyno` binary under a name of the tests' own: cargo tells a package the path of its own binaries only.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(dyno::run_process())
}
