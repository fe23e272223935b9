//! `dyno devices`: what can be reached, with facts.

use dyno_protocol::{DeviceFacts, Known};

use crate::args::DevicesArgs;
use crate::devices::{Devices, LOCAL};
use crate::exit::Exit;
use crate::screen::{Screen, table};

pub(crate) fn run(args: &DevicesArgs, screen: &mut Screen<'_>) -> anyhow::Result<Exit> {
    let mut devices = Devices::of_names(&[LOCAL.to_owned()])?;
    let offers = super::run::offers(&mut devices)?;
    if args.json {
        let shown: Vec<_> = offers
            .iter()
            .map(|offer| serde_json::json!({ "device": offer.device, "facts": offer.facts }))
            .collect();
        screen.result(&serde_json::to_string_pretty(&shown)?)?;
        return Ok(Exit::Done);
    }
    let rows: Vec<_> = offers.iter().map(|offer| row(&offer.device, &offer.facts)).collect();
    screen.result(&table(
        &["device", "name", "chip", "cores", "memory", "system", "agent", "engines"],
        &rows,
    ))?;
    Ok(Exit::Done)
}

fn row(device: &str, facts: &DeviceFacts) -> Vec<String> {
    let text = |known: &Known<String>| known.value().cloned().unwrap_or_else(|| "unknown".to_owned());
    let memory = facts.memory_bytes.value().map_or_else(
        || "unknown".to_owned(),
        |bytes| format!("{:.1} GiB", *bytes as f64 / (1_u64 << 30) as f64),
    );
    let engines: Vec<_> = facts.engines.iter().map(|engine| engine.name.as_str()).collect();
    vec![
        device.to_owned(),
        facts.name.clone(),
        text(&facts.chip),
        facts.logical_cores.to_string(),
        memory,
        format!("{} {}", facts.os_name, text(&facts.os_version)),
        facts.build.version.clone(),
        engines.join(", "),
    ]
}
