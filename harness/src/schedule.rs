//! The order of a run. Pure and seeded: the same plan and seed give the same steps.
//!
//! Every round visits every configuration (model, quantization, engine, unit) in a fresh random order, and
//! within a visit the cases in a fresh random order. Drift of the device then spreads over all cells instead
//! of passing for a difference between them.

use std::collections::BTreeMap;

use dyno_protocol::ComputeUnit;
use dyno_reports::cell::{Cell, PlannedTrial, TrialId};
use dyno_suites::Place;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// One explicit step of a run.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub(crate) enum Step {
    /// A new sitting on a device.
    Open {
        device: String,
    },
    /// A new agent process, so that the next load is a cold one.
    Relaunch {
        device: String,
    },
    Measure {
        trial: TrialId,
    },
    Close {
        device: String,
    },
}

/// What stays loaded between the cases of one visit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Configuration {
    model: String,
    quant: String,
    engine: String,
    unit: ComputeUnit,
}

impl Configuration {
    fn of(cell: &Cell) -> Self {
        Self {
            model: cell.model.clone(),
            quant: cell.quant.clone(),
            engine: cell.engine.clone(),
            unit: cell.unit,
        }
    }
}

/// Steps for all devices, one device after the other.
pub(crate) fn schedule(trials: &[PlannedTrial], seed: u64, place: impl Fn(&Cell) -> Place) -> Vec<Step> {
    let mut by_device: BTreeMap<&str, BTreeMap<u32, BTreeMap<Configuration, Vec<&PlannedTrial>>>> =
        BTreeMap::new();
    for trial in trials {
        by_device
            .entry(&trial.cell.device)
            .or_default()
            .entry(trial.round)
            .or_default()
            .entry(Configuration::of(&trial.cell))
            .or_default()
            .push(trial);
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut steps = Vec::new();
    for (device, rounds) in by_device {
        steps.push(Step::Open { device: device.to_owned() });
        let mut fresh = true;
        for visits in rounds.into_values() {
            let mut visits: Vec<_> = visits.into_values().collect();
            visits.shuffle(&mut random);
            for mut visit in visits {
                visit.shuffle(&mut random);
                visit.sort_by_key(|trial| place(&trial.cell));
                for trial in visit {
                    if place(&trial.cell) == Place::FreshProcess && !fresh {
                        steps.push(Step::Relaunch { device: device.to_owned() });
                    }
                    fresh = false;
                    steps.push(Step::Measure { trial: trial.id.clone() });
                }
            }
        }
        steps.push(Step::Close { device: device.to_owned() });
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::{Step, schedule};
    use dyno_protocol::ComputeUnit;
    use dyno_reports::cell::{Cell, PlannedTrial};
    use dyno_suites::Place;

    fn trials() -> Vec<PlannedTrial> {
        let mut trials = Vec::new();
        for round in 0..3 {
            for model in ["a", "b", "c"] {
                for case in ["cold-load", "warm-load", "decode", "prefill"] {
                    let cell = Cell {
                        suite: "speed".into(),
                        suite_version: 1,
                        case: case.into(),
                        case_version: 1,
                        model: model.into(),
                        quant: "bf16".into(),
                        engine: "dyno".into(),
                        unit: ComputeUnit::Cpu,
                        device: "local".into(),
                        axes: [].into(),
                    };
                    trials.push(PlannedTrial::new(cell, round, 1));
                }
            }
        }
        trials
    }

    fn place(cell: &Cell) -> Place {
        match cell.case.as_str() {
            "cold-load" => Place::FreshProcess,
            "warm-load" => Place::Reload,
            _ => Place::Anywhere,
        }
    }

    fn measured(steps: &[Step]) -> Vec<String> {
        steps
            .iter()
            .filter_map(|step| match step {
                Step::Measure { trial } => Some(trial.0.clone()),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn every_trial_is_visited_once_and_the_seed_decides_the_order() {
        let trials = trials();
        let first = schedule(&trials, 1, place);
        assert_eq!(first, schedule(&trials, 1, place));
        assert_ne!(first, schedule(&trials, 2, place));
        let mut ids = measured(&first);
        ids.sort();
        let mut expected: Vec<_> = trials.iter().map(|trial| trial.id.0.clone()).collect();
        expected.sort();
        assert_eq!(ids, expected);
    }

    #[test]
    fn a_cold_load_always_meets_a_fresh_process_and_comes_first() {
        let trials = trials();
        let steps = schedule(&trials, 7, place);
        let cell = |id: &str| &trials.iter().find(|trial| trial.id.0 == id).unwrap().cell;
        for pair in steps.windows(2) {
            if let Step::Measure { trial } = &pair[1]
                && cell(&trial.0).case == "cold-load"
            {
                assert!(matches!(pair[0], Step::Open { .. } | Step::Relaunch { .. }));
            }
        }
    }

    #[test]
    fn rounds_do_not_repeat_one_order() {
        let trials = trials();
        let order = |round: u32| -> Vec<(String, String)> {
            measured(&schedule(&trials, 3, place))
                .iter()
                .filter_map(|id| trials.iter().find(|trial| trial.id.0 == *id && trial.round == round))
                .map(|trial| (trial.cell.model.clone(), trial.cell.case.clone()))
                .collect()
        };
        assert!(order(0) != order(1) || order(1) != order(2));
    }
}
