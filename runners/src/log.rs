//! The agent's last lines, kept while it runs: what it said before it died is the best clue there is.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const KEPT_LINES: usize = 200;
const KEPT_CHARACTERS: usize = 400;
const LONGEST_LINE_BYTES: u64 = 1 << 16;

#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<String>,
    streams: u32,
}

impl Log {
    /// Reads a stream to its end on a thread of its own, so that a talkative agent never blocks.
    pub fn follow(&self, from: impl Read + Send + 'static) {
        self.state().streams += 1;
        let log = self.clone();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(from);
            let mut line = Vec::new();
            while matches!((&mut reader).take(LONGEST_LINE_BYTES).read_until(b'\n', &mut line), Ok(read) if read > 0)
            {
                log.push(&String::from_utf8_lossy(&line));
                line.clear();
            }
            log.state().streams -= 1;
            log.0.ended.notify_all();
        });
    }

    fn push(&self, line: &str) {
        let lines = &mut self.state().lines;
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line.trim_end().chars().take(KEPT_CHARACTERS).collect());
    }

    pub fn lines(&self) -> Vec<String> {
        self.state().lines.iter().cloned().collect()
    }

    /// The lines of an agent that is gone: waits a moment for what it said last.
    pub(crate) fn last_lines(&self, at_most: Duration) -> Vec<String> {
        let (state, _) = self
            .0
            .ended
            .wait_timeout_while(self.state(), at_most, |state| state.streams > 0)
            .unwrap_or_else(PoisonError::into_inner);
        state.lines.iter().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT_CHARACTERS, KEPT_LINES, LONGEST_LINE_BYTES, Log};
    use std::time::Duration;

    #[test]
    fn the_last_lines_are_kept_and_no_more() {
        let log = Log::default();
        let mut said = "x".repeat(LONGEST_LINE_BYTES as usize * 3).into_bytes();
        said.extend(b"\n\xff not text\n");
        for line in 0..KEPT_LINES {
            said.extend(format!("line {line}\r\n").bytes());
        }
        log.follow(std::io::Cursor::new(said));
        let lines = log.last_lines(Duration::from_mins(1));
        assert_eq!(lines.len(), KEPT_LINES);
        assert_eq!(lines[0], "line 0");
        assert_eq!(lines[KEPT_LINES - 1], format!("line {}", KEPT_LINES - 1));
        let endless = Log::default();
        endless.follow(std::io::Cursor::new("y".repeat(1000)));
        assert_eq!(endless.last_lines(Duration::from_mins(1))[0].len(), KEPT_CHARACTERS);
    }
}
