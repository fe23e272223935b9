//! `dyno models`: the catalogue; make, convert and check checkpoints.

use dyno_suites::{Weights, WeightsKind, Words};

use crate::args::{Global, ModelsArgs, ModelsCommand};
use crate::exit::Exit;
use crate::screen::{Screen, table};

pub(crate) fn run(args: &ModelsArgs, global: &Global, screen: &mut Screen<'_>) -> anyhow::Result<Exit> {
    match &args.command {
        ModelsCommand::List { json } => list(*json, global, screen),
        #[cfg(feature = "local-agent")]
        ModelsCommand::Quantize { checkpoint, to, out } => {
            super::checkpoints::quantize(checkpoint, to, out, screen)
        }
        #[cfg(feature = "local-agent")]
        ModelsCommand::Synth { shape, format, seed, out } => {
            super::checkpoints::synth(shape, format, *seed, out, screen)
        }
        #[cfg(feature = "local-agent")]
        ModelsCommand::Verify { checkpoint, json } => super::checkpoints::verify(checkpoint, *json, screen),
        #[cfg(feature = "local-agent")]
        ModelsCommand::Check { checkpoint, reference, json } => {
            super::checkpoints::check(checkpoint, reference, *json, screen)
        }
    }
}

fn list(json: bool, global: &Global, screen: &mut Screen<'_>) -> anyhow::Result<Exit> {
    let definitions = super::definitions(global)?;
    if json {
        let shown = serde_json::json!({ "models": definitions.models(), "quants": definitions.quants() });
        screen.result(&serde_json::to_string_pretty(&shown)?)?;
        return Ok(Exit::Done);
    }
    let rows: Vec<_> = definitions
        .models()
        .iter()
        .map(|model| {
            let total = model.parameters.map_or_else(|| "unknown".to_owned(), |count| size(count.total()));
            let from = match &model.weights {
                Weights::Checkpoint => WeightsKind::Checkpoint,
                Weights::Embedded { .. } => WeightsKind::Embedded,
                Weights::Synthetic { .. } => WeightsKind::Synthetic,
            };
            vec![model.id.clone(), model.title.clone(), total, from.word().to_owned()]
        })
        .collect();
    let mut text = table(&["model", "title", "parameters", "weights"], &rows);
    let rows: Vec<_> = definitions
        .quants()
        .iter()
        .map(|quant| {
            let bits = quant.bits_per_weight.map_or_else(|| "varies".to_owned(), |bits| format!("{bits}"));
            vec![quant.id.clone(), quant.title.clone(), bits]
        })
        .collect();
    text.push('\n');
    text.push_str(&table(&["quant", "title", "bits a weight"], &rows));
    screen.result(&text)?;
    Ok(Exit::Done)
}

fn size(parameters: u64) -> String {
    match parameters {
        1_000_000_000.. => format!("{:.2} B", parameters as f64 / 1e9),
        1_000_000.. => format!("{:.2} M", parameters as f64 / 1e6),
        _ => parameters.to_string(),
    }
}
