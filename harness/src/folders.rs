//! Where things are kept on this machine: runs beside the user, state and caches where the system wants them.

use std::path::PathBuf;

/// A run's folder, named after the time it was started.
pub(crate) fn new_run(now: &jiff::Zoned) -> PathBuf {
    PathBuf::from("runs").join(now.strftime("%Y%m%d-%H%M%S").to_string())
}

/// What the local agent remembers between launches: journals, markers, its store.
pub(crate) fn agent_state() -> PathBuf {
    below("XDG_STATE_HOME", ".local/state").join("agent")
}

/// What a simulated device remembers of its sitting.
pub(crate) fn simulated_state(device: &str) -> PathBuf {
    below("XDG_STATE_HOME", ".local/state").join("simulated").join(device)
}

/// The history of what was measured on this machine's devices.
pub(crate) fn history() -> PathBuf {
    below("XDG_STATE_HOME", ".local/state").join("history.sqlite")
}

/// Models that were unpacked or converted here; may be deleted at any time.
pub(crate) fn model_cache() -> PathBuf {
    below("XDG_CACHE_HOME", ".cache").join("models")
}

/// Where calibration keeps a run until it is read.
#[cfg(feature = "local-agent")]
pub(crate) fn calibration() -> PathBuf {
    below("XDG_CACHE_HOME", ".cache").join(format!("calibration-{}", std::process::id()))
}

/// Answers of earlier runs, by the weights that gave them; may be deleted at any time.
pub(crate) fn answer_cache() -> PathBuf {
    below("XDG_CACHE_HOME", ".cache").join("answers")
}

/// Locks of devices, so that two runs never share one.
pub(crate) fn locks() -> PathBuf {
    below("XDG_STATE_HOME", ".local/state").join("locks")
}

fn below(variable: &str, usual: &str) -> PathBuf {
    let set = std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || std::env::home_dir().unwrap_or_else(std::env::temp_dir).join(usual);
    set.unwrap_or_else(home).join("dyno")
}
