//! Things over time: the rate of long work, and what the sensors read.

use std::collections::BTreeMap;

use super::attempt::Attempted;
use super::pool::Judged;
use super::replay::Session;
use super::sustained;
use crate::analysis::{Curve, SensorRow};

/// More points than a chart can show are averaged in stretches.
const MOST_POINTS: usize = 600;
/// Fewer passes are no course over time.
const LEAST_POINTS: usize = 3;

/// The courses of sustained trials, with the sensors beside them.
pub(crate) fn curves(judged: &[Judged<'_>], is_sustained: impl Fn(&Judged<'_>) -> bool) -> Vec<Curve> {
    let mut curves = Vec::new();
    for one in judged.iter().filter(|one| is_sustained(one)) {
        let (Some(session), Some(evidence)) = (one.attempted.session, one.evidence) else { continue };
        let points: Vec<(f64, f64)> =
            sustained::course(&one.attempted).iter().map(|point| (point.begin_s, point.rate)).collect();
        if points.len() < LEAST_POINTS {
            continue;
        }
        let cell = one.cell();
        let of = format!("{} {} on {}, {}", cell.model, cell.quant, cell.device, cell.case);
        let curve = |title: String, y_unit: &str, points: Vec<(f64, f64)>| Curve {
            title,
            run_id: one.attempted.run_id.to_owned(),
            session: session.start.session.clone(),
            trial: Some(one.attempted.planned.id.clone()),
            evidence,
            x_unit: "s".to_owned(),
            y_unit: y_unit.to_owned(),
            points: thin(points),
        };
        curves.push(curve(format!("Decode rate: {of}"), "token/s", points));
        let begin_ns = one.attempted.passes().next().map_or(0, |pass| pass.begin_ns);
        for (index, values) in readings([&one.attempted].into_iter()) {
            let Some(sensor) = session.start.facts.sensors.get(index as usize) else { continue };
            let unit = sensor.name.rsplit('_').next().unwrap_or_default();
            let inside = values.into_iter().filter(|(at_ns, _)| *at_ns >= begin_ns);
            let points: Vec<_> =
                inside.map(|(at_ns, value)| ((at_ns - begin_ns) as f64 / 1e9, value)).collect();
            if points.len() >= LEAST_POINTS {
                curves.push(curve(format!("{}: {of}", sensor.name), unit, points));
            }
        }
    }
    curves
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
