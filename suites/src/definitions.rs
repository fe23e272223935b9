//! The whole set: everything that is defined, checked against itself, with lookups by id.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dyno_protocol::SimulatedProfile;
use sha2::{Digest, Sha256};

use crate::answer::{ANSWER, Answer};
use crate::case::Case;
use crate::check;
use crate::claim::{CLAIM, Claim};
use crate::device::{CHIP, Chip, DEVICE, Device};
use crate::engine::{ENGINE, Engine};
use crate::loading::{
    DefinitionErrors, Fields, Mistake, Reading, SourceFile, added_files, did_you_mean, embedded_files,
};
use crate::metric::{METRIC, Metric};
use crate::model::{MODEL, Model};
use crate::plan::{PLAN, Plan};
use crate::policy::{POLICY, Policy};
use crate::quant::{QUANT, Quant};
use crate::simulated::{self, SIMULATED};
use crate::suite::{SUITE, Suite};
use crate::task::{TASK, Task};

#[derive(Debug, Clone, PartialEq)]
pub struct Definitions {
    metrics: Vec<Metric>,
    suites: Vec<Suite>,
    models: Vec<Model>,
    quants: Vec<Quant>,
    engines: Vec<Engine>,
    chips: Vec<Chip>,
    devices: Vec<Device>,
    claims: Vec<Claim>,
    plans: Vec<Plan>,
    simulated: Vec<SimulatedProfile>,
    answers: Vec<Answer>,
    tasks: Vec<Task>,
    policies: Vec<Policy>,
    versions: BTreeMap<String, String>,
    verbatim: BTreeMap<String, String>,
}

/// An id that no definition has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no {kind} `{id}`; {hint}")]
pub struct UnknownId {
    pub kind: &'static str,
    pub id: String,
    pub hint: String,
}

impl Definitions {
    /// Those that are part of the binary.
    pub fn embedded() -> Result<Self, DefinitionErrors> {
        Self::read(&embedded_files(), Vec::new())
    }

    /// The embedded ones with files and folders of the user's own on top, each above those before it.
    pub fn load(paths: &[PathBuf]) -> Result<Self, DefinitionErrors> {
        let (added, mistakes) = added_files(paths);
        let mut files = embedded_files();
        files.extend(added);
        Self::read(&files, mistakes)
    }

    /// Those that a bundle was run with, as [`Self::verbatim`] gave them.
    pub fn from_verbatim(verbatim: &BTreeMap<String, String>) -> Result<Self, DefinitionErrors> {
        let files: Vec<_> = verbatim
            .iter()
            .map(|(name, text)| {
                let layer = name.split_once('/').and_then(|(layer, _)| layer.parse().ok()).unwrap_or(0);
                SourceFile { name: name.clone(), text: text.clone(), layer }
            })
            .collect();
        let mut definitions = Self::read(&files, Vec::new())?;
        definitions.verbatim.clone_from(verbatim);
        Ok(definitions)
    }

    fn read(files: &[SourceFile], mut mistakes: Vec<Mistake>) -> Result<Self, DefinitionErrors> {
        let reading = Reading::new(files);
        let mut all = Self::empty();
        reading.each_file(|fields| all.read_file(fields));
        all.claims.sort_by_key(|claim| claim.number);
        check::all(&reading, &all);
        let (found, versions) = reading.finish();
        mistakes.extend(found);
        if let Some(errors) = DefinitionErrors::of(mistakes) {
            return Err(errors);
        }
        all.versions = versions;
        all.verbatim = files.iter().enumerate().map(verbatim_entry).collect();
        Ok(all)
    }

    fn read_file(&mut self, fields: &Fields<'_>) {
        fields.format();
        layer(&mut self.metrics, fields.each(METRIC, Metric::read), |metric| &metric.id);
        layer(&mut self.suites, fields.each(SUITE, Suite::read), |suite| &suite.id);
        layer(&mut self.models, fields.each(MODEL, Model::read), |model| &model.id);
        layer(&mut self.quants, fields.each(QUANT, Quant::read), |quant| &quant.id);
        layer(&mut self.engines, fields.each(ENGINE, Engine::read), |engine| &engine.id);
        layer(&mut self.chips, fields.each(CHIP, Chip::read), |chip| &chip.id);
        layer(&mut self.devices, fields.each(DEVICE, Device::read), |device| &device.id);
        layer(&mut self.claims, fields.each(CLAIM, Claim::read), |claim| &claim.id);
        layer(&mut self.plans, fields.each(PLAN, Plan::read), |plan| &plan.id);
        let simulated = fields.each(SIMULATED, simulated::read).into_iter().flatten().collect();
        layer(&mut self.simulated, simulated, |profile| &profile.id);
        layer(&mut self.answers, fields.each(ANSWER, Answer::read), |answer| &answer.id);
        layer(&mut self.tasks, fields.each(TASK, Task::read), |task| &task.id);
        layer(&mut self.policies, fields.each(POLICY, Policy::read), |policy| &policy.id);
    }

    fn empty() -> Self {
        Self {
            metrics: Vec::new(),
            suites: Vec::new(),
            models: Vec::new(),
            quants: Vec::new(),
            engines: Vec::new(),
            chips: Vec::new(),
            devices: Vec::new(),
            claims: Vec::new(),
            plans: Vec::new(),
            simulated: Vec::new(),
            answers: Vec::new(),
            tasks: Vec::new(),
            policies: Vec::new(),
            versions: BTreeMap::new(),
            verbatim: BTreeMap::new(),
        }
    }

    pub fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    pub fn suites(&self) -> &[Suite] {
        &self.suites
    }

    pub fn models(&self) -> &[Model] {
        &self.models
    }

    pub fn quants(&self) -> &[Quant] {
        &self.quants
    }

    pub fn engines(&self) -> &[Engine] {
        &self.engines
    }

    pub fn chips(&self) -> &[Chip] {
        &self.chips
    }

    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// In the order of their numbers.
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    pub fn plans(&self) -> &[Plan] {
        &self.plans
    }

    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    pub fn metric(&self, id: &str) -> Result<&Metric, UnknownId> {
        find(METRIC, &self.metrics, id, |metric| &metric.id)
    }

    pub fn suite(&self, id: &str) -> Result<&Suite, UnknownId> {
        find(SUITE, &self.suites, id, |suite| &suite.id)
    }

    /// A case by `suite/case`.
    pub fn case(&self, id: &str) -> Result<(&Suite, &Case), UnknownId> {
        let all: Vec<_> = self
            .suites
            .iter()
            .flat_map(|suite| {
                suite.cases.iter().map(move |case| (format!("{}/{}", suite.id, case.id), suite, case))
            })
            .collect();
        find("case", &all, id, |(id, _, _)| id).map(|(_, suite, case)| (*suite, *case))
    }

    pub fn model(&self, id: &str) -> Result<&Model, UnknownId> {
        find(MODEL, &self.models, id, |model| &model.id)
    }

    pub fn quant(&self, id: &str) -> Result<&Quant, UnknownId> {
        find(QUANT, &self.quants, id, |quant| &quant.id)
    }

    pub fn engine(&self, id: &str) -> Result<&Engine, UnknownId> {
        find(ENGINE, &self.engines, id, |engine| &engine.id)
    }

    pub fn chip(&self, id: &str) -> Result<&Chip, UnknownId> {
        find(CHIP, &self.chips, id, |chip| &chip.id)
    }

    pub fn claim(&self, id: &str) -> Result<&Claim, UnknownId> {
        find(CLAIM, &self.claims, id, |claim| &claim.id)
    }

    pub fn simulated_devices(&self) -> &[SimulatedProfile] {
        &self.simulated
    }

    pub fn simulated(&self, id: &str) -> Result<&SimulatedProfile, UnknownId> {
        find(SIMULATED, &self.simulated, id, |profile| &profile.id)
    }

    pub fn plan(&self, id: &str) -> Result<&Plan, UnknownId> {
        find(PLAN, &self.plans, id, |plan| &plan.id)
    }

    /// The known answer of this model in this format to this prompt.
    pub fn answer(&self, model: &str, quant: &str, prompt_sha256: &str) -> Option<&Answer> {
        self.answers.iter().find(|answer| {
            answer.model == model && answer.quant == quant && answer.prompt_sha256 == prompt_sha256
        })
    }

    pub fn task(&self, id: &str) -> Result<&Task, UnknownId> {
        find(TASK, &self.tasks, id, |task| &task.id)
    }

    pub fn policy(&self, id: &str) -> Result<&Policy, UnknownId> {
        find(POLICY, &self.policies, id, |policy| &policy.id)
    }

    /// The device that carries this identifier, such as `iPhone18,1`.
    pub fn device_by_identifier(&self, identifier: &str) -> Option<&Device> {
        self.devices.iter().find(|device| device.identifiers.iter().any(|known| known == identifier))
    }

    /// The chip that calls itself this, such as `Apple M4 Max`.
    pub fn chip_by_name(&self, name: &str) -> Option<&Chip> {
        self.chips.iter().find(|chip| chip.id == name || chip.title.eq_ignore_ascii_case(name.trim()))
    }

    /// The model that other tools or hubs call this, and the level that the name implies.
    pub fn model_by_name(&self, name: &str) -> Option<(&Model, Option<&Quant>)> {
        self.models.iter().find_map(|model| {
            let known = model.names.iter().find(|known| known.name.eq_ignore_ascii_case(name))?;
            let quant = known.quant.as_deref().and_then(|quant| self.quant(quant).ok());
            Some((model, quant))
        })
    }

    /// The quantization level that an agent's or another tool's name for a format means.
    pub fn quant_by_name(&self, name: &str) -> Option<&Quant> {
        self.quants.iter().find(|quant| quant.is_called(name))
    }

    pub fn engine_by_name(&self, name: &str) -> Option<&Engine> {
        self.engines.iter().find(|engine| engine.is_called(name))
    }

    /// The content hash of every versioned definition, by `kind id@version`.
    pub fn versions(&self) -> &BTreeMap<String, String> {
        &self.versions
    }

    /// Every file as it was read, by a name that keeps its layer: what a bundle keeps.
    pub fn verbatim(&self) -> BTreeMap<String, String> {
        self.verbatim.clone()
    }

    /// One hash for the whole set.
    pub fn fingerprint(&self) -> String {
        let mut hasher = Sha256::new();
        for (name, text) in &self.verbatim {
            for part in [name, text] {
                hasher.update((part.len() as u64).to_le_bytes());
                hasher.update(part.as_bytes());
            }
        }
        dyno_protocol::codec::hex(&hasher.finalize())
    }
}

/// A later definition takes the place of an earlier one with its id.
fn layer<T>(all: &mut Vec<T>, more: Vec<T>, id: impl Fn(&T) -> &String) {
    for one in more {
        match all.iter().position(|other| id(other) == id(&one)) {
            Some(place) => all[place] = one,
            None => all.push(one),
        }
    }
}

/// Layer first, so that a bundle's files can be layered again; the user's folders stay the user's.
fn verbatim_entry((index, file): (usize, &SourceFile)) -> (String, String) {
    let name = match file.name.rsplit_once(['/', '\\']) {
        Some((_, name)) if file.layer > 0 => format!("{index}-{name}"),
        _ => file.name.clone(),
    };
    (format!("{}/{name}", file.layer), file.text.clone())
}

fn find<'a, T>(
    kind: &'static str,
    all: &'a [T],
    id: &str,
    name: impl Fn(&T) -> &String,
) -> Result<&'a T, UnknownId> {
    all.iter().find(|one| name(one) == id).ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|one| name(one).as_str()).collect();
        let hint = did_you_mean(id, known.iter().copied())
            .map_or_else(|| format!("known: {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
        UnknownId { kind, id: id.to_owned(), hint }
    })
}

#[cfg(test)]
mod tests {
    use super::Definitions;

    #[test]
    fn the_embedded_definitions_hold_together() {
        if let Err(mistakes) = Definitions::embedded() {
            panic!("\n{mistakes}");
        }
    }
}
