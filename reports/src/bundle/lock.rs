//! One writer for one run: a lock on the run's folder that the system frees when its process ends.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::BundleError;

/// Tells people who holds the lock. It is the lock that decides; this file may be stale.
pub(super) const PID_FILE: &str = "writer.pid";

#[derive(Debug)]
pub(super) struct RunLock {
    /// The folder itself, open and locked.
    _folder: File,
    pid_file: PathBuf,
}

impl RunLock {
    pub(super) fn take(dir: &Path) -> Result<Self, BundleError> {
        let folder = File::open(dir).map_err(BundleError::io("open", dir))?;
        let pid_file = dir.join(PID_FILE);
        match folder.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = fs::read_to_string(&pid_file)
                    .unwrap_or_else(|_| "that has not named itself yet".to_owned());
                return Err(BundleError::Held { dir: dir.to_owned(), pid: pid.trim().to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(BundleError::io("lock", dir)(error)),
        }
        fs::write(&pid_file, format!("{}\n", std::process::id()))
            .map_err(BundleError::io("write", &pid_file))?;
        Ok(Self { _folder: folder, pid_file })
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // While the lock is still held, so that no other writer's name is taken away. A file that stays is harmless.
        let _ = fs::remove_file(&self.pid_file);
    }
}
