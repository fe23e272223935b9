//! The agent's last lines, kept while it runs: what it said before it died is the best clue there is.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};

const KEPT_LINES: usize = 200;
const KEPT_CHARACTERS: usize = 400;

#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<VecDeque<String>>>);

impl Log {
    /// Reads a stream to its end on a thread of its own, so that a talkative agent never blocks.
    pub fn follow(&self, from: impl Read + Send + 'static) {
        let log = self.clone();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(from);
            let mut line = Vec::new();
            while matches!((&mut reader).take(1 << 16).read_until(b'\n', &mut line), Ok(read) if read > 0) {
                log.push(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
    }

    fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line.trim_end().chars().take(KEPT_CHARACTERS).collect());
    }

    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
