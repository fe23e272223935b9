//! Output that goes round in circles. A rate over such tokens means nothing, so it must be found, and true text
//! must never be taken for it: tables, data and verse repeat themselves too, but not for this long.

/// The longest cycle that is looked for.
const LONGEST_PERIOD: usize = 256;
/// A cycle of this many tokens or fewer counts as short: short ones appear in data and drawings.
const SHORT_PERIOD: usize = 8;
/// Tokens that a short cycle must fill.
const SHORT_SPAN: usize = 192;
/// Tokens that a longer cycle must fill, and how often it must come round.
const LONG_SPAN: usize = 128;
const LONG_ROUNDS: usize = 5;
/// Tokens of nothing but white space.
const BLANK_SPAN: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoopKind {
    /// One token again and again.
    OneToken,
    /// The same tokens in the same order.
    Cycle { period: u32 },
    /// Line breaks and spaces.
    Blank,
}

/// The verdict: what went round, from which token of the output on, and how long it was watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loop {
    pub kind: LoopKind,
    pub from_token: u32,
    pub tokens: u32,
}

impl std::fmt::Display for Loop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind {
            LoopKind::OneToken => write!(f, "one token {} times", self.tokens),
            LoopKind::Cycle { period } => {
                write!(f, "a cycle of {period} tokens, {} times", self.tokens / period)
            }
            LoopKind::Blank => write!(f, "{} tokens of white space", self.tokens),
        }
    }
}

/// Watches an output token by token in constant memory.
#[derive(Debug, Clone)]
pub struct LoopDetector {
    /// The last tokens, as a ring.
    recent: Vec<u32>,
    count: usize,
    /// For each period, how many tokens in a row equal the one a period before.
    matches: Vec<usize>,
    blank: usize,
}

impl Default for LoopDetector {
    fn default() -> Self {
        Self::new()
    }
}

impl LoopDetector {
    pub fn new() -> Self {
        Self { recent: vec![0; LONGEST_PERIOD], count: 0, matches: vec![0; LONGEST_PERIOD + 1], blank: 0 }
    }

    /// Takes the next token; `blank` says that its text is white space only. Answers once the output is a loop.
    pub fn push(&mut self, id: u32, blank: bool) -> Option<Loop> {
        let at = self.count;
        for period in 1..=LONGEST_PERIOD.min(at) {
            let before = self.recent[(at - period) % LONGEST_PERIOD];
            self.matches[period] = if before == id { self.matches[period] + 1 } else { 0 };
        }
        self.recent[at % LONGEST_PERIOD] = id;
        self.count += 1;
        self.blank = if blank { self.blank + 1 } else { 0 };
        if self.blank >= BLANK_SPAN {
            return Some(self.verdict(LoopKind::Blank, self.blank));
        }
        // The shortest period that fits is the true one; its multiples fit as well.
        (1..=LONGEST_PERIOD.min(at)).find_map(|period| {
            let span = self.matches[period] + period;
            let long_enough = if period <= SHORT_PERIOD {
                span >= SHORT_SPAN
            } else {
                span >= LONG_SPAN.max(period * LONG_ROUNDS)
            };
            let kind =
                if period == 1 { LoopKind::OneToken } else { LoopKind::Cycle { period: period as u32 } };
            // A multiple of a short period must not be judged by the rule for long ones.
            let multiple = (1..=SHORT_PERIOD.min(period - 1))
                .any(|short| period % short == 0 && self.matches[short] >= self.matches[period].min(period));
            (long_enough && !multiple).then(|| self.verdict(kind, span))
        })
    }

    fn verdict(&self, kind: LoopKind, tokens: usize) -> Loop {
        Loop { kind, from_token: (self.count - tokens) as u32, tokens: tokens as u32 }
    }
}

#[cfg(test)]
mod tests;
