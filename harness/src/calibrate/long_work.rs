//! Long work with heat and a battery: whether the intervals of one trial's figures hold the truth that the model
//! of the device kept while it was measured.

use std::collections::BTreeMap;

use dyno_agent::simulation::{Device, Moment, expected_log_noise};
use dyno_protocol::{GenerationPass, PassKind, RecordBody, SimulatedProfile};
use dyno_reports::analysis::Analysis;
use dyno_reports::bundle::{Bundle, EventBody};

use super::rows::Row;
use super::sittings::{Asked, Bench, quiet};
use super::tally::Tally;

/// What is known about one trial, by metric.
type Truth = BTreeMap<&'static str, f64>;

/// The start and the end as the metrics' definitions have them.
const START_S: f64 = 30.0;
const END_SHARE: f64 = 0.25;

/// A trial, and the metrics that are read off it with the sensors that the device shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looked {
    pub(super) case: &'static str,
    pub(super) by: &'static str,
    pub(super) sensors: &'static [&'static str],
    pub(super) metrics: &'static [&'static str],
}

pub(super) const COURSE: Looked = Looked {
    case: "thermal/ten-minutes",
    by: "the course of ten minutes",
    sensors: &[],
    metrics: &["initial_rate", "plateau_rate", "retained_share", "time_to_throttle", "half_life"],
};
pub(super) const TELEMETRY: Looked = Looked {
    case: "battery/ten-minutes",
    by: "current times voltage over ten minutes",
    sensors: &["battery_current_a", "battery_voltage_v", "battery_full_energy_j"],
    metrics: &["energy_per_token", "gross_energy_per_token", "average_power", "percent_per_hour"],
};
pub(super) const TICKS: Looked = Looked {
    case: "battery/hour",
    by: "steps of the gauge over an hour",
    sensors: &["battery_percent", "battery_full_energy_j"],
    metrics: &["gross_energy_per_token", "average_power", "percent_per_hour"],
};

pub(super) fn rows(
    bench: &mut Bench<'_>,
    profile: &SimulatedProfile,
    looked: &Looked,
    sittings: u64,
    wanted: (f64, f64),
) -> anyhow::Result<Vec<Row>> {
    let cases = [looked.case];
    let asked = Asked { cases: &cases, engines: &["dyno"], unit: "gpu", depth: None, rounds: 1 };
    let sensors = looked.sensors.iter().map(|name| (*name).to_owned()).collect();
    let profile = &SimulatedProfile { sensors, ..profile.clone() };
    let still = bench.measure(&quiet(profile), 0, &asked)?;
    let nominal = full_speed(&still.bundle, &still.device.look(Device::course));
    let noise = expected_log_noise(&profile.noise).exp();
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    for seed in 0..sittings {
        let measured = bench.measure(profile, seed, &asked)?;
        let course = measured.device.look(Device::course);
        let passes = passes(&measured.bundle);
        let truth = truth(&passes, &course, nominal.map(|rate| rate * noise), profile);
        let summaries = Analysis::of(&[measured.bundle], bench.definitions()).summaries;
        for metric in looked.metrics {
            let Some(truth) = truth.get(metric) else { continue };
            let tally = tallies.entry(metric).or_default();
            match summaries.iter().find(|summary| summary.metric == *metric) {
                Some(summary) => tally.add(summary.estimate.value, summary.estimate.interval, *truth),
                None => tally.miss(),
            }
        }
    }
    let told = |(metric, tally): (&str, Tally)| {
        tally.rows(&format!("{metric}, {}, {}", looked.by, profile.id), wanted)
    };
    Ok(tallies.into_iter().flat_map(told).collect())
}

/// The timed passes of the first step that has any: the work, without probes after it.
fn passes(bundle: &Bundle) -> Vec<GenerationPass> {
    let all = bundle.events.iter().filter_map(|event| match &event.body {
        EventBody::Observed { record, .. } => match &record.body {
            RecordBody::Generation(pass) if pass.kind == PassKind::Timed => Some((**pass).clone()),
            _ => None,
        },
        _ => None,
    });
    let all: Vec<GenerationPass> = all.collect();
    let first = all.first().map(|pass| pass.step);
    all.into_iter().filter(|pass| Some(pass.step) == first).collect()
}

/// Tokens a second at full speed, from a trial without noise: what it did over what its clock allowed.
fn full_speed(bundle: &Bundle, course: &[Moment]) -> Option<f64> {
    let passes = passes(bundle);
    let first = passes.first()?;
    let (begin, end) = (*first.token_at_ns.first()?, *first.token_at_ns.last()?);
    let tokens = first.token_at_ns.len() as f64 - 1.0;
    Some(tokens * 1e9 / (end - begin) as f64 / mean_speed(course, begin, end)?)
}

fn mean_speed(course: &[Moment], begin_ns: u64, end_ns: u64) -> Option<f64> {
    let inside = course.iter().filter(|moment| (begin_ns..=end_ns).contains(&moment.at_ns));
    let speeds: Vec<f64> = inside.map(|moment| moment.speed).collect();
    (!speeds.is_empty()).then(|| speeds.iter().sum::<f64>() / speeds.len() as f64)
}

fn truth(
    passes: &[GenerationPass],
    course: &[Moment],
    nominal: Option<f64>,
    profile: &SimulatedProfile,
) -> Truth {
    let mut truth = Truth::new();
    let Some((first, last)) = passes.first().zip(passes.last()) else { return truth };
    let (begin_ns, end_ns) = (first.begin_ns, last.token_at_ns.last().copied().unwrap_or(last.end_ns));
    let length_s = (end_ns - begin_ns) as f64 / 1e9;
    let at = |seconds: f64| begin_ns + (seconds * 1e9) as u64;
    // Windows end with the pass that began in them.
    let ends_after =
        |ns: u64| passes.iter().find(|pass| pass.begin_ns >= ns).map_or(end_ns, |pass| pass.begin_ns);
    let start_ns = ends_after(at(START_S.min(length_s * END_SHARE)));
    let quarter_ns = ends_after(at(length_s * (1.0 - END_SHARE)));
    let start = mean_speed(course, begin_ns, start_ns);
    let plateau = mean_speed(course, quarter_ns, end_ns);
    if let Some(((start, plateau), nominal)) = start.zip(plateau).zip(nominal) {
        truth.insert("initial_rate", start * nominal);
        truth.insert("plateau_rate", plateau * nominal);
        truth.insert("retained_share", plateau / start);
        let work: Vec<&Moment> =
            course.iter().filter(|moment| (begin_ns..=end_ns).contains(&moment.at_ns)).collect();
        if let Some(throttled) = work.iter().find(|moment| moment.share < 1.0) {
            let since_s = |ns: u64| (ns - begin_ns) as f64 / 1e9;
            truth.insert("time_to_throttle", since_s(throttled.at_ns));
            let share = work.iter().map(|moment| moment.share);
            let from = throttled.at_ns;
            let end = mean_share(&work, quarter_ns);
            let half = f64::midpoint(share.fold(0.0, f64::max), end);
            let halved = work.iter().find(|moment| moment.at_ns > from && moment.share <= half);
            truth.extend(halved.map(|moment| ("half_life", since_s(moment.at_ns) - since_s(from))));
        }
    }
    if let Some(((used_j, worked_j), tokens)) = drawn(course, begin_ns, end_ns).zip(Some(tokens(passes))) {
        truth.insert("gross_energy_per_token", used_j / tokens);
        truth.insert("energy_per_token", worked_j / tokens);
        truth.insert("average_power", used_j / length_s);
        truth.insert("idle_power", profile.heat.idle_w);
        if let Some(battery) = &profile.battery {
            let capacity_j = battery.capacity_wh * 3600.0 * battery.health;
            truth.insert("percent_per_hour", used_j / capacity_j * 100.0 * 3600.0 / length_s);
        }
    }
    truth
}

fn mean_share(work: &[&Moment], from_ns: u64) -> f64 {
    let shares: Vec<f64> =
        work.iter().filter(|moment| moment.at_ns >= from_ns).map(|moment| moment.share).collect();
    shares.iter().sum::<f64>() / shares.len().max(1) as f64
}

fn tokens(passes: &[GenerationPass]) -> f64 {
    passes.iter().map(|pass| pass.token_at_ns.len()).sum::<usize>() as f64
}

/// Joules drawn, and those of them that went into work.
fn drawn(course: &[Moment], begin_ns: u64, end_ns: u64) -> Option<(f64, f64)> {
    let at = |ns: u64| {
        let after = course.partition_point(|moment| moment.at_ns < ns);
        let (before, after) = (course.get(after.checked_sub(1)?)?, course.get(after)?);
        let share = (ns - before.at_ns) as f64 / (after.at_ns - before.at_ns) as f64;
        let between = |of: fn(&Moment) -> f64| of(before) + share * (of(after) - of(before));
        Some((between(|moment| moment.energy_j), between(|moment| moment.work_j)))
    };
    let (begin, end) = at(begin_ns).zip(at(end_ns))?;
    Some((end.0 - begin.0, end.1 - begin.1))
}
