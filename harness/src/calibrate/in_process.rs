//! A simulated device inside this process: the agent's own code behind pipes instead of a process, so that
//! thousands of sittings take minutes.

use std::io::pipe;
use std::path::PathBuf;
use std::sync::Arc;

use dyno_agent::simulation::Simulation;
use dyno_agent::{Agent, AgentOptions, serve};
use dyno_protocol::SimulatedLaunch;
use dyno_runners::{Conversation, Hold, Line, Log, Runner, RunnerError, Trouble};

const SECRET: &str = "known to this process alone";

#[derive(Debug)]
pub(super) struct InProcess {
    device: String,
    state: PathBuf,
    simulation: Arc<Simulation>,
}

impl InProcess {
    pub(super) fn new(device: &str, launch: SimulatedLaunch, state: PathBuf) -> Self {
        let simulation = Simulation::in_memory(launch);
        simulation.keep_course();
        Self { device: device.to_owned(), state, simulation }
    }

    /// The device behind it, whose truth is known.
    pub(super) fn simulation(&self) -> Arc<Simulation> {
        Arc::clone(&self.simulation)
    }

    fn line(&self) -> std::io::Result<Line> {
        let (from_host, to_agent) = pipe()?;
        let (from_agent, to_host) = pipe()?;
        let agent = Agent::start(AgentOptions {
            secret: SECRET.to_owned(),
            state: self.state.clone(),
            platform: self.simulation.clone(),
        })?;
        let serving = std::thread::spawn(move || {
            // A host that is gone ends the conversation, and with it the agent.
            let _ = serve(&agent, from_host, to_host);
            agent.cancel_all();
        });
        Ok(Line {
            from_agent: Box::new(from_agent),
            to_agent: Box::new(to_agent),
            log: Log::default(),
            hold: Box::new(Serving(Some(serving))),
        })
    }
}

impl Runner for InProcess {
    fn name(&self) -> &'static str {
        "in-process"
    }

    fn shares_files(&self) -> bool {
        true
    }

    fn open(&mut self) -> Result<Conversation, RunnerError> {
        let line = self.line().map_err(|error| {
            let (program, why) = ("this process".to_owned(), error.to_string());
            RunnerError::new(&self.device, Trouble::WouldNotStart { program, why })
        })?;
        Conversation::begin(&self.device, line, SECRET.to_owned())
    }
}

/// The thread that serves; it ends when its host has said goodbye.
struct Serving(Option<std::thread::JoinHandle<()>>);

impl Hold for Serving {
    fn end(&mut self) {
        if let Some(serving) = self.0.take() {
            // A panic in it was seen by the host as the end of the line.
            let _ = serving.join();
        }
    }

    fn how_it_ended(&mut self) -> Option<String> {
        None
    }
}
