//! What a run was asked for. Kept in the bundle, so that an interrupted run is taken up as it was meant.

use dyno_suites::{Definitions, Plan as NamedPlan, UnknownId};
use serde::{Deserialize, Serialize};

use crate::args::RunArgs;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Selection {
    pub(crate) cases: Vec<CaseName>,
    pub(crate) models: Vec<String>,
    pub(crate) quants: Vec<String>,
    pub(crate) engines: Vec<String>,
    pub(crate) units: Vec<String>,
    pub(crate) devices: Vec<String>,
    /// Depths instead of the cases' own.
    pub(crate) depths: Option<Vec<u32>>,
    pub(crate) rounds: u32,
    pub(crate) short: bool,
    pub(crate) threads: Option<u32>,
    /// Seconds of silence after which an agent is taken to hang.
    pub(crate) patience_s: u64,
    pub(crate) seed: u64,
}

/// A pass of a large model on a slow machine takes minutes; nothing that is well is silent for longer.
const PATIENCE_S: u64 = 900;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaseName {
    pub(crate) suite: String,
    pub(crate) case: String,
}

/// The selection's file among a bundle's definitions.
pub(crate) const SELECTION_FILE: &str = "selection.json";

/// The plan behind the bare command.
const MAIN_PLAN: &str = "speed-short";

impl Selection {
    /// What `dyno run` was told, with the main plan's models where none are named.
    pub(crate) fn of_args(args: &RunArgs, definitions: &Definitions) -> Result<Self, SelectionError> {
        let mut cases = Vec::new();
        for name in &args.suites {
            let suite = definitions.suite(name)?;
            cases.extend(
                suite
                    .cases
                    .iter()
                    .filter(|case| {
                        args.case.is_empty() || args.case.iter().any(|part| case.id.contains(part))
                    })
                    .map(|case| CaseName { suite: suite.id.clone(), case: case.id.clone() }),
            );
        }
        if cases.is_empty() {
            return Err(SelectionError::Cases {
                filter: args.case.join(", "),
                known: list(
                    args.suites
                        .iter()
                        .filter_map(|name| definitions.suite(name).ok())
                        .flat_map(|suite| suite.cases.iter().map(|case| case.id.as_str())),
                ),
            });
        }
        let models =
            if args.model.is_empty() { main_plan(definitions)?.models.clone() } else { args.model.clone() };
        Ok(Self {
            cases,
            models,
            quants: args.quant.clone(),
            engines: args.engine.clone(),
            units: args.unit.clone(),
            devices: args.device.clone(),
            depths: args.depth.as_ref().map(|numbers| numbers.0.clone()),
            rounds: args.rounds,
            short: args.short,
            threads: args.threads,
            patience_s: args.patience,
            seed: args.seed,
        })
    }

    /// The main job: this machine, the embedded models, a short plan.
    pub(crate) fn main_job(definitions: &Definitions, seed: u64) -> Result<Self, SelectionError> {
        let plan = main_plan(definitions)?;
        let cases = plan
            .cases
            .iter()
            .filter_map(|name| name.split_once('/'))
            .map(|(suite, case)| CaseName { suite: suite.to_owned(), case: case.to_owned() })
            .collect();
        Ok(Self {
            cases,
            models: plan.models.clone(),
            quants: plan.quants.clone(),
            engines: vec![crate::models::OWN_ENGINE.to_owned()],
            units: vec!["cpu".to_owned()],
            devices: vec![crate::devices::LOCAL.to_owned()],
            depths: (!plan.depths.is_empty()).then(|| plan.depths.clone()),
            rounds: plan.rounds,
            short: plan.short,
            threads: None,
            patience_s: PATIENCE_S,
            seed,
        })
    }
}

fn main_plan(definitions: &Definitions) -> Result<&NamedPlan, UnknownId> {
    definitions.plan(MAIN_PLAN)
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum SelectionError {
    #[error(transparent)]
    Unknown(#[from] UnknownId),
    #[error("no case's id contains {filter}; the cases are: {known}")]
    Cases { filter: String, known: String },
}
