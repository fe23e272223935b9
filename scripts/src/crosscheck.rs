//! Our engine and our number formats against independent ones from the Python package index, in an environment
//! of its own below `target/`.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use xshell::{Shell, cmd};

/// Where no package index answers, pip would ask again for minutes.
const PIP: [&str; 7] =
    ["install", "--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "20"];

/// Prints the tables; fails on a disagreement, and where the environment cannot be made.
pub(crate) fn run(shell: &Shell) -> anyhow::Result<()> {
    let python = environment(shell)?;
    compare(shell, &python)
}

/// The same, but a machine without Python or network only says so.
pub(crate) fn run_where_possible(shell: &Shell) -> anyhow::Result<()> {
    match environment(shell) {
        Ok(python) => compare(shell, &python),
        Err(why) => {
            println!("crosscheck skipped, because {why:#}");
            Ok(())
        }
    }
}

fn compare(shell: &Shell, python: &Path) -> anyhow::Result<()> {
    // The whole workspace, as the tests build it: a part of it would want other features of what it stands on.
    cmd!(shell, "cargo build --release --locked -q --workspace --bins --examples").run()?;
    let built = crate::built();
    let examples = built.join("examples");
    // Both tables, whatever the first one says.
    let weights = cmd!(shell, "{python} scripts/oracle/weights_agreement.py --built {built}").run();
    let ids = cmd!(shell, "{python} scripts/oracle/crosscheck.py --examples {examples}").run();
    weights.context("stored numbers differ")?;
    ids.context("greedy ids differ")
}

/// The Python of the environment, made anew when what it should hold has changed.
fn environment(shell: &Shell) -> anyhow::Result<PathBuf> {
    let place = crate::built().parent().context("target/ has a parent")?.join("oracle");
    let python = place.join("bin/python");
    let lists = ["scripts/oracle/requirements.txt", "scripts/oracle/requirements-bare.txt"];
    let wanted = lists.map(|list| shell.read_file(list)).into_iter().collect::<Result<String, _>>()?;
    let marker = place.join("holds.txt");
    if shell.read_file(&marker).is_ok_and(|holds| holds == wanted) {
        return Ok(python);
    }
    shell.remove_path(&place)?;
    // Sees the packages of the system, so that torch is used where it is.
    let made = cmd!(shell, "python3 -m venv --system-site-packages {place}").ignore_status().output();
    let made = made.context("python3 is missing")?;
    ensure!(made.status.success(), "python3 cannot make a virtual environment (Debian: python3-venv)");
    let [full, bare] = lists;
    let install =
        |list: &str, more: &[&str]| cmd!(shell, "{python} -m pip {PIP...} {more...} -r {list}").run();
    install(full, &[]).context("the packages could not be had")?;
    install(bare, &["--no-deps"]).context("the packages could not be had")?;
    shell.write_file(marker, wanted)?;
    Ok(python)
}
