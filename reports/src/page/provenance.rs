//! Where everything came from: runs, devices, builds, definitions and models, down to their hashes.

use std::collections::BTreeSet;

use dyno_protocol::{BuildProfile, DeviceKind};
use serde::Serialize;

use crate::analysis::{Analysis, RunRow, SessionRow};
use crate::bundle::RunStatus;
use crate::readable;

use super::columns::{badge, shell_word};
use super::ledger::Places;
use super::table::{Column, Entry, Table};
use super::trials::known;

#[derive(Debug, Serialize)]
pub(super) struct Provenance {
    runs: Vec<Run>,
    sessions: Vec<Session>,
    models: Option<Table>,
}

#[derive(Debug, Serialize)]
struct Run {
    id: String,
    status: &'static str,
    command: String,
    events_href: String,
    facts: Vec<(String, String)>,
    definitions: Vec<(String, String)>,
    defects: Vec<String>,
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Session {
    title: String,
    badge: String,
    facts: Vec<(String, String)>,
    engines: Vec<String>,
    sensors: Option<Table>,
    /// What the probes say of the device between start and end.
    anchors: Vec<String>,
    waits: Option<Table>,
    ended_with: String,
}

pub(super) fn view(analysis: &Analysis, places: &Places<'_>) -> Provenance {
    Provenance {
        runs: analysis.runs.iter().map(|run| run_view(run, places)).collect(),
        sessions: analysis
            .sessions
            .iter()
            .enumerate()
            .map(|(index, session)| session_view(index, session))
            .collect(),
        models: models(analysis),
    }
}

fn run_view(run: &RunRow, places: &Places<'_>) -> Run {
    let manifest = &run.manifest;
    let tool = &manifest.tool;
    let build = if tool.debug_build { "debug build" } else { "release build" };
    let binary = tool.binary_sha256.as_deref().unwrap_or("not recorded");
    let facts = [
        ("Dyno", format!("{}, {build}", tool.version)),
        ("Binary, SHA-256", binary.to_owned()),
        (
            "Host",
            format!("{} {}, {} cores", manifest.host.os, manifest.host.arch, manifest.host.logical_cores),
        ),
        ("Seed", manifest.seed.to_string()),
        ("Started", manifest.started_at.clone()),
        ("Ended", manifest.ended_at.clone().unwrap_or_else(|| "not recorded".to_owned())),
        ("Events, SHA-256", run.events_sha256.clone()),
        ("Bundle format", manifest.format.to_string()),
    ];
    Run {
        id: manifest.run_id.clone(),
        status: match manifest.status {
            RunStatus::Started => "unfinished",
            RunStatus::Finished => "finished",
            RunStatus::Interrupted => "interrupted",
        },
        command: manifest.command.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" "),
        events_href: places.events_file(&manifest.run_id),
        facts: facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        definitions: manifest.definitions.clone().into_iter().collect(),
        defects: run.defects.clone(),
        notes: run.notes.clone(),
    }
}

fn session_view(index: usize, session: &SessionRow) -> Session {
    let facts = &session.facts;
    let text = |value: &dyno_protocol::Known<String>| known(value, Clone::clone);
    let profile = match facts.build.profile {
        BuildProfile::Release => "release",
        BuildProfile::Debug => "debug",
    };
    let listed = [
        ("Kind", kind_word(facts.kind).to_owned()),
        ("Model", format!("{}, {}", text(&facts.marketing_name), text(&facts.model_identifier))),
        ("Chip", text(&facts.chip)),
        ("Cores", facts.logical_cores.to_string()),
        ("Memory", known(&facts.memory_bytes, |bytes| readable::bytes(*bytes))),
        ("System", format!("{} {}", facts.os_name, text(&facts.os_version))),
        ("OS build", text(&facts.os_build)),
        ("Agent", format!("{} {profile} for {}", facts.build.version, facts.build.target)),
        ("Agent binary, SHA-256", text(&facts.build.binary_sha256)),
        ("Device id", facts.device_id.clone()),
        ("Reached by", session.runner.clone()),
        ("Began", session.began_at.clone()),
    ];
    Session {
        title: format!("{} \u{b7} session {}", session.device, session.session.0),
        badge: badge(session.evidence),
        facts: listed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        engines: facts.engines.iter().map(|engine| format!("{} {}", engine.name, engine.version)).collect(),
        sensors: sensors(index, session),
        anchors: anchors(session),
        waits: waits(index, session),
        ended_with: session.ended_with.clone().unwrap_or_default(),
    }
}

fn kind_word(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Iphone => "iPhone",
        DeviceKind::Ipad => "iPad",
        DeviceKind::Mac => "Mac",
        DeviceKind::Linux => "Linux machine",
        DeviceKind::Simulated => "simulated device: evidence about nothing real",
        DeviceKind::AppleSimulator => "Apple's simulator: a Mac under a phone's name",
    }
}

/// The probe at both ends, or why there is nothing to compare.
fn anchors(session: &SessionRow) -> Vec<String> {
    let rate = |rate: f64| format!("{} token/s", readable::number(rate, readable::decimals_for(rate)));
    let drifts = session.drifts.iter().map(|drift| {
        let (from, to) = (rate(drift.from), rate(drift.to));
        let share = readable::number(drift.share() * 100.0, 1);
        format!("Probe of {}: {from} at the start, {to} at the end ({share} %).", drift.what)
    });
    let failed = session.probes.iter().filter(|probe| probe.rate.is_none()).map(|probe| {
        let why = probe.failure.as_deref().unwrap_or("its stamps give no rate");
        format!("A probe of {} gave nothing: {why}.", probe.what)
    });
    drifts.chain(failed).collect()
}

fn waits(index: usize, session: &SessionRow) -> Option<Table> {
    if session.waits.is_empty() {
        return None;
    }
    let columns = vec![Column::words("Waited for"), Column::number("Time", "s"), Column::words("Came")];
    let rows = session
        .waits
        .iter()
        .map(|wait| {
            let seconds = wait.waited_ns as f64 / 1e9;
            vec![
                Entry::words(&wait.what),
                Entry::number(readable::number(seconds, 0), seconds),
                Entry::words(if wait.reached { "yes" } else { "no, its time was over" }),
            ]
        })
        .collect();
    Some(Table::whole(&format!("waits-{index}"), "Gates and cool-downs of this session", columns, rows))
}

fn sensors(index: usize, session: &SessionRow) -> Option<Table> {
    if session.sensors.is_empty() {
        return None;
    }
    let mut columns = vec![Column::words("Sensor"), Column::words("Source"), Column::number("Readings", "")];
    columns.extend(["First", "Lowest", "Highest", "Last"].map(|label| Column::number(label, "")));
    let rows = session
        .sensors
        .iter()
        .map(|sensor| {
            let mut row = vec![
                Entry::code(&sensor.name),
                Entry::code(&sensor.source),
                Entry::number(sensor.samples.to_string(), f64::from(sensor.samples)),
            ];
            let decimals = readable::decimals_for(sensor.highest);
            row.extend(
                [sensor.first, sensor.lowest, sensor.highest, sensor.last]
                    .map(|value| Entry::number(readable::number(value, decimals), value)),
            );
            row
        })
        .collect();
    Some(Table::whole(&format!("sensors-{index}"), "Sensors", columns, rows))
}

/// Every model file that a number stands on.
fn models(analysis: &Analysis) -> Option<Table> {
    let mut found: BTreeSet<(&str, &str, &str, &str)> = BTreeSet::new();
    for row in &analysis.trials {
        let Some(attempt) = &row.attempt else { continue };
        let Some(hash) = &attempt.model_sha256 else { continue };
        found.insert((
            &row.cell.model,
            &row.cell.quant,
            attempt.format.as_deref().unwrap_or("not stated"),
            hash,
        ));
    }
    if found.is_empty() {
        return None;
    }
    let columns = ["Model", "Weights", "Format", "SHA-256"].into_iter().map(Column::words).collect();
    let rows = found
        .into_iter()
        .map(|(model, quant, format, hash)| {
            vec![Entry::words(model), Entry::words(quant), Entry::words(format), Entry::code(hash)]
        })
        .collect();
    Some(Table::whole("models", "Models that were loaded", columns, rows))
}
