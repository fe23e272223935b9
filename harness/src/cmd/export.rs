//! `dyno export`: every number as CSV or JSON.

use anyhow::Context;
use dyno_reports::analysis::Analysis;
use dyno_reports::export::{csv, json, tables};

use crate::args::{ExportArgs, ExportFormat, Global};
use crate::exit::Exit;
use crate::screen::Screen;

pub(crate) fn run(args: &ExportArgs, global: &Global, screen: &mut Screen<'_>) -> anyhow::Result<Exit> {
    let definitions = super::definitions(global)?;
    let analysis = Analysis::of(&super::report::open(&args.runs)?, &definitions);
    let tables = tables(&analysis, &definitions);
    match (args.format, &args.out) {
        (ExportFormat::Json, None) => screen.result(&json(&tables)?)?,
        (ExportFormat::Json, Some(path)) => {
            std::fs::write(path, json(&tables)?)
                .with_context(|| format!("cannot write {}", path.display()))?;
            screen.result(&path.display().to_string())?;
        }
        (ExportFormat::Csv, None) => anyhow::bail!("CSV is several tables: name a folder with --out"),
        (ExportFormat::Csv, Some(folder)) => {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
            for table in &tables {
                let path = folder.join(table.name).with_extension("csv");
                std::fs::write(&path, csv(table)?)
                    .with_context(|| format!("cannot write {}", path.display()))?;
                screen.result(&path.display().to_string())?;
            }
        }
    }
    Ok(Exit::Done)
}
