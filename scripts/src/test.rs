//! The whole check, in the order in which a mistake costs least.

use xshell::{Shell, cmd};

pub(crate) fn all(shell: &Shell) -> anyhow::Result<()> {
    crate::gpu::install(shell)?;
    cmd!(shell, "cargo fmt --all --check").run()?;
    cmd!(shell, "cargo clippy --workspace --all-targets --locked -- -D warnings").run()?;
    // The build that users run; it also serves the commands of the README further down.
    cmd!(shell, "cargo test --workspace --release --locked").run()?;
    cmd!(shell, "cargo check -p dyno --no-default-features --locked").run()?;
    crate::crosscheck::run_where_possible(shell)?;
    crate::browser::test(shell)?;
    crate::readme::run_commands(shell)
}
