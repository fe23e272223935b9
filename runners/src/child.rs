//! The agent's process on this machine, with everything that it started itself. None of it outlives this value.

use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::line::Hold;

/// How long an agent may take to leave after it was asked to.
const LEAVING: Duration = Duration::from_secs(3);
/// How long after it fell silent its end may come.
const AFTER_SILENCE: Duration = Duration::from_secs(1);

/// A child that leads a process group of its own.
pub(crate) struct HeldChild {
    child: Child,
    /// How it ended, once its exit status was taken.
    ended: Option<String>,
}

impl HeldChild {
    pub(crate) fn new(child: Child) -> Self {
        Self { child, ended: None }
    }

    fn pid(&self) -> Option<Pid> {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Looks without taking the exit status: until that is taken, the group's number belongs to nobody else.
    fn has_exited(&self) -> bool {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.ended.is_some()
            || self.pid().is_none_or(|pid| !matches!(waitid(WaitId::Pid(pid), look), Ok(None)))
    }

    fn wait_for_exit(&self, at_most: Duration) -> bool {
        let until = Instant::now() + at_most;
        while !self.has_exited() {
            if Instant::now() >= until {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }

    /// Ends whatever the group still holds, and leaves no zombie.
    fn finish(&mut self) {
        if self.ended.is_some() {
            return;
        }
        if let Some(pid) = self.pid() {
            // An empty group is as good as an ended one.
            let _ = kill_process_group(pid, Signal::KILL);
        }
        self.ended = Some(match self.child.wait() {
            Ok(status) => status.to_string(),
            Err(error) => format!("its exit status is lost: {error}"),
        });
    }
}

impl Hold for HeldChild {
    fn end(&mut self) {
        self.wait_for_exit(LEAVING);
        self.finish();
    }

    fn how_it_ended(&mut self) -> Option<String> {
        if self.wait_for_exit(AFTER_SILENCE) {
            self.finish();
        }
        self.ended.clone()
    }
}

impl Drop for HeldChild {
    fn drop(&mut self) {
        self.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::HeldChild;
    use crate::line::Hold;
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    fn shell(script: &str) -> HeldChild {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::null()).process_group(0);
        HeldChild::new(command.spawn().unwrap())
    }

    fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
        let until = Instant::now() + Duration::from_mins(1);
        while !is_so() {
            assert!(Instant::now() < until, "{what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Gone, or a zombie that only its new parent can clear away.
    fn runs_no_more(pid: &str) -> bool {
        match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) => stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')),
            Err(_) => true,
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_the_agent_started_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let note = folder.path().join("pid");
        let mut held = shell(&format!("sleep 1000 & echo $! > '{}'; exit 7", note.display()));
        let grandchild = || std::fs::read_to_string(&note).ok().filter(|pid| pid.ends_with('\n'));
        eventually("the script writes a number", || grandchild().is_some());
        eventually("the child ends by itself", || held.has_exited());
        let grandchild = grandchild().unwrap();
        assert!(!runs_no_more(grandchild.trim()));
        assert_eq!(held.how_it_ended().as_deref(), Some("exit status: 7"));
        eventually("the grandchild ends too", || runs_no_more(grandchild.trim()));
    }

    #[test]
    fn one_that_does_not_leave_is_made_to() {
        let mut held = shell("trap '' TERM; while :; do sleep 1; done");
        assert_eq!(held.how_it_ended(), None);
        held.end();
        let how = held.how_it_ended().unwrap();
        assert!(how.contains("signal: 9"), "{how}");
    }
}
