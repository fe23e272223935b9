//! `dyno models quantize, synth, verify, check`: work on checkpoints of this machine.

use std::path::Path;

use dyno_agent::check::Outcome;
use dyno_agent::weights::{Checkpoint, Progress, shapes, write_synthetic};

use crate::convert::{format_of, write_quantized};
use crate::exit::Exit;
use crate::screen::{Screen, table};

pub(crate) fn quantize(
    checkpoint: &Path,
    to: &str,
    out: &Path,
    screen: &mut Screen<'_>,
) -> anyhow::Result<Exit> {
    let format = format_of(to)?;
    let opened = Checkpoint::open(checkpoint)?;
    let path = with_progress(screen, |progress| write_quantized(&opened, format, out, progress))?;
    screen.result(&path.display().to_string())?;
    Ok(Exit::Done)
}

pub(crate) fn synth(
    shape: &str,
    format: &str,
    seed: u64,
    out: &Path,
    screen: &mut Screen<'_>,
) -> anyhow::Result<Exit> {
    let config = shapes::config(shape).ok_or_else(|| {
        anyhow::anyhow!("there is no shape `{shape}`; the shapes are: {}", shapes::sizes().join(", "))
    })?;
    let made = Checkpoint::synthetic(&config, seed, format_of(format)?)?;
    let path = with_progress(screen, |progress| Ok(write_synthetic(&made, out, progress)?.path))?;
    screen.say("the weights are made from a seed: they have the model's speed and none of its knowledge");
    screen.result(&path.display().to_string())?;
    Ok(Exit::Done)
}

fn with_progress<T>(
    screen: &mut Screen<'_>,
    work: impl FnOnce(&mut dyn FnMut(Progress<'_>)) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    screen.begin_bytes();
    let done = work(&mut |progress| {
        screen.bytes(progress.done_bytes, progress.total_bytes, progress.tensor);
    });
    screen.end();
    done
}

pub(crate) fn verify(checkpoint: &Path, json: bool, screen: &mut Screen<'_>) -> anyhow::Result<Exit> {
    let opened = Checkpoint::open(checkpoint)?;
    let sha256 = opened.sha256()?;
    let tensors = opened.names().count();
    if json {
        let shown = serde_json::json!({
            "path": checkpoint, "container": format!("{:?}", opened.container()).to_lowercase(),
            "tensors": tensors, "sha256": sha256,
        });
        screen.result(&serde_json::to_string_pretty(&shown)?)?;
    } else {
        screen.result(&format!(
            "{}: {:?}, {tensors} tensors, every header in order\nsha256 {sha256}",
            checkpoint.display(),
            opened.container()
        ))?;
    }
    Ok(Exit::Done)
}

pub(crate) fn check(
    checkpoint: &Path,
    reference: &Path,
    json: bool,
    screen: &mut Screen<'_>,
) -> anyhow::Result<Exit> {
    let opened = Checkpoint::open(checkpoint)?;
    let report = dyno_agent::check_on_cpu(&opened, reference)?;
    let exit = if report.passed() { Exit::Done } else { Exit::Fails };
    if json {
        let rows: Vec<_> = report
            .comparisons()
            .map(|(part, one)| {
                serde_json::json!({
                    "part": part.file_name(), "what": one.what, "largest": one.largest, "gate": one.gate,
                    "argmax_differs_at": one.argmax_differs, "passed": one.passed(),
                })
            })
            .collect();
        screen.result(&serde_json::to_string_pretty(
            &serde_json::json!({ "passed": report.passed(), "rows": rows }),
        )?)?;
        return Ok(exit);
    }
    let rows: Vec<Vec<String>> = report
        .comparisons()
        .map(|(part, one)| {
            vec![
                part.file_name().to_owned(),
                one.what.clone(),
                format!("{:.1e}", one.largest),
                format!("{:.0e}", one.gate),
                if one.passed() { "equal" } else { "differs" }.to_owned(),
            ]
        })
        .collect();
    let mut text = table(&["reference", "what", "largest difference", "gate", "verdict"], &rows);
    for (part, outcome) in &report.parts {
        if matches!(outcome, Outcome::Absent) {
            text.push_str(&format!("{}: absent, not compared\n", part.file_name()));
        }
    }
    text.push_str(if report.passed() { "holds\n" } else { "fails\n" });
    screen.result(&text)?;
    Ok(exit)
}
