//! The README's main command, run as it is written there.

use anyhow::Context;
use xshell::{Shell, cmd};

/// The first line of the README's first `sh` block.
fn main_command(readme: &str) -> Option<&str> {
    readme.split("```sh\n").nth(1)?.lines().next()
}

pub(crate) fn run_main_command(shell: &Shell) -> anyhow::Result<()> {
    let readme = shell.read_file("README.md")?;
    let command = main_command(&readme).context("README.md has no `sh` block")?;
    println!("$ {command}");
    cmd!(shell, "sh -c {command}").run().context("the README's main command failed")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::main_command;

    #[test]
    fn the_first_shell_block_is_the_main_command() {
        assert_eq!(main_command("# A\n```sh\ncargo run\nmore\n```\n"), Some("cargo run"));
        assert_eq!(main_command("# A\n"), None);
    }
}
