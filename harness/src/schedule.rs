//! The order of a run. Pure and seeded: the same plan and seed give the same steps.
//!
//! Every round visits every configuration (model, quantization, engine, unit) in a fresh random order, and
//! within a visit the cases in a fresh random order. Drift of the device then spreads over all cells instead
//! of passing for a difference between them. Where a run compares two sides, each visit is one of both, one right
//! after the other in the same order of cases, and the next round visits them the other way round (ABBA): drift
//! that goes one way then cancels out of every two rounds.
//!
//! Work that makes the device hot comes last, each trial of it behind a gate: whatever came after it would be
//! measured on another device. A probe at the start and at the end of a sitting shows how far that went.

use std::collections::{BTreeMap, BTreeSet};

use dyno_protocol::ComputeUnit;
use dyno_reports::bundle::ProbeReason;
use dyno_reports::cell::{Cell, PlannedTrial, Side, TrialId};
use dyno_suites::{Definitions, Place};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One explicit step of a run.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub(crate) enum Step {
    /// A new sitting on a device, with the agent of this side.
    Open {
        device: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        side: Option<Side>,
    },
    /// A new agent process, so that the next load is a cold one, or to change sides.
    Relaunch {
        device: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        side: Option<Side>,
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
    /// Absent where two models are compared: then they share their visits.
    model: Option<String>,
    quant: String,
    engine: String,
    unit: ComputeUnit,
}

impl Configuration {
    fn of(cell: &Cell, models_differ: bool) -> Self {
        Self {
            model: (!models_differ).then(|| cell.model.clone()),
            quant: cell.quant.clone(),
            engine: cell.engine.clone(),
            unit: cell.unit,
        }
    }
}

/// Steps for all devices, one device after the other.
pub(crate) fn schedule(trials: &[PlannedTrial], seed: u64, manner: impl Fn(&Cell) -> Manner) -> Vec<Step> {
    let models_differ = models_differ(trials);
    let mut by_device: BTreeMap<&str, (Vec<&PlannedTrial>, Vec<&PlannedTrial>)> = BTreeMap::new();
    for trial in trials {
        let (calm, heating) = by_device.entry(&trial.cell.device).or_default();
        let part = if manner(&trial.cell).rest_ns.is_some() { heating } else { calm };
        part.push(trial);
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut steps = Vec::new();
    for (device, (calm, heating)) in by_device {
        let has_sides = calm.iter().chain(&heating).any(|trial| trial.cell.side.is_some());
        let base_leads = has_sides && random.random();
        let calm = visits(&calm, models_differ, base_leads, &mut random, &manner);
        let heating = visits(&heating, models_differ, base_leads, &mut random, &manner);
        let first = calm.iter().chain(&heating).flatten().next();
        let side = first.and_then(|trial| trial.cell.side);
        let mut turns =
            Turns { device, steps: vec![Step::Open { device: device.to_owned(), side }], side, fresh: true };
        calm_steps(&mut turns, &calm, &manner);
        heating_steps(&mut turns, &heating, &manner);
        steps.append(&mut turns.steps);
        steps.push(Step::Close { device: device.to_owned() });
    }
    steps
}

/// The steps of one device, with the side whose agent runs there.
struct Turns<'a> {
    device: &'a str,
    steps: Vec<Step>,
    side: Option<Side>,
    /// Nothing was loaded by this process.
    fresh: bool,
}

impl Turns<'_> {
    fn to(&mut self, side: Option<Side>) {
        if self.side != side {
            self.side = side;
            self.relaunch();
        }
    }

    fn relaunch(&mut self) {
        self.steps.push(Step::Relaunch { device: self.device.to_owned(), side: self.side });
        self.fresh = true;
    }

    fn probe(&mut self, like: &PlannedTrial, why: ProbeReason) {
        self.to(like.cell.side);
        self.steps.push(Step::Probe { like: like.id.clone(), why });
        self.fresh = false;
    }
}

/// Visits of all rounds, each of one side, with its trials in their order.
fn visits<'a>(
    trials: &[&'a PlannedTrial],
    models_differ: bool,
    base_leads: bool,
    random: &mut ChaCha8Rng,
    manner: &impl Fn(&Cell) -> Manner,
) -> Vec<Vec<&'a PlannedTrial>> {
    let mut rounds: BTreeMap<u32, BTreeMap<Configuration, Vec<&'a PlannedTrial>>> = BTreeMap::new();
    for trial in trials {
        let round = rounds.entry(trial.round).or_default();
        round.entry(Configuration::of(&trial.cell, models_differ)).or_default().push(trial);
    }
    let mut all = Vec::new();
    for (number, round) in rounds {
        let mut visits: Vec<_> = round.into_values().collect();
        visits.shuffle(random);
        for mut visit in visits {
            visit.shuffle(random);
            visit.sort_by_key(|trial| manner(&trial.cell).place);
            all.extend(by_side(&visit, base_leads == (number % 2 == 0)));
        }
    }
    all
}

/// Whether the two sides are two models rather than two builds.
fn models_differ(trials: &[PlannedTrial]) -> bool {
    let models = |side: Side| -> BTreeSet<&str> {
        let of_side = trials.iter().filter(|trial| trial.cell.side == Some(side));
        of_side.map(|trial| trial.cell.model.as_str()).collect()
    };
    models(Side::Base) != models(Side::Candidate)
}

/// One visit as one of each side, in the same order of cases; a visit of a run without sides stays one.
fn by_side<'a>(visit: &[&'a PlannedTrial], base_first: bool) -> Vec<Vec<&'a PlannedTrial>> {
    let first = if base_first { Side::Base } else { Side::Candidate };
    let place = |trial: &PlannedTrial| {
        let case = |other: &&PlannedTrial| {
            (&other.cell.suite, &other.cell.case, &other.cell.axes)
                == (&trial.cell.suite, &trial.cell.case, &trial.cell.axes)
        };
        visit.iter().position(case)
    };
    let of_side = |side: Option<Side>| {
        let mut trials: Vec<&PlannedTrial> =
            visit.iter().copied().filter(|trial| trial.cell.side == side).collect();
        trials.sort_by_key(|trial| place(trial));
        trials
    };
    let sides = [None, Some(first), Some(first.other())];
    sides.into_iter().map(of_side).filter(|trials| !trials.is_empty()).collect()
}

fn calm_steps(turns: &mut Turns<'_>, visits: &[Vec<&PlannedTrial>], manner: &impl Fn(&Cell) -> Manner) {
    let mut anchor: Option<&PlannedTrial> = None;
    for trial in visits.iter().flatten() {
        let its = manner(&trial.cell);
        turns.to(trial.cell.side);
        // The first loads of a sitting are measured before anything else loads: a probe would spoil them.
        if anchor.is_none() && its.is_probed && its.place == Place::Anywhere {
            turns.probe(trial, ProbeReason::Start);
            anchor = Some(trial);
        }
        if its.place == Place::FreshProcess && !turns.fresh {
            turns.relaunch();
        }
        turns.fresh = false;
        turns.steps.push(Step::Measure { trial: trial.id.clone() });
    }
    if let Some(like) = anchor {
        turns.probe(like, ProbeReason::End);
    }
}

/// First the cold references of all configurations, then each trial behind its rest and its gate.
fn heating_steps(turns: &mut Turns<'_>, visits: &[Vec<&PlannedTrial>], manner: &impl Fn(&Cell) -> Manner) {
    let mut seen: BTreeMap<(Option<Side>, Configuration), &PlannedTrial> = BTreeMap::new();
    for trial in visits.iter().flatten() {
        seen.entry((trial.cell.side, Configuration::of(&trial.cell, false))).or_insert(trial);
    }
    let anchor = visits.iter().flatten().next().copied();
    for like in seen.into_values() {
        let is_anchor = anchor.is_some_and(|anchor| anchor.id == like.id);
        turns.probe(like, if is_anchor { ProbeReason::Start } else { ProbeReason::Reference });
    }
    let mut is_cold = true;
    for trial in visits.iter().flatten() {
        turns.to(trial.cell.side);
        if let (Some(duration_ns), false) = (manner(&trial.cell).rest_ns, is_cold) {
            turns.steps.push(Step::Wait { before: trial.id.clone(), duration_ns });
        }
        is_cold = false;
        turns.steps.push(Step::Gate { trial: trial.id.clone() });
        turns.steps.push(Step::Measure { trial: trial.id.clone() });
    }
    if let Some(like) = anchor {
        turns.probe(like, ProbeReason::End);
    }
}

#[cfg(test)]
mod tests {
    use super::{Manner, Step, schedule};
    use dyno_protocol::ComputeUnit;
    use dyno_reports::bundle::ProbeReason;
    use dyno_reports::cell::{Cell, PlannedTrial, Side};
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
                        side: None,
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

    fn two_sided() -> Vec<PlannedTrial> {
        let sides = [Side::Base, Side::Candidate];
        let both = |trial: PlannedTrial| {
            sides.map(|side| {
                PlannedTrial::new(Cell { side: Some(side), ..trial.cell.clone() }, trial.round, 1)
            })
        };
        trials().into_iter().flat_map(both).collect()
    }

    #[test]
    fn sides_take_turns_and_the_next_round_turns_them_round() {
        let trials = two_sided();
        let steps = schedule(&trials, 5, manner);
        let planned: Vec<&PlannedTrial> =
            measured(&steps).iter().filter_map(|id| trials.iter().find(|trial| trial.id.0 == *id)).collect();
        assert_eq!(planned.len(), trials.len());
        // A visit is the four cases of one model on one side; the other side follows with the same cases.
        let visits: Vec<&[&PlannedTrial]> = planned.chunks(4).collect();
        for pair in visits.chunks(2) {
            let cases = |visit: &[&PlannedTrial]| -> Vec<(String, String)> {
                visit.iter().map(|trial| (trial.cell.model.clone(), trial.cell.case.clone())).collect()
            };
            assert_eq!(cases(pair[0]), cases(pair[1]));
            assert_eq!(pair[0][0].cell.side.map(Side::other), pair[1][0].cell.side);
        }
        let leads = |round: u32| {
            visits.chunks(2).find(|pair| pair[0][0].round == round).map(|pair| pair[0][0].cell.side)
        };
        assert_eq!(leads(0), leads(2));
        assert_ne!(leads(0), leads(1));
    }

    #[test]
    fn every_change_of_sides_is_a_fresh_process() {
        let trials = two_sided();
        let steps = schedule(&trials, 9, manner);
        let mut running = None;
        for step in &steps {
            match step {
                Step::Open { side, .. } | Step::Relaunch { side, .. } => running = Some(*side),
                Step::Measure { trial } => {
                    let side = trials.iter().find(|one| one.id == *trial).unwrap().cell.side;
                    assert_eq!(running, Some(side));
                }
                _ => {}
            }
        }
    }

    #[test]
    fn two_models_share_their_visits() {
        let trials: Vec<_> = two_sided()
            .into_iter()
            .filter(|trial| trial.cell.model == "a")
            .map(|trial| {
                let base = trial.cell.side == Some(Side::Base);
                let model = if base { "old".to_owned() } else { "new".to_owned() };
                PlannedTrial::new(Cell { model, ..trial.cell }, trial.round, 1)
            })
            .collect();
        let steps = schedule(&trials, 2, manner);
        let sides: Vec<_> = measured(&steps)
            .iter()
            .map(|id| trials.iter().find(|trial| trial.id.0 == *id).unwrap().cell.side.unwrap())
            .collect();
        let turns: Vec<_> = sides.chunks(4).map(|visit| visit[0]).collect();
        assert_eq!(turns[0], turns[1].other());
        assert_eq!((turns[1], turns[0], turns[3]), (turns[2], turns[3], turns[4]));
    }
}
