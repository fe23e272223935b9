//! `dyno report`: the page, made from bundles alone.

use std::path::{Path, PathBuf};

use anyhow::Context;
use dyno_reports::analysis::Analysis;
use dyno_reports::bundle::Bundle;
use dyno_suites::Definitions;

use crate::args::{Global, ReportArgs};
use crate::exit::Exit;
use crate::screen::Screen;

pub(crate) fn run(args: &ReportArgs, global: &Global, screen: &mut Screen<'_>) -> anyhow::Result<Exit> {
    let definitions = super::definitions(global)?;
    let (page, _) = write_page(&args.runs, args.out.as_deref(), &definitions)?;
    screen.result(&page.display().to_string())?;
    Ok(Exit::Done)
}

pub(crate) fn open(runs: &[PathBuf]) -> anyhow::Result<Vec<Bundle>> {
    runs.iter().map(|run| Ok(Bundle::open(run)?)).collect()
}

/// Renders runs into `out`, or into the first run's own folder.
pub(crate) fn write_page(
    runs: &[PathBuf],
    out: Option<&Path>,
    definitions: &Definitions,
) -> anyhow::Result<(PathBuf, Analysis)> {
    let analysis = Analysis::of(&open(runs)?, definitions);
    let page = match (out, runs.first()) {
        (Some(out), _) => out.to_owned(),
        (None, Some(first)) => first.join("report").join("index.html"),
        (None, None) => anyhow::bail!("no run was named"),
    };
    let html =
        dyno_reports::page::render(&analysis, definitions, &dyno_reports::page::PageOptions::default())?;
    if let Some(folder) = page.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    std::fs::write(&page, html).with_context(|| format!("cannot write {}", page.display()))?;
    Ok((page, analysis))
}
