//! `dyno devices`: what can be reached, with facts.

use dyno_protocol::{DeviceFacts, Known, SimulatedProfile};

use crate::args::{DevicesArgs, Global};
use crate::devices::{Devices, LOCAL};
use crate::exit::Exit;
use crate::screen::{Screen, table};

pub(crate) fn run(args: &DevicesArgs, global: &Global, screen: &mut Screen<'_>) -> anyhow::Result<Exit> {
    let definitions = super::definitions(global)?;
    let mut devices = Devices::of_names(&[LOCAL.to_owned()], &definitions, 0)?;
    let offers = super::run::offers(&mut devices, None)?;
    // Simulated devices are there for the asking; what each is a model of stands in its definition.
    let simulated = definitions.simulated_devices();
    if args.json {
        let real =
            offers.iter().map(|offer| serde_json::json!({ "device": offer.device, "facts": offer.facts }));
        let played =
            simulated.iter().map(|profile| serde_json::json!({ "device": profile.id, "simulated": profile }));
        let shown: Vec<_> = real.chain(played).collect();
        screen.result(&serde_json::to_string_pretty(&shown)?)?;
        return Ok(Exit::Done);
    }
    let mut rows: Vec<_> = offers.iter().map(|offer| row(&offer.device, &offer.facts)).collect();
    rows.extend(simulated.iter().map(simulated_row));
    screen.result(&table(
        &["device", "name", "chip", "cores", "memory", "system", "agent", "engines"],
        &rows,
    ))?;
    Ok(Exit::Done)
}

fn row(device: &str, facts: &DeviceFacts) -> Vec<String> {
    let text = |known: &Known<String>| known.value().cloned().unwrap_or_else(|| "unknown".to_owned());
    let memory = facts.memory_bytes.value().map_or_else(|| "unknown".to_owned(), |bytes| gibibytes(*bytes));
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

fn simulated_row(profile: &SimulatedProfile) -> Vec<String> {
    let engines: Vec<_> = profile.engines.iter().map(|engine| engine.id.as_str()).collect();
    vec![
        profile.id.clone(),
        profile.title.clone(),
        "simulated".to_owned(),
        profile.cores.to_string(),
        gibibytes(profile.memory_bytes),
        format!("{} {}", profile.os_name, profile.os_version),
        "simulated".to_owned(),
        engines.join(", "),
    ]
}

fn gibibytes(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / (1_u64 << 30) as f64)
}
