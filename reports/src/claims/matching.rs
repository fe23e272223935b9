//! Whether evidence was taken under a claim's conditions, and if not, what differs.

use dyno_protocol::ComputeUnit;
use dyno_suites::{Claim, Conditions, Definitions, EvidenceKind, Selector, Where, Words};

use super::Ground;
use crate::cell::Cell;
use crate::derive::{Group, Identity};
use crate::evidence::Evidence;

/// What a test is about: a place and a configuration under a claim's conditions.
#[derive(Debug)]
pub(super) struct Aim<'a> {
    pub(super) claim: &'a Claim,
    pub(super) at: &'a Where,
    pub(super) of: Selector,
}

/// A group that was looked at for a test.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) group: &'a Group<'a>,
    /// Empty for one that may decide.
    pub(super) differs: Vec<String>,
}

impl<'a> Aim<'a> {
    pub(super) fn new(claim: &'a Claim, at: &'a Where) -> Self {
        Self { claim, at, of: at.only.or(&claim.conditions.of) }
    }

    /// The same place with another configuration.
    pub(super) fn with(claim: &'a Claim, at: &'a Where, selector: &Selector) -> Self {
        Self { claim, at, of: selector.or(&at.only.or(&claim.conditions.of)) }
    }

    pub(super) fn is_at(&self, cell: &Cell) -> bool {
        cell.suite == self.at.suite()
            && self.at.is_about(&cell.case)
            && self.at.axes.iter().all(|(axis, value)| cell.axes.get(axis) == Some(value))
    }

    /// Every group at the place, those that match first, then those that differ least.
    pub(super) fn candidates(&self, ground: &Ground<'a>) -> Vec<Candidate<'a>> {
        let there = ground.groups.iter().filter(|group| self.is_at(&group.cell));
        let mut found: Vec<Candidate<'a>> = there
            .map(|group| Candidate {
                group,
                differs: self.differs(&group.cell, &group.identity, group.evidence, ground.definitions),
            })
            .collect();
        found.sort_by_key(|candidate| candidate.differs.len());
        found
    }

    /// What keeps evidence from deciding, in words; empty where nothing does.
    pub(super) fn differs(
        &self,
        cell: &Cell,
        identity: &Identity,
        evidence: Evidence,
        definitions: &Definitions,
    ) -> Vec<String> {
        let mut differs = cell_differs(&self.of, self.at, cell, evidence, definitions);
        if !self.claim.decided_by.contains(&kind(evidence)) {
            differs.push(match evidence {
                Evidence::Measured => "it was measured, which does not decide this claim".to_owned(),
                Evidence::SyntheticWeights => "the weights were made from a seed".to_owned(),
                Evidence::ThirdParty => "it was measured by others".to_owned(),
                Evidence::Simulated => "it is simulated, which is evidence about nothing real".to_owned(),
            });
        }
        identity_differs(&self.claim.conditions, identity, &mut differs);
        let case = format!("{}/{}", cell.suite, cell.case);
        if cell.case_version != definitions.case(&case).map_or(cell.case_version, |(_, case)| case.version) {
            differs.push(format!("it was measured with version {} of the case", cell.case_version));
        }
        differs
    }
}

pub(super) fn kind(evidence: Evidence) -> EvidenceKind {
    match evidence {
        Evidence::Measured => EvidenceKind::Measured,
        Evidence::SyntheticWeights => EvidenceKind::SyntheticWeights,
        Evidence::ThirdParty => EvidenceKind::ThirdParty,
        Evidence::Simulated => EvidenceKind::Simulated,
    }
}

fn is_not(what: &str, found: &str, wanted: &[String]) -> String {
    format!("the {what} is {found}, not {}", wanted.join(" or "))
}

pub(super) fn words<T: Words>(values: &[T]) -> Vec<String> {
    values.iter().map(|value| value.word().to_owned()).collect()
}

/// Whether a cell's model is one of these; made weights stand for the model whose shape they have.
pub(super) fn stands_for(
    model: &str,
    wanted: &[String],
    evidence: Evidence,
    definitions: &Definitions,
) -> bool {
    if wanted.is_empty() || wanted.iter().any(|id| id == model) {
        return true;
    }
    let shape = |id: &str| definitions.model(id).ok()?.parameters;
    evidence == Evidence::SyntheticWeights
        && shape(model).is_some_and(|found| wanted.iter().any(|id| shape(id) == Some(found)))
}

pub(super) fn cell_differs(
    of: &Selector,
    at: &Where,
    cell: &Cell,
    evidence: Evidence,
    definitions: &Definitions,
) -> Vec<String> {
    let mut differs = Vec::new();
    if !stands_for(&cell.model, &of.models, evidence, definitions) {
        differs.push(is_not("model", &cell.model, &of.models));
    }
    let quant = definitions.quant_by_name(&cell.quant).map_or(cell.quant.as_str(), |quant| quant.id.as_str());
    if !of.quants.is_empty() && !of.quants.iter().any(|id| id == quant) {
        differs.push(is_not("quantization", &cell.quant, &of.quants));
    }
    if !of.engines.is_empty() && !of.engines.contains(&cell.engine) {
        differs.push(is_not("engine", &cell.engine, &of.engines));
    }
    if !of.units.is_empty() && !of.units.contains(&cell.unit) {
        differs.push(is_not("compute unit", cell.unit.word(), &words(&of.units)));
    }
    debug_assert!(at.is_about(&cell.case), "only cells at the place are compared");
    differs
}

fn identity_differs(conditions: &Conditions, identity: &Identity, differs: &mut Vec<String>) {
    if !conditions.device_kinds.is_empty() && !conditions.device_kinds.contains(&identity.kind) {
        differs.push(is_not("device", identity.kind.word(), &words(&conditions.device_kinds)));
    }
    if !conditions.marketing_names.is_empty() {
        match &identity.marketing_name {
            Some(name) if conditions.marketing_names.contains(name) => {}
            Some(name) => differs.push(is_not("device", name, &conditions.marketing_names)),
            None => differs.push("what the device is sold as is not known".to_owned()),
        }
    }
    state("power source", identity.power, &conditions.power, differs);
    state("thermal state at the start", identity.thermal_start, &conditions.thermal_start, differs);
    if !conditions.builds.is_empty() && !conditions.builds.contains(&identity.profile) {
        differs.push(is_not("agent's build", identity.profile.word(), &words(&conditions.builds)));
    }
    match (conditions.low_power_mode, identity.low_power_mode) {
        (Some(wanted), Some(found)) if wanted != found => {
            differs.push(format!("low power mode was {}", if found { "on" } else { "off" }));
        }
        (Some(_), None) => differs.push("whether low power mode was on is not known".to_owned()),
        _ => {}
    }
    if identity.in_background {
        differs.push("the agent was in the background".to_owned());
    }
    if identity.os_build.is_none() {
        differs.push("the OS build is not known".to_owned());
    }
    if identity.model_sha256.is_none() {
        differs.push("the hash of the weights is not known".to_owned());
    }
}

fn state<T: Words>(what: &str, found: Option<T>, wanted: &[T], differs: &mut Vec<String>) {
    match found {
        _ if wanted.is_empty() => {}
        Some(found) if wanted.contains(&found) => {}
        Some(found) => differs.push(is_not(what, found.word(), &words(wanted))),
        None => differs.push(format!("the {what} is not known")),
    }
}

/// A group in a few words.
pub(super) fn describe(group: &Group<'_>) -> String {
    let build = group.identity.os_build.as_deref().unwrap_or("unknown");
    format!("{}, on {} (OS build {build})", describe_cell(&group.cell), group.identity.device())
}

pub(super) fn describe_cell(cell: &Cell) -> String {
    let axes: Vec<String> = cell.axes.iter().map(|(axis, value)| format!(" {axis} {value}")).collect();
    let axes = axes.concat();
    let on = match cell.unit {
        ComputeUnit::Any => String::new(),
        unit => format!(" on {}", unit.word()),
    };
    format!("{} {}, {}{on}, {}/{}{axes}", cell.model, cell.quant, cell.engine, cell.suite, cell.case)
}

/// The candidates that may not decide, nearest first, each with what differs; far too many are counted.
pub(super) fn list_differing<'a, 'b>(candidates: impl Iterator<Item = &'b Candidate<'a>>) -> Vec<String>
where
    'a: 'b,
{
    const MOST: usize = 4;
    let others: Vec<&Candidate<'_>> = candidates.filter(|candidate| !candidate.differs.is_empty()).collect();
    let mut lines: Vec<String> = others
        .iter()
        .take(MOST)
        .map(|other| {
            format!(
                "{} ({}): {}",
                describe(other.group),
                other.group.evidence.word(),
                other.differs.join("; ")
            )
        })
        .collect();
    if others.len() > MOST {
        lines.push(format!("{} more cells at the same place differ in more", others.len() - MOST));
    }
    lines
}
