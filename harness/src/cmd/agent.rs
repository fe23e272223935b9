//! `dyno agent`: the device agent itself, over standard input and output or a loopback address.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use dyno_agent::platform::Platform;
use dyno_agent::simulation::Simulation;
use dyno_agent::{Agent, AgentOptions, serve};
use dyno_protocol::SimulatedLaunch;
use dyno_runners::SECRET_VARIABLE;

use crate::args::AgentArgs;
use crate::exit::Exit;
use crate::screen::Screen;

pub(crate) fn run(args: &AgentArgs, screen: &mut Screen<'_>) -> anyhow::Result<Exit> {
    let secret =
        std::env::var(SECRET_VARIABLE).ok().filter(|secret| secret.len() >= 16).with_context(|| {
            format!("{SECRET_VARIABLE} must hold the secret of this launch, 16 characters or more")
        })?;
    let state = args.state.clone().unwrap_or_else(crate::folders::agent_state);
    let platform: Arc<dyn Platform> = match &args.simulate {
        Some(file) => Simulation::begin(launch(file)?, &state).context("the sitting cannot be taken up")?,
        None => Arc::new(dyno_agent::platform::here()),
    };
    let agent = Agent::start(AgentOptions { secret, state, platform })
        .context("the agent cannot take up its state")?;
    match args.listen {
        None => {
            let served = serve(&agent, std::io::stdin(), std::io::stdout());
            // Nobody can reach this agent any more: its job ends with its host.
            agent.cancel_all();
            served?;
        }
        Some(address) => {
            anyhow::ensure!(
                address.ip().is_loopback(),
                "the agent listens on loopback addresses only, not {address}"
            );
            let listener =
                TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
            let bound = listener.local_addr()?;
            screen.result(&serde_json::json!({ "listening": bound.to_string() }).to_string())?;
            for connection in listener.incoming() {
                let connection = connection?;
                let from_host = connection.try_clone()?;
                let agent = Arc::clone(&agent);
                // A host that breaks the protocol loses its connection; the job and other hosts go on.
                std::thread::spawn(move || drop(serve(&agent, from_host, connection)));
            }
        }
    }
    Ok(Exit::Done)
}

fn launch(file: &Path) -> anyhow::Result<SimulatedLaunch> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} describes no simulated device", file.display()))
}
