//! What will be measured: every asked-for combination, as a trial or as a skip with its reason. Pure.

mod estimate;
mod power;
mod shards;
mod skip;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use dyno_protocol::{ComputeUnit, DeviceFacts};
use dyno_reports::cell::{Cell, PlannedTrial, Side, Skipped};
use dyno_suites::{Case, Definitions, Quant, Suite, UnknownId, Variant, Words, WorkKind};

pub(crate) use power::powers;

use crate::against::Against;
use crate::models::{AS_STORED, Chosen, ModelNameError, SCRIPTED_ENGINE, SERVER_ENGINE};
use crate::selection::Selection;

/// A device that answered, under the name it was asked for by.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) device: String,
    pub(crate) facts: DeviceFacts,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) trials: Vec<PlannedTrial>,
    pub(crate) skipped: Vec<Skipped>,
}

impl Plan {
    pub(crate) fn expected_ns(&self) -> u64 {
        self.trials.iter().map(|trial| trial.expected_ns).sum()
    }

    fn on_side(self, side: Side) -> Self {
        let sided = |cell: Cell| Cell { side: Some(side), ..cell };
        let trial =
            |trial: PlannedTrial| PlannedTrial::new(sided(trial.cell), trial.round, trial.expected_ns);
        let skip = |skipped: Skipped| Skipped { cell: sided(skipped.cell), reason: skipped.reason };
        Self {
            trials: self.trials.into_iter().map(trial).collect(),
            skipped: self.skipped.into_iter().map(skip).collect(),
        }
    }
}

/// For cells whose work needs no model.
pub(crate) const NONE: &str = "none";

pub(crate) fn plan(
    selection: &Selection,
    definitions: &Definitions,
    offers: &[Offer],
) -> Result<Plan, PlanError> {
    let cases = cases(selection, definitions)?;
    let configurations = configurations(selection, definitions)?;
    let mut plan = Plan { trials: Vec::new(), skipped: Vec::new() };
    for offer in offers {
        for (suite, case) in &cases {
            let shard = shards::of(case, offer, offers);
            for variant in case.variants_at(&selection.axis_values()) {
                let variant = shards::with(variant, shard);
                if case.work.kind() == WorkKind::Bandwidth {
                    let cell = cell(suite, case, &variant, offer, None);
                    add(&mut plan, selection, false, cell, Ok(estimate::bandwidth_ns(case, selection.short)));
                    continue;
                }
                for configuration in &configurations {
                    let cell = cell(suite, case, &variant, offer, Some(configuration));
                    let reason = skip::reason(case, configuration, &variant, offer)
                        .or_else(|| skip::items(configuration, &variant, definitions));
                    let fits = reason.map_or_else(
                        || {
                            Ok(estimate::trial_ns(
                                case,
                                &variant,
                                selection,
                                configuration,
                                offer,
                                definitions,
                            ))
                        },
                        Err,
                    );
                    add(&mut plan, selection, case.work.task().is_some(), cell, fits);
                }
            }
        }
    }
    plan.trials.sort_by_key(|trial| trial.round);
    Ok(plan)
}

/// The plan of a comparison: everything for the candidate, and the same for the base.
pub(crate) fn both_sides(
    selection: &Selection,
    against: &Against,
    definitions: &Definitions,
    candidate: &[Offer],
    base: &[Offer],
) -> Result<Plan, PlanError> {
    let mut other = selection.clone();
    if let Against::Model(model) = against {
        other.models = vec![model.clone()];
    }
    let mut both = plan(selection, definitions, candidate)?.on_side(Side::Candidate);
    let base = plan(&other, definitions, base)?.on_side(Side::Base);
    both.trials.extend(base.trials);
    both.trials.sort_by_key(|trial| trial.round);
    both.skipped.extend(base.skipped);
    Ok(both)
}

fn add(plan: &mut Plan, selection: &Selection, asks_items: bool, cell: Cell, fits: Result<u64, String>) {
    match fits {
        Ok(expected_ns) => {
            // Greedy answers are the same every time: a second round would count every item twice.
            let rounds = if asks_items { 1 } else { selection.rounds };
            plan.trials.extend((0..rounds).map(|round| PlannedTrial::new(cell.clone(), round, expected_ns)));
        }
        Err(reason) => plan.skipped.push(Skipped { cell, reason }),
    }
}

/// One way to have a model loaded.
#[derive(Debug, Clone)]
struct Configuration<'a> {
    model_name: String,
    chosen: Chosen<'a>,
    quant_name: String,
    quant: Option<&'a Quant>,
    /// As in the agent's facts; a server's URL is left out.
    engine: String,
    engine_name: String,
    unit: ComputeUnit,
}

fn cases<'a>(
    selection: &Selection,
    definitions: &'a Definitions,
) -> Result<Vec<(&'a Suite, &'a Case)>, PlanError> {
    selection
        .cases
        .iter()
        .map(|name| Ok(definitions.case(&format!("{}/{}", name.suite, name.case))?))
        .collect()
}

fn configurations<'a>(
    selection: &Selection,
    definitions: &'a Definitions,
) -> Result<Vec<Configuration<'a>>, PlanError> {
    let mut configurations: Vec<Configuration<'a>> = Vec::new();
    let engine_of = |name: &str| name.split_once(':').map_or(name, |(engine, _)| engine).to_owned();
    let served = selection.engines.iter().all(|name| engine_of(name) == SERVER_ENGINE);
    for model_name in &selection.models {
        let chosen = Chosen::of(model_name, served, definitions)?;
        for quant_name in &selection.quants {
            let (quant_name, quant) = quant(&chosen, quant_name, definitions)?;
            for engine_name in &selection.engines {
                let engine = engine_of(engine_name);
                for unit in &selection.units {
                    let unit = ComputeUnit::from_word(unit).ok_or_else(|| PlanError::Unit {
                        name: unit.clone(),
                        known: ComputeUnit::ALL.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", "),
                    })?;
                    let unit = if engine == SERVER_ENGINE { ComputeUnit::Remote } else { unit };
                    let configuration = Configuration {
                        model_name: model_name.clone(),
                        chosen: chosen.clone(),
                        quant_name: quant_name.clone(),
                        quant,
                        engine: engine.clone(),
                        engine_name: engine_name.clone(),
                        unit,
                    };
                    let same = |other: &Configuration<'_>| {
                        (&other.model_name, &other.quant_name, &other.engine_name, other.unit)
                            == (&configuration.model_name, &configuration.quant_name, engine_name, unit)
                    };
                    if !configurations.iter().any(same) {
                        configurations.push(configuration);
                    }
                }
            }
        }
    }
    Ok(configurations)
}

fn quant<'a>(
    chosen: &Chosen<'_>,
    name: &str,
    definitions: &'a Definitions,
) -> Result<(String, Option<&'a Quant>), PlanError> {
    if matches!(chosen, Chosen::Script(_)) {
        return Ok((NONE.to_owned(), None));
    }
    if name == AS_STORED {
        return Ok((AS_STORED.to_owned(), None));
    }
    let called = definitions.quants().iter().find(|quant| quant.is_called(name));
    let quant = called.map_or_else(|| definitions.quant(name), Ok)?;
    Ok((quant.id.clone(), Some(quant)))
}

fn cell(
    suite: &Suite,
    case: &Case,
    variant: &Variant,
    offer: &Offer,
    configuration: Option<&Configuration<'_>>,
) -> Cell {
    Cell {
        suite: suite.id.clone(),
        suite_version: suite.version,
        case: case.id.clone(),
        case_version: case.version,
        model: configuration.map_or(NONE, |configuration| configuration.model_name.as_str()).to_owned(),
        quant: configuration.map_or(NONE, |configuration| configuration.quant_name.as_str()).to_owned(),
        engine: configuration.map_or(NONE, |configuration| configuration.engine_name.as_str()).to_owned(),
        unit: configuration.map_or(ComputeUnit::Cpu, |configuration| configuration.unit),
        device: offer.device.clone(),
        axes: BTreeMap::clone(&variant.axes),
        side: None,
    }
}

fn is_scripted(engine: &str) -> bool {
    engine == SCRIPTED_ENGINE
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    #[error(transparent)]
    Model(#[from] ModelNameError),
    #[error(transparent)]
    Unknown(#[from] UnknownId),
    #[error("there is no compute unit `{name}`; the units are: {known}")]
    Unit { name: String, known: String },
}
