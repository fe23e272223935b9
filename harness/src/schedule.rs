//! The order of a run. Pure and seeded: the same plan and seed give the same steps.
//!
//! Every round visits every configuration (model, quantization, engine, unit) in a fresh random order, and
//! within a visit the cases in a fresh random order. Drift of the device then spreads over all cells instead
//! of passing for a difference between them.
//!
//! Work that makes the device hot comes last, each trial of it behind a gate: whatever came after it would be
//! measured on another device. A probe at the start and at the end of a sitting shows how far that went.

use std::collections::BTreeMap;

use dyno_protocol::ComputeUnit;
use dyno_reports::bundle::ProbeReason;
use dyno_reports::cell::{Cell, PlannedTrial, TrialId};
use dyno_suites::{Definitions, Place};
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
    /// A short decode in the configuration of this trial, by the probe of its suite.
    Probe {
        like: TrialId,
        why: ProbeReason,
    },
    /// The device does nothing for a while before the trial, on its own clock.
    Wait {
        before: TrialId,
        duration_ns: u64,
    },
    /// The trial may begin when its probe is back at its cold reference; until then the device rests.
    Gate {
        trial: TrialId,
    },
    Measure {
        trial: TrialId,
    },
    Close {
        device: String,
    },
}

/// What the order of a cell depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) place: Place,
    /// Its suite has a probe, and the work has a model.
    pub(crate) is_probed: bool,
    /// Its suite has a gate; the rest before it is tried.
    pub(crate) rest_ns: Option<u64>,
}

impl Manner {
    pub(crate) const PLAIN: Self = Self { place: Place::Anywhere, is_probed: false, rest_ns: None };

    pub(crate) fn of(cell: &Cell, definitions: &Definitions) -> Self {
        definitions.case(&format!("{}/{}", cell.suite, cell.case)).map_or(Self::PLAIN, |(suite, case)| Self {
            place: case.place,
            is_probed: suite.probe.is_some() && cell.model != crate::plan::NONE,
            rest_ns: suite.gate.map(|gate| gate.rest_ns),
        })
    }
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
pub(crate) fn schedule(trials: &[PlannedTrial], seed: u64, manner: impl Fn(&Cell) -> Manner) -> Vec<Step> {
    let mut by_device: BTreeMap<&str, (Vec<&PlannedTrial>, Vec<&PlannedTrial>)> = BTreeMap::new();
    for trial in trials {
        let (calm, heating) = by_device.entry(&trial.cell.device).or_default();
        let part = if manner(&trial.cell).rest_ns.is_some() { heating } else { calm };
        part.push(trial);
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut steps = Vec::new();
    for (device, (calm, heating)) in by_device {
        steps.push(Step::Open { device: device.to_owned() });
        calm_steps(&mut steps, device, &visits(&calm, &mut random, &manner), &manner);
        heating_steps(&mut steps, &visits(&heating, &mut random, &manner), &manner);
        steps.push(Step::Close { device: device.to_owned() });
    }
    steps
}

/// Visits of all rounds, each with its trials in their order.
fn visits<'a>(
    trials: &[&'a PlannedTrial],
    random: &mut ChaCha8Rng,
    manner: &impl Fn(&Cell) -> Manner,
) -> Vec<Vec<&'a PlannedTrial>> {
    let mut rounds: BTreeMap<u32, BTreeMap<Configuration, Vec<&'a PlannedTrial>>> = BTreeMap::new();
    for trial in trials {
        let round = rounds.entry(trial.round).or_default();
        round.entry(Configuration::of(&trial.cell)).or_default().push(trial);
    }
    let mut all = Vec::new();
    for round in rounds.into_values() {
        let mut visits: Vec<_> = round.into_values().collect();
        visits.shuffle(random);
        for visit in &mut visits {
            visit.shuffle(random);
            visit.sort_by_key(|trial| manner(&trial.cell).place);
        }
        all.extend(visits);
    }
    all
}

fn calm_steps(
    steps: &mut Vec<Step>,
    device: &str,
    visits: &[Vec<&PlannedTrial>],
    manner: &impl Fn(&Cell) -> Manner,
) {
    let mut fresh = true;
    let mut anchor: Option<&TrialId> = None;
    for trial in visits.iter().flatten() {
        let its = manner(&trial.cell);
        // The first loads of a sitting are measured before anything else loads: a probe would spoil them.
        if anchor.is_none() && its.is_probed && its.place == Place::Anywhere {
            steps.push(Step::Probe { like: trial.id.clone(), why: ProbeReason::Start });
            (anchor, fresh) = (Some(&trial.id), false);
        }
        if its.place == Place::FreshProcess && !fresh {
            steps.push(Step::Relaunch { device: device.to_owned() });
        }
        fresh = false;
        steps.push(Step::Measure { trial: trial.id.clone() });
    }
    if let Some(like) = anchor {
        steps.push(Step::Probe { like: like.clone(), why: ProbeReason::End });
    }
}

/// First the cold references of all configurations, then each trial behind its rest and its gate.
fn heating_steps(steps: &mut Vec<Step>, visits: &[Vec<&PlannedTrial>], manner: &impl Fn(&Cell) -> Manner) {
    let mut seen: BTreeMap<Configuration, &TrialId> = BTreeMap::new();
    for trial in visits.iter().flatten() {
        seen.entry(Configuration::of(&trial.cell)).or_insert(&trial.id);
    }
    let anchor = visits.iter().flatten().next().map(|trial| &trial.id);
    for like in seen.into_values() {
        let why = if Some(like) == anchor { ProbeReason::Start } else { ProbeReason::Reference };
        steps.push(Step::Probe { like: like.clone(), why });
    }
    let mut is_cold = true;
    for trial in visits.iter().flatten() {
        if let (Some(duration_ns), false) = (manner(&trial.cell).rest_ns, is_cold) {
            steps.push(Step::Wait { before: trial.id.clone(), duration_ns });
        }
        is_cold = false;
        steps.push(Step::Gate { trial: trial.id.clone() });
        steps.push(Step::Measure { trial: trial.id.clone() });
    }
    if let Some(like) = anchor {
        steps.push(Step::Probe { like: like.clone(), why: ProbeReason::End });
    }
}

#[cfg(test)]
mod tests {
    use super::{Manner, Step, schedule};
    use dyno_protocol::ComputeUnit;
    use dyno_reports::bundle::ProbeReason;
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

    fn manner(cell: &Cell) -> Manner {
        let place = match cell.case.as_str() {
            "cold-load" => Place::FreshProcess,
            "warm-load" => Place::Reload,
            _ => Place::Anywhere,
        };
        Manner { place, is_probed: true, rest_ns: (cell.suite == "thermal").then_some(7) }
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
        let first = schedule(&trials, 1, manner);
        assert_eq!(first, schedule(&trials, 1, manner));
        assert_ne!(first, schedule(&trials, 2, manner));
        let mut ids = measured(&first);
        ids.sort();
        let mut expected: Vec<_> = trials.iter().map(|trial| trial.id.0.clone()).collect();
        expected.sort();
        assert_eq!(ids, expected);
    }

    #[test]
    fn a_cold_load_always_meets_a_fresh_process_and_comes_first() {
        let trials = trials();
        let steps = schedule(&trials, 7, manner);
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
            measured(&schedule(&trials, 3, manner))
                .iter()
                .filter_map(|id| trials.iter().find(|trial| trial.id.0 == *id && trial.round == round))
                .map(|trial| (trial.cell.model.clone(), trial.cell.case.clone()))
                .collect()
        };
        assert!(order(0) != order(1) || order(1) != order(2));
    }

    #[test]
    fn a_sitting_is_anchored_by_probes_after_its_first_loads_and_at_its_end() {
        let trials = trials();
        let steps = schedule(&trials, 7, manner);
        let first = steps.iter().position(|step| matches!(step, Step::Probe { .. })).unwrap();
        let Step::Probe { like, why: ProbeReason::Start } = &steps[first] else {
            panic!("{:?}", steps[first])
        };
        let cases: Vec<&str> = measured(&steps[..first])
            .iter()
            .filter_map(|id| trials.iter().find(|trial| trial.id.0 == *id))
            .map(|trial| trial.cell.case.as_str())
            .collect();
        assert_eq!(
            cases,
            ["cold-load", "warm-load"],
            "no probe loads what is to be loaded for the first time"
        );
        let last = steps.iter().rev().nth(1).unwrap();
        assert_eq!(*last, Step::Probe { like: like.clone(), why: ProbeReason::End });
    }

    #[test]
    fn what_heats_comes_last_and_behind_a_gate_each() {
        let mut trials = trials();
        for trial in trials.iter_mut().filter(|trial| trial.cell.case == "decode") {
            let cell = Cell { suite: "thermal".into(), ..trial.cell.clone() };
            *trial = PlannedTrial::new(cell, trial.round, 1);
        }
        let steps = schedule(&trials, 5, manner);
        let heats = |id: &str| trials.iter().any(|trial| trial.id.0 == id && trial.cell.suite == "thermal");
        let order: Vec<bool> = measured(&steps).iter().map(|id| heats(id)).collect();
        assert!(order.is_sorted() && order.contains(&true) && order.contains(&false));
        let mut references = 0;
        for pair in steps.windows(2) {
            if let Step::Measure { trial } = &pair[1]
                && heats(&trial.0)
            {
                assert_eq!(pair[0], Step::Gate { trial: trial.clone() });
            }
            references += u32::from(matches!(&pair[0], Step::Probe { why: ProbeReason::Reference, .. }));
        }
        assert_eq!(references, 2, "one of the three configurations is the anchor itself");
        let waits = steps.iter().filter(|step| matches!(step, Step::Wait { duration_ns: 7, .. })).count();
        assert_eq!(waits, 8, "nine trials, of which the first meets a cold device");
    }
}
