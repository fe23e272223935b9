//! Things over time: the course of long trials with what the sensors read beside it.

use std::collections::BTreeMap;

use dyno_protocol::{RecordBody, ThermalState};
use dyno_suites::Words;

use super::attempt::Attempted;
use super::instruments::{Bench, Window};
use super::pool::Judged;
use super::replay::Session;
use super::sustained;
use crate::analysis::{Course, CourseReading, SensorRow, StateSpan};
use crate::bundle::Metered;
use crate::stats::course;

/// More points than a chart can show are averaged in stretches.
const MOST_POINTS: usize = 600;
/// Fewer passes are no course over time.
const LEAST_POINTS: usize = 3;
/// A sensor of this name gives the device's own word for its heat as a number, nominal being zero.
const STATE: &str = "thermal_state";
/// Units of sensors that are worth a line beside the rate. Energy is shown as the power of its instrument.
const SHOWN: [&str; 4] = ["c", "hz", "share", "percent"];
/// More lines than these in one panel cannot be told apart.
const MOST_LINES: usize = 4;

/// The courses of trials of long work, whatever became of them.
pub(crate) fn courses(
    judged: &[Judged<'_>],
    meters: &[&Metered],
    is_sustained: impl Fn(&Judged<'_>) -> bool,
) -> Vec<Course> {
    judged.iter().filter(|one| is_sustained(one)).filter_map(|one| of_trial(one, meters)).collect()
}

fn of_trial(one: &Judged<'_>, meters: &[&Metered]) -> Option<Course> {
    let attempt = &one.attempted;
    let (session, evidence) = (attempt.session?, one.evidence?);
    let work = sustained::course(attempt);
    if work.len() < LEAST_POINTS {
        return None;
    }
    let zero_s = attempt.passes().next()?.begin_ns as f64 / 1e9;
    let line =
        |points: &[course::Point]| thin(points.iter().map(|point| (point.begin_s, point.rate)).collect());
    let mut readings = sensor_lines(session, attempt, zero_s);
    readings.extend(power_lines(attempt, meters, zero_s));
    Some(Course {
        run_id: attempt.run_id.to_owned(),
        session: session.start.session.clone(),
        trial: attempt.planned.id.clone(),
        attempt: attempt.attempt,
        cell: one.cell().clone(),
        evidence,
        rate: line(&work),
        recovery: line(&sustained::recovery(attempt)),
        end_s: work.last().map_or(0.0, |last| last.end_s),
        onset_s: course::onset(&work).ok().map(|found| (found.value, found.interval.ok())),
        plateau: course::plateau(&work).ok().map(|found| found.value),
        gate_share: attempt.gate.map(super::probes::Gate::share),
        states: states(session, attempt, zero_s),
        readings,
    })
}

fn sensor_lines(session: &Session<'_>, attempt: &Attempted<'_>, zero_s: f64) -> Vec<CourseReading> {
    let from_s = attempt.work_began_ns().map_or(zero_s, |began_ns| began_ns as f64 / 1e9);
    let mut lines: Vec<CourseReading> = Vec::new();
    for (index, values) in readings(std::iter::once(attempt)) {
        let Some(sensor) = session.start.facts.sensors.get(index as usize) else { continue };
        let unit = sensor.name.rsplit('_').next().unwrap_or_default();
        if !SHOWN.contains(&unit) {
            continue;
        }
        let points: Vec<(f64, f64)> = values
            .into_iter()
            .map(|(at_ns, value)| (at_ns as f64 / 1e9, value))
            .filter(|(at_s, _)| *at_s >= from_s)
            .map(|(at_s, value)| (at_s - zero_s, value))
            .collect();
        if points.len() >= LEAST_POINTS {
            lines.push(CourseReading {
                name: sensor.name.clone(),
                unit: unit.to_owned(),
                points: thin(points),
            });
        }
    }
    SHOWN.iter().flat_map(|unit| most_telling(&lines, unit)).collect()
}

/// Of many sensors of one unit those that moved the most.
fn most_telling(lines: &[CourseReading], unit: &str) -> Vec<CourseReading> {
    let span = |line: &CourseReading| {
        let values = || line.points.iter().map(|point| point.1);
        values().fold(f64::NEG_INFINITY, f64::max) - values().fold(f64::INFINITY, f64::min)
    };
    let mut of_unit: Vec<&CourseReading> = lines.iter().filter(|line| line.unit == unit).collect();
    of_unit.sort_by(|one, other| span(other).total_cmp(&span(one)));
    of_unit.truncate(MOST_LINES);
    of_unit.into_iter().cloned().collect()
}

fn power_lines(attempt: &Attempted<'_>, meters: &[&Metered], zero_s: f64) -> Vec<CourseReading> {
    let bench = Bench { attempt, meters };
    let began_s = attempt.work_began_ns().map_or(zero_s, |began_ns| began_ns as f64 / 1e9);
    let window = Window { from_s: began_s, to_s: f64::INFINITY };
    bench
        .instruments()
        .into_iter()
        .filter_map(|instrument| {
            let stretches = bench.stretches(instrument, window).ok()?;
            let watts = |stretch: &super::instruments::Stretch| {
                (stretch.from_s - zero_s, stretch.joules / stretch.length_s())
            };
            let points: Vec<(f64, f64)> =
                stretches.iter().filter(|stretch| stretch.length_s() > 0.0).map(watts).collect();
            (points.len() >= LEAST_POINTS).then(|| CourseReading {
                name: format!("power by {}", instrument.word()),
                unit: "w".to_owned(),
                points: thin(points),
            })
        })
        .collect()
}

/// From a sensor where the device has one, else from what it said before and after each job: in between, nobody
/// asked, and the last answer stands.
fn states(session: &Session<'_>, attempt: &Attempted<'_>, zero_s: f64) -> Vec<StateSpan> {
    let sensor = session.start.facts.sensors.iter().position(|sensor| sensor.name == STATE);
    let mut seen: Vec<(f64, ThermalState)> = match sensor {
        Some(index) => attempt
            .samples()
            .filter_map(|sample| {
                let reading = sample.readings.iter().find(|reading| reading.sensor as usize == index)?;
                Some((sample.at_ns as f64 / 1e9 - zero_s, of_number(reading.value)))
            })
            .collect(),
        None => attempt
            .bodies()
            .filter_map(|body| match body {
                RecordBody::Started { conditions } | RecordBody::Ended { conditions, .. } => {
                    Some((conditions.at_ns as f64 / 1e9 - zero_s, *conditions.thermal.value()?))
                }
                _ => None,
            })
            .collect(),
    };
    seen.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut spans: Vec<StateSpan> = Vec::new();
    for (at_s, state) in seen {
        match spans.last_mut() {
            Some(last) if last.state == state => last.to_s = at_s,
            Some(last) => {
                last.to_s = at_s;
                spans.push(StateSpan { from_s: at_s, to_s: at_s, state });
            }
            None => spans.push(StateSpan { from_s: at_s, to_s: at_s, state }),
        }
    }
    spans
}

fn of_number(value: f64) -> ThermalState {
    match value.round() as i64 {
        ..=0 => ThermalState::Nominal,
        1 => ThermalState::Fair,
        2 => ThermalState::Serious,
        _ => ThermalState::Critical,
    }
}

/// First, lowest, highest and last reading of every sensor that was read in the session.
pub(crate) fn sensor_rows<'a>(
    session: &Session<'_>,
    attempts: impl Iterator<Item = &'a Attempted<'a>>,
) -> Vec<SensorRow> {
    let rows = readings(attempts).into_iter().filter_map(|(index, values)| {
        let sensor = session.start.facts.sensors.get(index as usize)?;
        let only = || values.iter().map(|(_, value)| *value);
        Some(SensorRow {
            name: sensor.name.clone(),
            source: sensor.source.clone(),
            samples: values.len() as u32,
            first: only().next()?,
            lowest: only().fold(f64::INFINITY, f64::min),
            highest: only().fold(f64::NEG_INFINITY, f64::max),
            last: only().next_back()?,
        })
    });
    rows.collect()
}

fn readings<'a>(attempts: impl Iterator<Item = &'a Attempted<'a>>) -> BTreeMap<u32, Vec<(u64, f64)>> {
    let mut by_sensor: BTreeMap<u32, Vec<(u64, f64)>> = BTreeMap::new();
    for attempt in attempts {
        for sample in attempt.samples() {
            for reading in &sample.readings {
                by_sensor.entry(reading.sensor).or_default().push((sample.at_ns, reading.value));
            }
        }
    }
    by_sensor
}

fn thin(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    if points.len() <= MOST_POINTS {
        return points;
    }
    let stretch = points.len().div_ceil(MOST_POINTS);
    let mean = |part: &[(f64, f64)]| {
        let count = part.len() as f64;
        (
            part.iter().map(|point| point.0).sum::<f64>() / count,
            part.iter().map(|point| point.1).sum::<f64>() / count,
        )
    };
    points.chunks(stretch).map(mean).collect()
}
