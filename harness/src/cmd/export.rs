//! `dyno export`: every number as CSV or JSON.

use anyhow::Context;
use dyno_reports::analysis::Analysis;

use crate::args::{ExportArgs, ExportFormat, Global};
use crate::exit::Exit;
use crate::screen::Screen;

pub(crate) fn run(args: &ExportArgs, global: &Global, screen: &mut Screen<'_>) -> anyhow::Result<Exit> {
    let definitions = super::definitions(global)?;
    let analysis = Analysis::of(&super::report::open(&args.runs)?, &definitions);
    match (args.format, &args.out) {
        (ExportFormat::Json, None) => {
            screen.result(&dyno_reports::export::json(&analysis, &definitions)?)?;
        }
        (ExportFormat::Json, Some(path)) => {
            let text = dyno_reports::export::json(&analysis, &definitions)?;
            std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
            screen.result(&path.display().to_string())?;
        }
        (ExportFormat::Csv, None) => anyhow::bail!("CSV is several tables: name a folder with --out"),
        (ExportFormat::Csv, Some(folder)) => {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
            for (name, text) in dyno_reports::export::csv(&analysis, &definitions)? {
                let path = folder.join(name);
                std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
                screen.result(&path.display().to_string())?;
            }
        }
    }
    Ok(Exit::Done)
}
