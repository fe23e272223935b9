//! The whole check, in the order in which a mistake costs least.

use xshell::{Shell, cmd};

pub(crate) fn all(shell: &Shell) -> anyhow::Result<()> {
    cmd!(shell, "cargo fmt --all --check").run()?;
    // One profile for everything: what users run, what is linted and what is tested share one set of dependencies.
    cmd!(shell, "cargo clippy --release --workspace --all-targets --locked -- -D warnings").run()?;
    cmd!(shell, "cargo test --release --workspace --locked").run()?;
    cmd!(shell, "cargo check --release -p dyno --no-default-features --locked").run()?;
    crate::browser::test(shell)?;
    crate::readme::run_commands(shell)
}
