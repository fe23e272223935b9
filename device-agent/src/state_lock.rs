//! One agent at a time in one state folder. A second one would take the first one's running jobs for abandoned ones
//! and end them in their journals.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// Held for as long as the file is open, and by nobody the moment its holder is gone, however it went.
#[derive(Debug)]
pub(crate) struct StateLock {
    _file: File,
}

impl StateLock {
    /// Waits at most this long for an agent that is about to end.
    pub(crate) fn take(state: &Path, at_most: Duration) -> io::Result<Self> {
        std::fs::create_dir_all(state)?;
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).open(state.join("agent.lock"))?;
        let until = Instant::now() + at_most;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if Instant::now() >= until => {
                    let what =
                        format!("another agent is using {}; end it, or give another folder", state.display());
                    return Err(io::Error::new(io::ErrorKind::ResourceBusy, what));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::StateLock;
    use std::time::Duration;

    #[test]
    fn a_state_folder_has_one_agent() {
        let state = tempfile::tempdir().unwrap();
        let first = StateLock::take(state.path(), Duration::ZERO).unwrap();
        let error = StateLock::take(state.path(), Duration::ZERO).unwrap_err().to_string();
        assert!(error.contains("another agent"), "{error}");
        drop(first);
        StateLock::take(state.path(), Duration::ZERO).unwrap();
    }
}
