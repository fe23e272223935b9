//! Ctrl-C: finish the write under way, keep what was measured, leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Shared by the signal handler and everything that waits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Catches the process's signals. A second Ctrl-C ends the process at once: the bundle survives that too.
    pub(crate) fn catch(&self) {
        let flag = Arc::clone(&self.0);
        let caught = ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::SeqCst) {
                std::process::exit(i32::from(crate::exit::Exit::Interrupted.code()));
            }
        });
        // Only one handler can be set in a process; a second one is set by tests that run several commands.
        drop(caught);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
