//! Programs that the tests need and a fresh machine lacks, by their Debian package names.

use anyhow::{Context, bail};
use xshell::{Shell, cmd};

/// Makes sure that a program is there, installing its package where this machine allows it.
pub(crate) fn ensure(shell: &Shell, program: &str, package: &str) -> anyhow::Result<()> {
    if is_there(shell, program) {
        return Ok(());
    }
    self::package(shell, package).with_context(|| format!("`{program}` is missing"))
}

/// Installs a package where this machine allows it.
pub(crate) fn package(shell: &Shell, package: &str) -> anyhow::Result<()> {
    if !is_there(shell, "apt-get") {
        bail!("install it with your system's packages (Debian calls it {package})");
    }
    let (sudo, update): (&[&str], _) =
        if cmd!(shell, "id -u").quiet().read()? == "0" { (&[], "update") } else { (&["sudo"], "update") };
    let apt = |arguments: &[&str]| {
        let words: Vec<&str> =
            sudo.iter().copied().chain(["apt-get"]).chain(arguments.iter().copied()).collect();
        let (program, rest) = words.split_first().expect("it holds at least apt-get");
        cmd!(shell, "{program} {rest...}").env("DEBIAN_FRONTEND", "noninteractive").run()
    };
    apt(&["-qq", update])?;
    apt(&["install", "-qq", "-y", "--no-install-recommends", package])
        .with_context(|| format!("the package {package} could not be installed"))
}

fn is_there(shell: &Shell, program: &str) -> bool {
    cmd!(shell, "which {program}").quiet().ignore_stdout().ignore_stderr().run().is_ok()
}
