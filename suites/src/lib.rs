//! What Dyno measures and claims it checks, as data: suites, metrics, models, devices, claims; and the strict
//! loader that reports every mistake of all definition files at once.
//!
//! Owns what words mean. Must not know how anything is measured, computed or shown.

mod answer;
mod axes;
mod case;
mod check;
mod claim;
mod claim_test;
mod conditions;
mod day;
mod decide;
mod definitions;
mod device;
mod embedded_model;
mod engine;
mod filler;
mod loading;
mod metric;
mod model;
mod plan;
mod policy;
mod probe;
pub mod procedural;
mod quant;
pub mod shape;
mod simulated;
mod suite;
pub mod task;
mod words;
mod work;

pub use answer::Answer;
pub use axes::{AXES, AxisValues};
pub use case::{Case, PassRules, Place, Rules, Variant};
pub use claim::{Claim, EvidenceKind, Source, Wording};
pub use claim_test::{Quantity, Switch, Test, TestKind, Where};
pub use conditions::{Conditions, Selector};
pub use day::Day;
pub use decide::Decide;
pub use definitions::{Definitions, UnknownId};
pub use device::{Chip, Device};
pub use embedded_model::embedded_model;
pub use engine::Engine;
pub use filler::filler_prompt;
pub use loading::{DefinitionErrors, Mistake};
pub use metric::{Direction, Metric, Per, RelevantChange, Unit};
pub use model::{Capability, KnownName, Model, Parameters, Weights, WeightsKind};
pub use plan::Plan;
pub use policy::{Cells, Margin, Policy, Required, TopUp, Waiver, Watched};
pub use probe::{Gate, Probe};
pub use quant::{Quant, Scheme};
pub use suite::{Circumstance, Suite};
pub use task::{Item, Subject, Task};
pub use words::Words;
pub use work::{CaseWork, ItemCount, PromptSource, Work, WorkKind};
