//! A device that an agent on this machine plays. Every opening by one runner is of one sitting: the device is as
//! hot and as empty as the last agent left it.

use std::path::{Path, PathBuf};

use dyno_protocol::{SimulatedLaunch, SimulatedProfile};

use crate::conversation::Conversation;
use crate::error::{RunnerError, Trouble};
use crate::local::Local;
use crate::{Runner, secret};

#[derive(Debug)]
pub struct Simulated {
    agent: Local,
    launch: SimulatedLaunch,
    state: PathBuf,
}

/// The launch, for the agent to read.
const LAUNCH_FILE: &str = "launch.json";

impl Simulated {
    /// `device` is its name on the command line, `state` a folder of its own, and `seed` decides its chance.
    pub fn new(
        device: &str,
        program: PathBuf,
        state: PathBuf,
        locks: PathBuf,
        profile: SimulatedProfile,
        seed: u64,
    ) -> Self {
        let agent = Local::new(device, program, state.clone(), locks).simulating(state.join(LAUNCH_FILE));
        Self { agent, launch: SimulatedLaunch { profile, seed, sitting: String::new() }, state }
    }

    fn write_launch(&mut self) -> std::io::Result<()> {
        if self.launch.sitting.is_empty() {
            self.launch.sitting = secret::fresh()?;
        }
        std::fs::create_dir_all(&self.state)?;
        std::fs::write(self.state.join(LAUNCH_FILE), serde_json::to_vec(&self.launch)?)
    }
}

impl Runner for Simulated {
    fn name(&self) -> &'static str {
        "simulated"
    }

    fn shares_files(&self) -> bool {
        true
    }

    fn use_agent(&mut self, agent: Option<&Path>) -> Result<(), RunnerError> {
        self.agent.use_agent(agent)
    }

    fn open(&mut self) -> Result<Conversation, RunnerError> {
        self.agent.lock()?;
        let step = "write down which device to play";
        self.write_launch().map_err(|source| self.agent.error(Trouble::Io { step, source }))?;
        self.agent.open()
    }
}
