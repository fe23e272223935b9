//! The page as a person meets it: headless Chromium, a keyboard, a small screen, no network.

use xshell::{Shell, cmd};

pub(crate) fn test(shell: &Shell) -> anyhow::Result<()> {
    crate::install::ensure(shell, "chromium", "chromium")?;
    crate::install::ensure(shell, "node", "nodejs")?;
    crate::install::ensure(shell, "npm", "npm")?;
    let _folder = shell.push_dir("tests/browser");
    cmd!(shell, "npm ci --no-audit --no-fund --silent").run()?;
    cmd!(shell, "npm test --silent").run()?;
    Ok(())
}
