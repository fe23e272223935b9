//! Rates and times of short work: whether the interval of one sitting holds that sitting's truth, and that of
//! several sittings the device's.

use std::collections::BTreeMap;

use dyno_protocol::SimulatedProfile;
use dyno_reports::analysis::{Analysis, Summary};
use dyno_reports::bundle::Bundle;
use dyno_reports::cell::Cell;

use super::claims::Claims;
use super::rows::Row;
use super::sittings::{Asked, Bench, quiet};
use super::tally::Tally;

/// The metrics, and whether what makes the device slower makes them larger.
const METRICS: [(&str, bool); 3] = [("decode_rate", false), ("prefill_rate", false), ("ttft", true)];
/// Sittings that are put together.
const TOGETHER: usize = 4;

const ASKED: Asked<'static> = Asked {
    cases: &["speed/decode", "speed/prefill"],
    engines: &["dyno"],
    unit: "gpu",
    depth: Some(0),
    rounds: 3,
};

type Nominal = BTreeMap<(Cell, String), f64>;

/// The rows, and the rates of every sitting's runs.
pub(super) fn rows(
    bench: &mut Bench<'_>,
    profile: &SimulatedProfile,
    sittings: u64,
    wanted: (f64, f64),
    false_answers: f64,
) -> anyhow::Result<(Vec<Row>, Vec<Vec<f64>>)> {
    let still = bench.measure(&quiet(profile), 0, &ASKED)?;
    let nominal: Nominal = summaries(bench, &[still.bundle])
        .into_iter()
        .map(|summary| ((summary.cell, summary.metric), summary.estimate.value))
        .collect();
    let noise = dyno_agent::simulation::expected_log_noise(&profile.noise).exp();
    let mut one: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut several: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut claims = Claims::default();
    let (mut together, mut rates) = (Vec::new(), Vec::new());
    for seed in 0..sittings {
        let measured = bench.measure(profile, seed, &ASKED)?;
        let session = measured.device.look(dyno_agent::simulation::Device::session_factor);
        let bundles = [measured.bundle];
        let found = summaries(bench, &bundles);
        rates.push(decode_rates(&found));
        add(&mut one, &nominal, session * noise, found);
        together.extend(bundles);
        if together.len() == TOGETHER {
            let found = summaries(bench, &together);
            judge(&mut claims, &nominal, noise, &found);
            add(&mut several, &nominal, noise, found);
            together.clear();
        }
    }
    let told =
        |(metric, tally): (&str, Tally), scope: &str| tally.rows(&format!("{metric}, {scope}"), wanted);
    let one = one.into_iter().flat_map(|found| told(found, "one sitting of 3 rounds"));
    let several = several.into_iter().flat_map(|found| told(found, "4 sittings"));
    Ok((one.chain(several).chain(claims.rows((0.0, false_answers))).collect(), rates))
}

/// Claims about the rate of writing, set on the truth itself.
fn judge(claims: &mut Claims, nominal: &Nominal, faster: f64, summaries: &[Summary]) {
    for summary in summaries.iter().filter(|summary| summary.metric == "decode_rate") {
        if let Some(still) = nominal.get(&(summary.cell.clone(), summary.metric.clone())) {
            claims.add(summary, still * faster);
        }
    }
}

/// The single runs of writing, in their order.
fn decode_rates(summaries: &[Summary]) -> Vec<f64> {
    let rates = summaries.iter().filter(|summary| summary.metric == "decode_rate");
    rates.flat_map(|summary| &summary.samples).map(|sample| sample.value).collect()
}

fn summaries(bench: &Bench<'_>, bundles: &[Bundle]) -> Vec<Summary> {
    Analysis::of(bundles, bench.definitions()).summaries
}

fn add(tallies: &mut BTreeMap<&'static str, Tally>, nominal: &Nominal, faster: f64, summaries: Vec<Summary>) {
    for summary in summaries {
        let Some((metric, slower)) = METRICS.iter().find(|(metric, _)| *metric == summary.metric) else {
            continue;
        };
        let estimate = summary.estimate;
        if let Some(still) = nominal.get(&(summary.cell, summary.metric)) {
            let truth = if *slower { still / faster } else { still * faster };
            tallies.entry(*metric).or_default().add(estimate.value, estimate.interval, truth);
        }
    }
}
