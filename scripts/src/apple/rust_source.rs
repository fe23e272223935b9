//! The standard library's source for the nightly compiler. Rust's own servers are not everywhere to be reached, so
//! it comes from Debian's unstable suite, whose package is of the same version for a while. The system's package
//! lists stay as they are: apt is given lists of its own. When the versions part, that is said.

use std::path::{Path, PathBuf};

use anyhow::Context;
use xshell::{Shell, cmd};

/// Makes sure that the source is in place; what is in the way, where it is not.
pub(crate) fn prepare(shell: &Shell) -> anyhow::Result<Result<(), String>> {
    let Ok(sysroot) = cmd!(shell, "rustc +nightly --print sysroot").quiet().ignore_stderr().read() else {
        return Ok(Err(
            "there is no nightly compiler; `rustup toolchain install nightly` brings one".to_owned()
        ));
    };
    let place = Path::new(sysroot.trim()).join("lib/rustlib/src/rust");
    if place.join("library/std/Cargo.toml").exists() {
        return Ok(Ok(()));
    }
    if cmd!(shell, "which apt-get").quiet().ignore_stdout().ignore_stderr().run().is_err() {
        return Ok(Err(
            "the standard library's source is missing; `rustup component add rust-src --toolchain nightly` brings it"
                .to_owned(),
        ));
    }
    let version = cmd!(shell, "rustc +nightly --version").quiet().read()?;
    let Some(wanted) = minor(&version) else {
        return Ok(Err(format!("`{version}` is no version of the compiler")));
    };
    let desk = crate::root().join("target/apple/rust-source");
    let apt = Apt::new(shell, &desk)?;
    if apt.run(shell, "apt-get", &["-qq", "update"]).is_err() {
        return Ok(Err("Debian's unstable suite cannot be reached".to_owned()));
    }
    let policy = apt.run(shell, "apt-cache", &["policy", "rust-src"])?;
    let candidate = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate: ")).unwrap_or("none");
    if !candidate.starts_with(&format!("{wanted}.")) {
        return Ok(Err(format!(
            "Debian's unstable suite has rust-src {candidate}, and the nightly compiler is {wanted}: a nightly of the \
             same version as that package, or rustup's own component, brings them together again"
        )));
    }
    let _there = shell.push_dir(&desk);
    if apt.run(shell, "apt-get", &["-qq", "download", "rust-src"]).is_err() {
        return Ok(Err("rust-src could not be fetched from Debian's unstable suite".to_owned()));
    }
    let is_package = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "deb");
    let package = shell.read_dir(&desk)?.into_iter().find(is_package).context("apt left no package")?;
    cmd!(shell, "dpkg -x {package} unpacked").quiet().run()?;
    let versions = shell.read_dir(desk.join("unpacked/usr/src"))?;
    let source = versions
        .iter()
        .find(|path| path.join("library/std/Cargo.toml").exists())
        .context("the package holds no standard library")?;
    shell.create_dir(place.parent().context("a sysroot has folders")?)?;
    cmd!(shell, "ln -sfn {source} {place}").quiet().run()?;
    Ok(Ok(()))
}

/// `1.97` of `rustc 1.97.0-nightly (...)`.
fn minor(version: &str) -> Option<String> {
    let number = version.split_whitespace().nth(1)?;
    let mut parts = number.split('.');
    Some(format!("{}.{}", parts.next()?, parts.next()?))
}

/// apt with lists and caches of its own, from the mirror that this machine uses already.
struct Apt {
    options: Vec<String>,
}

impl Apt {
    fn new(shell: &Shell, desk: &Path) -> anyhow::Result<Self> {
        let folder = |name: &str| shell.create_dir(desk.join(name));
        let (lists, cache) = (folder("lists")?, folder("cache")?);
        folder("lists/partial")?;
        folder("cache/archives/partial")?;
        let sources = desk.join("unstable.list");
        shell.write_file(&sources, format!("deb {} sid main\n", mirror(shell)))?;
        let option = |key: &str, value: &Path| format!("-o{key}={}", value.display());
        let options = vec![
            option("Dir::Etc::sourcelist", &sources),
            "-oDir::Etc::sourceparts=-".to_owned(),
            option("Dir::State::lists", &lists),
            option("Dir::Cache", &cache),
            "-oAcquire::Languages=none".to_owned(),
            "-oAPT::Sandbox::User=".to_owned(),
        ];
        Ok(Self { options })
    }

    fn run(&self, shell: &Shell, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
        let options = &self.options;
        Ok(cmd!(shell, "{program} {options...} {arguments...}").quiet().ignore_stderr().read()?)
    }
}

/// The address that this machine's own Debian sources name.
fn mirror(shell: &Shell) -> String {
    let files = ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"];
    let mut texts = files.iter().filter_map(|file| shell.read_file(file).ok());
    let address = |text: String| {
        text.split_whitespace()
            .find(|word| word.starts_with("http") && word.trim_end_matches('/').ends_with("/debian"))
            .map(str::to_owned)
    };
    texts.find_map(address).unwrap_or_else(|| "http://deb.debian.org/debian".to_owned())
}

#[cfg(test)]
mod tests {
    use super::minor;

    #[test]
    fn the_version_that_must_agree_is_the_first_two_parts() {
        assert_eq!(minor("rustc 1.97.0-nightly (e50aa6fba 2026-05-19)").as_deref(), Some("1.97"));
        assert_eq!(minor("rustc"), None);
    }
}
