//! `dyno import`: results of other tools, as a bundle marked third-party; or a power meter's readings, to be
//! looked at together with the run that they stand beside.

use std::path::Path;

use anyhow::Context;
use dyno_reports::bundle::{EventBody, RunStatus, Writer};
use dyno_reports::import::{detect_and_read, meter, recognise};
use dyno_suites::Definitions;

use crate::args::{Global, ImportArgs};
use crate::exit::Exit;
use crate::screen::Screen;

pub(crate) fn run(args: &ImportArgs, global: &Global, screen: &mut Screen<'_>) -> anyhow::Result<Exit> {
    let definitions = super::definitions(global)?;
    if let Some(device) = &args.meter {
        return meters(args, device, &definitions, screen);
    }
    // Everything is read before anything is written: one bad file and nothing is left half done.
    let mut imported = Vec::new();
    for file in &args.files {
        let (name, bytes) = open(file)?;
        let mut read = detect_and_read(&name, &bytes)?;
        for (_, rows) in &mut read {
            recognise(rows, &definitions);
        }
        imported.extend(read);
    }
    let folder = args.out.clone().unwrap_or_else(|| crate::folders::new_run(&jiff::Zoned::now()));
    let mut writer = Writer::create(&folder, super::run::manifest(&folder, 0), &definitions.verbatim())?;
    let rows: usize = imported.iter().map(|(_, rows)| rows.len()).sum();
    for (source, rows) in imported {
        writer.append(EventBody::Imported { source, rows })?;
    }
    writer.finish(RunStatus::Finished, &crate::clock::now_rfc3339())?;
    screen.say(&format!("{rows} rows of {} files, marked third-party", args.files.len()));
    screen.result(&folder.display().to_string())?;
    Ok(Exit::Done)
}

fn open(file: &Path) -> anyhow::Result<(String, Vec<u8>)> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok((name, bytes))
}

fn meters(
    args: &ImportArgs,
    device: &str,
    definitions: &Definitions,
    screen: &mut Screen<'_>,
) -> anyhow::Result<Exit> {
    let mut read = Vec::new();
    for file in &args.files {
        let (name, bytes) = open(file)?;
        read.push(meter(&name, &bytes, device, args.clock_offset)?);
    }
    let folder = args.out.clone().unwrap_or_else(|| crate::folders::new_run(&jiff::Zoned::now()));
    let mut writer = Writer::create(&folder, super::run::manifest(&folder, 0), &definitions.verbatim())?;
    let readings: usize = read.iter().map(|metered| metered.readings.len()).sum();
    for metered in read {
        writer.append(EventBody::Metered(Box::new(metered)))?;
    }
    writer.finish(RunStatus::Finished, &crate::clock::now_rfc3339())?;
    screen.say(&format!(
        "{readings} readings about {device}; name this folder after the run's in `dyno report`"
    ));
    screen.result(&folder.display().to_string())?;
    Ok(Exit::Done)
}
