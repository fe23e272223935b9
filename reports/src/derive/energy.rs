//! Energy and battery drain, from gauges that measure. Nothing here is modelled: no gauge, no number.

use super::attempt::Attempted;
use super::generation::Value;

/// The battery's own level, in percent.
const BATTERY: &str = "battery_percent";
/// Counters of energy used, by what they count. The first kind that the device has is taken, and all of its
/// counters are added up: a machine with two processors has two packages.
const COUNTERS: [&str; 3] = ["system", "battery", "package"];

/// From the begin of the first pass to the end of the last.
fn of_passes(attempt: &Attempted<'_>) -> Option<(u64, u64)> {
    Some((attempt.passes().next()?.begin_ns, attempt.passes().last()?.end_ns))
}

/// Readings of one sensor inside the work, with their time in seconds.
fn readings(
    attempt: &Attempted<'_>,
    span: Option<(u64, u64)>,
    is_wanted: impl Fn(&str) -> bool,
) -> Vec<(String, Vec<(f64, f64)>)> {
    let Some(session) = attempt.session else { return Vec::new() };
    let Some((begin, end)) = span else { return Vec::new() };
    let sensors = &session.start.facts.sensors;
    let wanted = sensors.iter().enumerate().filter(|(_, sensor)| is_wanted(&sensor.name));
    wanted
        .map(|(index, sensor)| {
            let inside = attempt.samples().filter(|sample| (begin..=end).contains(&sample.at_ns));
            let values = inside.flat_map(|sample| {
                let of_sensor = sample.readings.iter().filter(|reading| reading.sensor as usize == index);
                of_sensor.map(|reading| (sample.at_ns as f64 / 1e9, reading.value))
            });
            (sensor.name.clone(), values.collect())
        })
        .collect()
}

/// Joules and seconds between the first and the last stamp of the gauge.
fn energy(attempt: &Attempted<'_>, span: Option<(u64, u64)>) -> Result<(f64, f64, f64), String> {
    for kind in COUNTERS {
        let counters = readings(attempt, span, |name| name.starts_with(kind) && joules(name).is_some());
        if counters.is_empty() {
            continue;
        }
        let (mut used, mut begin, mut end) = (0.0, f64::INFINITY, f64::NEG_INFINITY);
        for (name, values) in &counters {
            let (first, last) =
                values.first().zip(values.last()).ok_or("the gauge was not read during the work")?;
            if values.windows(2).any(|pair| pair[1].1 < pair[0].1) {
                return Err(format!("the counter `{name}` went back during the work"));
            }
            used += (last.1 - first.1) * joules(name).unwrap_or_default();
            (begin, end) = (begin.min(first.0), end.max(last.0));
        }
        return if end > begin {
            Ok((used, begin, end))
        } else {
            Err("the gauge was read once only".to_owned())
        };
    }
    Err("the device has no gauge of energy".to_owned())
}

/// How many joules one unit of this counter is, if it is one: the unit stands last in its name.
fn joules(name: &str) -> Option<f64> {
    let (before, unit) = name.rsplit_once('_')?;
    let scale = match unit {
        "uj" => 1e-6,
        "mj" => 1e-3,
        "j" => 1.0,
        _ => return None,
    };
    before.ends_with("energy").then_some(scale)
}

pub(super) fn average_power(attempt: &Attempted<'_>) -> Value {
    let (joules, begin, end) = energy(attempt, of_passes(attempt))?;
    Ok(joules / (end - begin))
}

/// Joules over the whole of an attempt whose jobs do nothing but ask items: rendering between them is in it.
pub(super) fn of_whole_attempt(attempt: &Attempted<'_>) -> Value {
    let at = |record: &&dyno_protocol::Record| record.at_ns;
    let begin = attempt.records.first().map(at);
    let end = attempt.records.last().map(at);
    energy(attempt, begin.zip(end)).map(|(joules, ..)| joules)
}

/// Idle power is not taken away: it is not measured in the same trial.
pub(super) fn energy_per_token(attempt: &Attempted<'_>) -> Value {
    let (joules, begin, end) = energy(attempt, of_passes(attempt))?;
    let inside = |at_ns: &&u64| (begin..=end).contains(&(**at_ns as f64 / 1e9));
    let stamped = attempt.passes().filter(|pass| pass.stamps_are_tokens);
    let tokens: usize = stamped.map(|pass| pass.token_at_ns.iter().filter(inside).count()).sum();
    if tokens == 0 {
        Err("no token was stamped between two readings of the gauge".to_owned())
    } else {
        Ok(joules / tokens as f64)
    }
}

/// Between the first and the last step of the gauge: what comes before and after says nothing.
pub(super) fn percent_per_hour(attempt: &Attempted<'_>) -> Value {
    let gauges = readings(attempt, of_passes(attempt), |name| name == BATTERY);
    let (_, levels) = gauges.first().ok_or("the device has no battery gauge")?;
    let steps: Vec<(f64, f64)> = levels
        .windows(2)
        .filter(|pair| pair[0].1.total_cmp(&pair[1].1).is_ne())
        .map(|pair| pair[1])
        .collect();
    let (first, last) = steps.first().zip(steps.last()).ok_or("the battery gauge did not move")?;
    if steps.len() < 2 {
        return Err("the battery gauge moved once only".to_owned());
    }
    Ok((first.1 - last.1) * 3600.0 / (last.0 - first.0))
}
