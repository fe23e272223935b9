//! The README's commands, run as they are written there.

use anyhow::{Context, ensure};
use xshell::{Shell, cmd};

/// The first line of the README's first `sh` block.
fn main_command(readme: &str) -> Option<&str> {
    readme.split("```sh\n").nth(1)?.lines().next()
}

/// The lines of every `console` block: the tour.
fn tour(readme: &str) -> impl Iterator<Item = &str> {
    let blocks = readme.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines)
}

pub(crate) fn run_commands(shell: &Shell) -> anyhow::Result<()> {
    let readme = shell.read_file("README.md")?;
    let command = main_command(&readme).context("README.md has no `sh` block")?;
    println!("$ {command}");
    cmd!(shell, "sh -c {command}").run().context("the README's main command failed")?;

    let path = std::env::join_paths(
        std::iter::once(crate::built())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    )?;
    let desk = shell.create_temp_dir()?;
    let _there = shell.push_dir(desk.path());
    let _path = shell.push_env("PATH", path);
    for command in tour(&readme) {
        println!("$ {command}");
        let output = cmd!(shell, "sh -c {command}").ignore_status().output()?;
        print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        // A claim that cannot be told on this machine is an answer, not a failure.
        let code = output.status.code();
        ensure!(matches!(code, Some(0 | 3)), "`{command}` of the README's tour ended with {code:?}");
    }
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
