//! One run at a time on a device. The lock is the operating system's, on a file that names its holder: it is
//! free again the moment the holder is gone, however it went.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::error::{RunnerError, Trouble};

#[derive(Debug)]
pub struct DeviceLock {
    /// Held for as long as the file is open.
    _file: File,
}

impl DeviceLock {
    pub fn take(folder: &Path, device: &str) -> Result<Self, RunnerError> {
        let io = |step| move |source| RunnerError::new(device, Trouble::Io { step, source });
        std::fs::create_dir_all(folder).map_err(io("make the folder of locks"))?;
        let letters = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
        let path = folder.join(device.chars().map(letters).collect::<String>() + ".lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io("open its lock"))?;
        match file.try_lock() {
            Ok(()) => {
                let write = |file: &mut File| {
                    file.set_len(0)?;
                    file.rewind()?;
                    write!(file, "{}", std::process::id())
                };
                write(&mut file).map_err(io("write its lock"))?;
                Ok(Self { _file: file })
            }
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The holder may be about to write its name.
                let _ = file.read_to_string(&mut holder);
                Err(RunnerError::new(device, Trouble::Locked { pid: holder.trim().parse().ok() }))
            }
            Err(TryLockError::Error(source)) => Err(io("take its lock")(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DeviceLock;

    #[test]
    fn a_device_has_one_holder_who_is_named_and_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let held = DeviceLock::take(folder.path(), "a phone").unwrap();
        let error = DeviceLock::take(folder.path(), "a phone").unwrap_err().to_string();
        assert!(error.contains(&std::process::id().to_string()), "{error}");
        DeviceLock::take(folder.path(), "another").unwrap();
        drop(held);
        DeviceLock::take(folder.path(), "a phone").unwrap();
    }
}
