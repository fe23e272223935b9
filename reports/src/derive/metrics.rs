//! The table from a metric's id to its function. What the functions mean stands in the definitions.

use dyno_protocol::{GenerationPass, LoadRegime};

use super::answers::Answered;
use super::attempt::Attempted;
use super::generation::{self, Value};
use super::instruments::Instrument;
use super::sustained::Read;
use super::{energy, quality, sustained};
use crate::bundle::Metered;
use crate::stats::course::Figure;
use crate::stats::median;

/// An attempt with what its session knows beyond it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) attempt: &'a Attempted<'a>,
    /// Its items, as the definitions judge them.
    pub(crate) answers: &'a [Answered<'a>],
    /// Bytes a second that were measured in the same session.
    pub(crate) bandwidth: Option<f64>,
    /// Meters outside of the devices.
    pub(crate) meters: &'a [&'a Metered],
}

/// One value with the pass it is of; zero where it is of the whole trial.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub(crate) pass: u32,
    pub(crate) value: Value,
    /// What the trial alone says about how sure it is; not of values that are repeated inside a trial.
    pub(crate) interval: Option<Result<(f64, f64), String>>,
    /// What saw it, where that is another thing than the agent's clock.
    pub(crate) instrument: Option<Instrument>,
}

impl Found {
    fn of_pass(pass: u32, value: Value) -> Self {
        Self { pass, value, interval: None, instrument: None }
    }

    pub(super) fn of_trial(read: Read) -> Self {
        match read {
            Ok(Figure { value, interval }) => {
                Self { interval: Some(interval), ..Self::of_pass(0, Ok(value)) }
            }
            Err(why) => Self::missing(why),
        }
    }

    pub(super) fn missing(why: String) -> Self {
        Self::of_pass(0, Err(why))
    }
}

type Derive = fn(&Scene<'_>) -> Vec<Found>;

pub(crate) const METRICS: &[(&str, Derive)] = &[
    ("above_chance", |scene| of_trial(quality::above_chance(scene.answers))),
    ("accepted_draft_share", |scene| each_pass(scene, generation::accepted_draft_share)),
    ("accuracy", |scene| of_trial(quality::accuracy(scene.answers))),
    ("accuracy_answered", |scene| of_trial(quality::accuracy_answered(scene.answers))),
    ("average_power", |scene| energy::by_instrument(scene, energy::average_power)),
    ("decode_rate", |scene| each_pass(scene, generation::decode_rate)),
    ("delivered_rate", |scene| read(sustained::delivered_rate(scene.attempt))),
    ("duty_cycle", |scene| read(sustained::duty_cycle(scene.attempt))),
    ("energy_per_1000_tokens", |scene| energy::by_instrument(scene, energy::energy_per_1000_tokens)),
    ("energy_per_correct", energy::per_correct),
    ("energy_per_token", |scene| energy::by_instrument(scene, energy::energy_per_token)),
    ("gross_energy_per_token", |scene| energy::by_instrument(scene, energy::gross_energy_per_token)),
    ("half_life", |scene| read(sustained::half_life(scene.attempt))),
    ("idle_power", |scene| energy::by_instrument(scene, energy::idle_power)),
    ("image_latency", |scene| each_pass(scene, generation::image_latency)),
    ("initial_rate", |scene| read(sustained::initial_rate(scene.attempt))),
    ("inter_token_p50", |scene| each_pass(scene, generation::inter_token_p50)),
    ("inter_token_p95", |scene| each_pass(scene, generation::inter_token_p95)),
    ("inter_token_p99", |scene| each_pass(scene, generation::inter_token_p99)),
    ("jitter", |scene| each_pass(scene, generation::jitter)),
    ("load_cold", |scene| load(scene, LoadRegime::Cold)),
    ("load_first_ever", |scene| load(scene, LoadRegime::FirstEver)),
    ("load_warm", |scene| load(scene, LoadRegime::Warm)),
    ("loop_share", |scene| of_trial(quality::loop_share(scene.answers))),
    ("memory_bandwidth", memory_bandwidth),
    ("peak_footprint", |scene| each_pass(scene, generation::peak_footprint)),
    ("peak_resident", |scene| each_pass(scene, generation::peak_resident)),
    ("percent_per_hour", |scene| energy::by_instrument(scene, energy::percent_per_hour)),
    ("plateau_rate", |scene| read(sustained::plateau_rate(scene.attempt))),
    ("prefill_rate", |scene| each_pass(scene, generation::prefill_rate)),
    ("recovery_time", |scene| read(sustained::recovery_time(scene.attempt))),
    ("refused_share", |scene| of_trial(quality::refused_share(scene.answers))),
    ("retained_share", |scene| read(sustained::retained_share(scene.attempt))),
    ("share_of_ceiling", |scene| of_trial(share_of_ceiling(scene))),
    ("time_per_correct", |scene| of_trial(quality::time_per_correct(scene.answers))),
    ("time_to_throttle", |scene| read(sustained::time_to_throttle(scene.attempt))),
    ("tokens_generated", |scene| each_pass(scene, generation::tokens_generated)),
    ("tokens_per_answer", |scene| of_trial(quality::tokens_per_answer(scene.answers))),
    ("truncated_share", |scene| of_trial(quality::truncated_share(scene.answers))),
    ("ttft", |scene| each_pass(scene, generation::ttft)),
];

/// Every value of the metric in this attempt; `None` for a metric that has no function.
pub(crate) fn derive(metric: &str, scene: &Scene<'_>) -> Option<Vec<Found>> {
    METRICS.iter().find(|(id, _)| *id == metric).map(|(_, derive)| derive(scene))
}

fn each_pass(scene: &Scene<'_>, value: fn(&GenerationPass) -> Value) -> Vec<Found> {
    scene.attempt.passes().map(|pass| Found::of_pass(pass.pass, value(pass))).collect()
}

fn of_trial(value: Value) -> Vec<Found> {
    vec![Found::of_pass(0, value)]
}

fn read(read: Read) -> Vec<Found> {
    vec![Found::of_trial(read)]
}

/// Loads of one regime, in seconds. Other regimes are other metrics; a kept model was not loaded.
fn load(scene: &Scene<'_>, regime: LoadRegime) -> Vec<Found> {
    let loads = scene.attempt.loads().filter(|loaded| loaded.regime == regime);
    loads
        .enumerate()
        .map(|(pass, loaded)| {
            let value = match loaded.end_ns.checked_sub(loaded.begin_ns) {
                Some(span) if span > 0 => Ok(span as f64 / 1e9),
                _ => Err("the load took no time by its stamps".to_owned()),
            };
            Found::of_pass(pass as u32, value)
        })
        .collect()
}

fn memory_bandwidth(scene: &Scene<'_>) -> Vec<Found> {
    let found = scene.attempt.bandwidths().map(|pass| {
        let value = match pass.end_ns.checked_sub(pass.begin_ns) {
            Some(span) if span > 0 => Ok(pass.read_bytes as f64 * 1e9 / span as f64),
            _ => Err("reading took no time by its stamps".to_owned()),
        };
        Found::of_pass(pass.pass, value)
    });
    found.collect()
}

/// The median decode rate of the trial times the bytes of a token, over the bandwidth of the session.
fn share_of_ceiling(scene: &Scene<'_>) -> Value {
    let rates: Vec<f64> =
        scene.attempt.passes().filter_map(|pass| generation::decode_rate(pass).ok()).collect();
    let rate = median(&rates).ok_or("there is no decode rate")?;
    let loaded = scene.attempt.loaded().ok_or("the agent did not say what it loaded")?;
    let cost = match &loaded.cost {
        dyno_protocol::Known::Is(cost) => cost,
        dyno_protocol::Known::Unknown(gap) => {
            return Err(format!("the engine does not say what a token costs: {}", gap.unknown));
        }
    };
    let bandwidth = scene.bandwidth.ok_or("no memory bandwidth was measured in this session")?;
    Ok(rate * cost.read_bytes as f64 / bandwidth)
}
