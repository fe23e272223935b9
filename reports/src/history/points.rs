//! What a run adds to the history: the mean of every metric of every cell in every session.

use std::collections::BTreeMap;

use dyno_suites::Definitions;

use super::epochs::Grounds;
use crate::bundle::{Bundle, SessionStart};
use crate::cell::Cell;
use crate::derive::{self, Judged, Replay};
use crate::evidence::Evidence;
use crate::stats::{Fit, Placed};

#[derive(Debug, Clone, PartialEq)]
pub struct SessionPoint {
    pub session: String,
    pub at: String,
    /// Without its side: the base of a comparison is a point of its own build's history.
    pub cell: Cell,
    pub metric: String,
    pub evidence: Evidence,
    pub build: String,
    pub version: String,
    pub model_sha256: Option<String>,
    pub grounds: Grounds,
    pub value: f64,
    /// One value for each trial.
    pub trials: Vec<f64>,
}

/// A sensor of this name says what a battery can still hold, as a share of what it held when new.
const HEALTH_SENSOR: &str = "battery_health_percent";

/// In the order of sessions, cells and metrics. Only valid trials count.
pub fn points_of(bundle: &Bundle, definitions: &Definitions) -> Vec<SessionPoint> {
    let replay = Replay::of(bundle);
    let runs = derive::judge_run(&replay, definitions, &replay.meters);
    let mut groups: BTreeMap<(&str, Cell, Evidence), Vec<&Judged<'_>>> = BTreeMap::new();
    for (_, attempts) in &runs {
        let Some(one) = attempts.iter().rev().find(|one| one.is_valid()) else { continue };
        let Some((session, evidence)) = one.attempted.session.zip(one.evidence) else { continue };
        let cell = Cell { side: None, ..one.cell().clone() };
        groups.entry((&session.start.session.0, cell, evidence)).or_default().push(one);
    }
    groups.into_iter().flat_map(|((_, cell, evidence), trials)| of_group(&cell, evidence, &trials)).collect()
}

fn of_group(cell: &Cell, evidence: Evidence, trials: &[&Judged<'_>]) -> Vec<SessionPoint> {
    let Some(first) = trials.first() else { return Vec::new() };
    let Some((session, identity)) = first.attempted.session.zip(first.identity.as_ref()) else {
        return Vec::new();
    };
    let start = session.start;
    let grounds = Grounds {
        device_id: identity.device_id.clone(),
        os_build: identity.os_build.clone(),
        battery_health_percent: trials.iter().find_map(|one| health(one, start)),
        definition: format!("{}.{}", cell.suite_version, cell.case_version),
    };
    let mut by_metric: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for one in trials {
        // What an instrument saw is a series of that instrument, and not of the cell.
        for values in one.values.iter().filter(|values| values.instrument.is_none()) {
            let passes: Vec<f64> = values.figures.iter().map(|figure| figure.value).collect();
            by_metric.entry(values.metric).or_default().extend(mean(&passes));
        }
    }
    by_metric
        .into_iter()
        .filter_map(|(metric, trials)| {
            Some(SessionPoint {
                session: start.session.0.clone(),
                at: start.began_at.clone(),
                cell: cell.clone(),
                metric: metric.to_owned(),
                evidence,
                build: identity.agent.clone(),
                version: start.facts.build.version.clone(),
                model_sha256: identity.model_sha256.clone(),
                grounds: grounds.clone(),
                value: mean(&trials)?,
                trials,
            })
        })
        .collect()
}

/// The mean that every other number of Dyno is made with.
fn mean(values: &[f64]) -> Option<f64> {
    let placed: Vec<Placed> = values
        .iter()
        .enumerate()
        .map(|(trial, value)| Placed { session: 0, trial: trial as u32, value: *value })
        .collect();
    Some(Fit::of(&placed)?.value())
}

fn health(one: &Judged<'_>, start: &SessionStart) -> Option<u32> {
    let place = start.facts.sensors.iter().position(|sensor| sensor.name == HEALTH_SENSOR)?;
    let mut readings = one.attempted.samples().flat_map(|sample| &sample.readings);
    let found = readings.find(|reading| reading.sensor as usize == place)?.value;
    (0.0..=100.0).contains(&found).then(|| found.round() as u32)
}
