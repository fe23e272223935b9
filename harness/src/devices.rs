//! Devices by the names that users type, and the runner that reaches each.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dyno_protocol::{DeviceKind, SimulatedProfile};
use dyno_reports::cell::Side;
use dyno_reports::evidence::Evidence;
use dyno_runners::{Conversation, Local, Runner, RunnerError, Simulated};
use dyno_suites::Definitions;

use crate::selection::Selection;

/// Names another agent than this binary: another build to measure, or a double in tests.
const AGENT_VARIABLE: &str = "DYNO_AGENT";

/// This machine.
pub(crate) const LOCAL: &str = "local";

#[derive(Debug, thiserror::Error)]
pub(crate) enum DeviceNameError {
    #[error("there is no device `{name}`; this version reaches: {known}")]
    Unknown { name: String, known: String },
}

/// The devices of one command.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    runners: BTreeMap<String, Box<dyn Runner>>,
    /// The builds that are measured, where they are others than the device's own.
    base_agent: Option<PathBuf>,
    agent: Option<PathBuf>,
}

impl Devices {
    /// `seed` decides what is chance on simulated devices, and nothing on real ones.
    pub(crate) fn of_names(
        names: &[String],
        definitions: &Definitions,
        seed: u64,
    ) -> Result<Self, DeviceNameError> {
        let mut runners: BTreeMap<String, Box<dyn Runner>> = BTreeMap::new();
        for name in names {
            let runner: Box<dyn Runner> = match (name.as_str(), definitions.simulated(name)) {
                (LOCAL, _) => Box::new(local()),
                (_, Ok(profile)) => Box::new(simulated(profile, seed)),
                (_, Err(_)) => {
                    let simulated = definitions.simulated_devices().iter().map(|profile| profile.id.as_str());
                    let known: Vec<_> = std::iter::once(LOCAL).chain(simulated).collect();
                    return Err(DeviceNameError::Unknown { name: name.clone(), known: known.join(", ") });
                }
            };
            runners.insert(name.clone(), runner);
        }
        Ok(Self { runners, base_agent: None, agent: None })
    }

    /// The devices of a run, with the second agent of a comparison.
    pub(crate) fn of_selection(
        selection: &Selection,
        definitions: &Definitions,
    ) -> Result<Self, DeviceNameError> {
        let agent = selection.agent.clone();
        let base_agent = match &selection.against {
            Some(against) => against.agent().cloned().or_else(|| agent.clone()),
            None => None,
        };
        let devices = Self::of_names(&selection.devices, definitions, selection.seed)?;
        Ok(Self { base_agent, agent, ..devices })
    }

    /// One device that is reached by this runner.
    #[cfg(feature = "local-agent")]
    pub(crate) fn of_runner(name: &str, runner: Box<dyn Runner>) -> Self {
        Self { runners: BTreeMap::from([(name.to_owned(), runner)]), ..Self::default() }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.runners.keys().map(String::as_str)
    }

    pub(crate) fn runner_name(&self, device: &str) -> String {
        self.runners.get(device).map_or_else(String::new, |runner| runner.name().to_owned())
    }

    /// Starts the agent of this side, or takes up with the one that runs.
    pub(crate) fn open(&mut self, device: &str, side: Option<Side>) -> Result<Conversation, RunnerError> {
        let runner = self.runners.get_mut(device).ok_or_else(|| RunnerError::unknown_device(device))?;
        let agent = if side == Some(Side::Base) { &self.base_agent } else { &self.agent };
        runner.use_agent(agent.as_deref())?;
        runner.open()
    }
}

/// The agent is this very binary, unless it is told to be another one.
fn agent_program() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_else(|_| "dyno".into());
    std::env::var_os(AGENT_VARIABLE).map_or(own, Into::into)
}

fn local() -> Local {
    Local::new(LOCAL, agent_program(), crate::folders::agent_state(), crate::folders::locks())
}

fn simulated(profile: &SimulatedProfile, seed: u64) -> Simulated {
    let state = crate::folders::simulated_state(&profile.id);
    Simulated::new(&profile.id, agent_program(), state, crate::folders::locks(), profile.clone(), seed)
}

/// What kind of evidence a device of this kind can give at best.
pub(crate) fn evidence(kind: DeviceKind) -> Evidence {
    match kind {
        // Apple's simulator runs a phone's program on a Mac's processor: its speed is nobody's.
        DeviceKind::Simulated | DeviceKind::AppleSimulator => Evidence::Simulated,
        DeviceKind::Iphone | DeviceKind::Ipad | DeviceKind::Mac | DeviceKind::Linux => Evidence::Measured,
    }
}
