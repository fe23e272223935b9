//! The agent by itself, for devices that the harness is not built for: it serves on a loopback address until it is
//! told to shut down. The secret of the launch comes in `DYNO_SECRET`, the address and the state folder as arguments.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use dyno_agent::{Agent, AgentOptions, serve};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(4),
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let address: SocketAddr = args.next().ok_or("an address is missing")?.parse()?;
    let state = PathBuf::from(args.next().ok_or("a state folder is missing")?);
    let secret = std::env::var("DYNO_SECRET")?;
    if secret.len() < 16 || !address.ip().is_loopback() {
        return Err("the secret is too short, or the address is not of this device alone".into());
    }
    let platform = Arc::new(dyno_agent::platform::here());
    let agent = Agent::start(AgentOptions { secret, state, platform })?;
    for connection in TcpListener::bind(address)?.incoming() {
        let connection = connection?;
        let from_host = connection.try_clone()?;
        let agent = Arc::clone(&agent);
        std::thread::spawn(move || drop(serve(&agent, from_host, connection)));
    }
    Ok(())
}
