//! What a run was asked for. Kept in the bundle, so that an interrupted run is taken up as it was meant.

use std::path::PathBuf;

use dyno_protocol::Thinking;
use dyno_suites::{AxisValues, Case, Definitions, Plan as NamedPlan, UnknownId, Words};
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
    /// Prompt lengths and allocated contexts instead of the cases' own.
    pub(crate) prompts: Option<Vec<u32>>,
    pub(crate) contexts: Option<Vec<u32>>,
    /// Modes and caps instead of the cases' own.
    pub(crate) thinking: Option<Vec<Thinking>>,
    pub(crate) caps: Option<Vec<u32>>,
    /// How many items of a task are asked, instead of what the cases say.
    pub(crate) items: Option<u32>,
    /// Files and folders in which data sets lie.
    #[serde(default)]
    pub(crate) data: Vec<PathBuf>,
    /// Answers that the same weights gave in earlier runs are taken as they were.
    pub(crate) use_cache: bool,
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

const USUAL_QUANT: &str = "bf16";
const USUAL_ROUNDS: u32 = 3;

/// The plan behind the bare command.
const MAIN_PLAN: &str = "speed-short";

impl Selection {
    /// What `dyno run` was told, with the main plan's models where none are named.
    pub(crate) fn of_args(args: &RunArgs, definitions: &Definitions) -> Result<Self, SelectionError> {
        let asked = Asked::of(&args.suites, !args.case.is_empty(), definitions)?;
        let chosen =
            |case: &CaseName| args.case.is_empty() || args.case.iter().any(|part| case.case.contains(part));
        let cases: Vec<CaseName> = asked.cases.iter().filter(|case| chosen(case)).cloned().collect();
        if cases.is_empty() {
            return Err(SelectionError::Cases {
                filter: args.case.join(", "),
                known: list(asked.cases.iter().map(|case| case.case.as_str())),
            });
        }
        let or = |given: &[String], of_plan: fn(&NamedPlan) -> &Vec<String>, usual: &[String]| {
            let of_plan = asked.plan.map_or(usual, |plan| of_plan(plan).as_slice());
            if given.is_empty() { of_plan.to_vec() } else { given.to_vec() }
        };
        let models = or(&args.model, |plan| &plan.models, &main_plan(definitions)?.models);
        // A server has its weights in the one form in which it has them.
        let served = args.engine.iter().all(|engine| engine.starts_with(crate::models::SERVER_ENGINE));
        let quants = if served && args.quant.is_empty() {
            vec![crate::models::AS_STORED.to_owned()]
        } else {
            or(&args.quant, |plan| &plan.quants, &[USUAL_QUANT.to_owned()])
        };
        let of_plan = asked.plan.filter(|plan| !plan.depths.is_empty()).map(|plan| plan.depths.clone());
        Ok(Self {
            cases,
            models,
            quants,
            engines: args.engine.clone(),
            units: args.unit.clone(),
            devices: args.device.clone(),
            depths: args.depth.as_ref().map(|numbers| numbers.0.clone()).or(of_plan),
            prompts: args.prompt.as_ref().map(|numbers| numbers.0.clone()),
            contexts: args.context.as_ref().map(|numbers| numbers.0.clone()),
            thinking: (!args.thinking.is_empty())
                .then(|| args.thinking.iter().map(|word| thinking(word)).collect::<Result<_, _>>())
                .transpose()?,
            caps: args.cap.as_ref().map(|numbers| numbers.0.clone()),
            items: args.items,
            data: args.data.clone(),
            use_cache: !args.fresh,
            rounds: args.rounds.or(asked.plan.map(|plan| plan.rounds)).unwrap_or(USUAL_ROUNDS),
            short: args.short || asked.plan.is_some_and(|plan| plan.short),
            threads: args.threads,
            patience_s: args.patience,
            seed: args.seed,
        })
    }

    /// Values for the cases' axes.
    pub(crate) fn axis_values(&self) -> AxisValues {
        AxisValues {
            depths: self.depths.clone(),
            prompts: self.prompts.clone(),
            contexts: self.contexts.clone(),
            thinking: self.thinking.clone(),
            caps: self.caps.clone(),
        }
    }

    /// The main job: this machine, the embedded models, a short plan.
    pub(crate) fn main_job(definitions: &Definitions, seed: u64) -> Result<Self, SelectionError> {
        let plan = main_plan(definitions)?;
        let cases = cases_of(plan);
        Ok(Self {
            cases,
            models: plan.models.clone(),
            quants: plan.quants.clone(),
            engines: vec![crate::models::OWN_ENGINE.to_owned()],
            units: vec!["cpu".to_owned()],
            devices: vec![crate::devices::LOCAL.to_owned()],
            depths: (!plan.depths.is_empty()).then(|| plan.depths.clone()),
            prompts: None,
            contexts: None,
            thinking: None,
            caps: None,
            items: None,
            data: Vec::new(),
            use_cache: true,
            rounds: plan.rounds,
            short: plan.short,
            threads: None,
            patience_s: PATIENCE_S,
            seed,
        })
    }
}

/// What the names on the command line stand for.
struct Asked<'a> {
    cases: Vec<CaseName>,
    /// Where exactly one plan is named: it says what is measured when nothing else does.
    plan: Option<&'a NamedPlan>,
}

impl<'a> Asked<'a> {
    /// Names of suites, which stand for their usual cases or for `all` of them, of single cases, and of plans.
    fn of(names: &[String], all: bool, definitions: &'a Definitions) -> Result<Self, UnknownId> {
        let mut asked = Self { cases: Vec::new(), plan: None };
        for name in names {
            let plan = definitions.plans().iter().find(|plan| plan.id == *name);
            let cases = match (plan, definitions.suite(name)) {
                _ if name.contains('/') => {
                    let (suite, case) = definitions.case(name)?;
                    vec![CaseName { suite: suite.id.clone(), case: case.id.clone() }]
                }
                (_, Ok(suite)) => {
                    let named = |case: &Case| CaseName { suite: suite.id.clone(), case: case.id.clone() };
                    suite.cases.iter().filter(|case| all || suite.is_usual(case)).map(named).collect()
                }
                (Some(plan), Err(_)) => cases_of(plan),
                (None, Err(unknown)) => return Err(unknown),
            };
            asked.plan = plan.filter(|_| names.len() == 1);
            for case in cases {
                if !asked.cases.contains(&case) {
                    asked.cases.push(case);
                }
            }
        }
        Ok(asked)
    }
}

fn cases_of(plan: &NamedPlan) -> Vec<CaseName> {
    let named = plan.cases.iter().filter_map(|name| name.split_once('/'));
    named.map(|(suite, case)| CaseName { suite: suite.to_owned(), case: case.to_owned() }).collect()
}

fn thinking(word: &str) -> Result<Thinking, SelectionError> {
    Thinking::from_word(word).ok_or_else(|| SelectionError::Thinking { word: word.to_owned() })
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
    #[error("`{word}` is no way of thinking; there are on, off and default")]
    Thinking { word: String },
    #[error("no case's id contains {filter}; the cases are: {known}")]
    Cases { filter: String, known: String },
}
