//! Two engines measured in turn in one sitting: how often a difference is seen where there is none, over all
//! metrics together, and how often a true one is.

use std::collections::BTreeMap;

use dyno_protocol::{SimulatedEngine, SimulatedProfile};
use dyno_reports::analysis::Analysis;
use dyno_reports::stats::{ALPHA, holm, paired_ratio};

use super::rows::{About, Row};
use super::sittings::{Asked, Bench};

/// The metrics that are held against each other, and whether more of them is worse.
const METRICS: [(&str, bool); 3] = [("decode_rate", false), ("prefill_rate", false), ("ttft", true)];
const BASE: &str = "dyno";
const CANDIDATE: &str = "candidate";
/// True losses, and how often each must be seen at least.
const LOSSES: [(f64, Option<f64>); 4] =
    [(0.01, None), (0.02, Some(0.6)), (0.05, Some(0.9)), (0.08, Some(0.9))];

const ASKED: Asked<'static> = Asked {
    cases: &["speed/decode", "speed/prefill"],
    engines: &[BASE, CANDIDATE],
    unit: "gpu",
    depth: Some(0),
    rounds: 10,
};

/// What a comparison of all metrics said.
#[derive(Debug, Clone, Copy, Default)]
struct Said {
    slower: bool,
    faster: bool,
}

/// So many sittings without a difference, and so many with each loss.
pub(super) fn rows(
    bench: &mut Bench<'_>,
    profile: &SimulatedProfile,
    nothing: u64,
    some: u64,
    false_alarms: (f64, f64),
) -> anyhow::Result<Vec<Row>> {
    let mut alarms = 0;
    for seed in 0..nothing {
        let said = compare(bench, &with_candidate(profile, 1.0), seed)?;
        alarms += u64::from(said.slower || said.faster);
    }
    let what = "10 pairs in one sitting, all metrics together";
    let mut rows = vec![Row::share(About::FalseAlarms, what, alarms, nothing, Some(false_alarms))];
    for (loss, least) in LOSSES {
        let mut caught = 0;
        for seed in 0..some {
            caught += u64::from(compare(bench, &with_candidate(profile, 1.0 - loss), seed)?.slower);
        }
        let what = format!("10 pairs in one sitting, a true -{:.0} %", loss * 100.0);
        rows.push(Row::share(About::Power, what, caught, some, least.map(|least| (least, 1.0))));
    }
    Ok(rows)
}

fn with_candidate(profile: &SimulatedProfile, speed: f64) -> SimulatedProfile {
    let engine = |id: &str, speed| SimulatedEngine {
        id: id.to_owned(),
        version: "simulated".to_owned(),
        speed,
        allocation_slow: 0.0,
    };
    SimulatedProfile { engines: vec![engine(BASE, 1.0), engine(CANDIDATE, speed)], ..profile.clone() }
}

fn compare(bench: &mut Bench<'_>, profile: &SimulatedProfile, seed: u64) -> anyhow::Result<Said> {
    let measured = bench.measure(profile, seed, &ASKED)?;
    let analysis = Analysis::of(&[measured.bundle], bench.definitions());
    // By what was measured, then by round: the base's value and the candidate's.
    let mut pairs: BTreeMap<(String, String), BTreeMap<u32, [Option<f64>; 2]>> = BTreeMap::new();
    for trial in &analysis.trials {
        let Some(attempt) = &trial.attempt else { continue };
        let side = usize::from(trial.cell.engine == CANDIDATE);
        let place = format!("{} {:?}", trial.cell.case, trial.cell.axes);
        for (metric, value) in &attempt.values {
            let rounds = pairs.entry((place.clone(), metric.clone())).or_default();
            rounds.entry(trial.round).or_default()[side] = Some(*value);
        }
    }
    let mut tests: Vec<(f64, bool)> = Vec::new();
    for ((_, metric), rounds) in &pairs {
        let Some((_, more_is_worse)) = METRICS.iter().find(|(known, _)| known == metric) else { continue };
        let found: Vec<(u32, f64, f64)> =
            rounds.values().filter_map(|[base, candidate]| Some((0, (*base)?, (*candidate)?))).collect();
        let Some(ratio) = paired_ratio(&found) else { continue };
        if let Some((above, below)) = ratio.fit.p_above(1.0).zip(ratio.fit.p_below(1.0)) {
            tests.push(((2.0 * above.min(below)).min(1.0), (ratio.ratio > 1.0) == *more_is_worse));
        }
    }
    let adjusted = holm(&tests.iter().map(|(p, _)| *p).collect::<Vec<_>>());
    let mut said = Said::default();
    for (_, (_, slower)) in adjusted.iter().zip(&tests).filter(|(p, _)| **p <= ALPHA) {
        said.slower |= slower;
        said.faster |= !slower;
    }
    Ok(said)
}
