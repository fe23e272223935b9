//! The whole check, in the order in which a mistake costs least.

use xshell::{Shell, cmd};

pub(crate) fn all(shell: &Shell) -> anyhow::Result<()> {
    crate::gpu::install(shell)?;
    // Holds JUnit XML to its schema.
    crate::install::ensure(shell, "xmllint", "libxml2-utils")?;
    cmd!(shell, "cargo fmt --all --check").run()?;
    // One profile for everything: what users run, what is linted and what is tested share one set of dependencies.
    cmd!(shell, "cargo clippy --release --workspace --all-targets --locked -- -D warnings").run()?;
    cmd!(shell, "cargo test --release --workspace --locked").run()?;
    cmd!(shell, "cargo check --release -p dyno --no-default-features --locked").run()?;
    crate::crosscheck::run_where_possible(shell)?;
    crate::browser::test(shell)?;
    crate::readme::run_commands(shell)
}
