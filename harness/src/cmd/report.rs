//! `dyno report`: the page, made from bundles alone.

use std::path::{Path, PathBuf};

use anyhow::Context;
use dyno_reports::analysis::Analysis;
use dyno_reports::bundle::Bundle;
use dyno_reports::compare::Comparison;
use dyno_reports::page::{IndexEntry, render_index};
use dyno_suites::Definitions;

use crate::args::{Global, ReportArgs};
use crate::exit::Exit;
use crate::screen::Screen;

pub(crate) fn run(args: &ReportArgs, global: &Global, screen: &mut Screen<'_>) -> anyhow::Result<Exit> {
    let definitions = super::definitions(global)?;
    let page = match &args.out {
        Some(out) if args.index => write_index(&args.runs, out, &definitions)?,
        out => write_page(&args.runs, out.as_deref(), &definitions)?.0,
    };
    screen.result(&page.display().to_string())?;
    Ok(Exit::Done)
}

pub(crate) fn open(runs: &[PathBuf]) -> anyhow::Result<Vec<Bundle>> {
    runs.iter().map(|run| Ok(Bundle::open(run)?)).collect()
}

/// An index over the runs' own reports, which are made anew. From another folder they are linked by full path.
fn write_index(runs: &[PathBuf], out: &Path, definitions: &Definitions) -> anyhow::Result<PathBuf> {
    let beside = out.parent().is_none_or(|folder| folder.as_os_str().is_empty());
    let mut entries = Vec::new();
    for run in runs {
        let (page, analysis) = write_page(std::slice::from_ref(run), None, definitions)?;
        let title = run
            .file_name()
            .map_or_else(|| run.display().to_string(), |name| name.to_string_lossy().into_owned());
        let link = if beside { page } else { std::path::absolute(&page)? };
        entries.push(IndexEntry::of(&analysis, link.display().to_string(), title));
    }
    let html = render_index("Dyno reports", &entries)?;
    std::fs::write(out, html).with_context(|| format!("cannot write {}", out.display()))?;
    Ok(out.to_owned())
}

/// The page of runs with a comparison that was made of them.
pub(crate) fn write_comparison(
    runs: &[PathBuf],
    out: &Path,
    comparison: &Comparison,
    definitions: &Definitions,
) -> anyhow::Result<()> {
    let mut analysis = Analysis::of(&open(runs)?, definitions);
    analysis.comparison = Some(comparison.clone());
    let html =
        dyno_reports::page::render(&analysis, definitions, &dyno_reports::page::PageOptions::default())?;
    std::fs::write(out, html).with_context(|| format!("cannot write {}", out.display()))
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
