//! The watcher that stamps what an engine does. Its buffers are made before the pass; in it nothing is
//! printed, sent or allocated.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use dyno_protocol::{PrefillChunk, SpeculationFigures};

use crate::clock::Clock;
use crate::engine::Watch;

/// Room for this many prefill chunks without allocating.
const CHUNKS: usize = 4096;
/// Room for this many tokens at most, whatever a host asks for: beyond any context that is run here.
const MOST_TOKENS: usize = 1 << 20;

#[derive(Debug)]
pub(crate) struct Stamps<'a> {
    clock: Clock,
    cancel: &'a AtomicBool,
    until_ns: u64,
    pub(crate) begin_ns: u64,
    last_ns: u64,
    pub(crate) vision: Option<PrefillChunk>,
    pub(crate) prefill: Vec<PrefillChunk>,
    pub(crate) reused_tokens: u32,
    pub(crate) token_ids: Vec<u32>,
    pub(crate) token_at_ns: Vec<u64>,
    pub(crate) one_token_each: bool,
    pub(crate) speculation: Option<SpeculationFigures>,
}

impl<'a> Stamps<'a> {
    /// Ready for a pass of at most `tokens` tokens; the pass is to stop by itself at `until_ns`.
    pub(crate) fn new(clock: Clock, cancel: &'a AtomicBool, tokens: u32, until_ns: u64) -> Self {
        Self {
            clock,
            cancel,
            until_ns,
            begin_ns: 0,
            last_ns: 0,
            vision: None,
            prefill: room(CHUNKS, PrefillChunk { tokens: 1, begin_ns: 1, end_ns: 1 }),
            reused_tokens: 0,
            token_ids: room(MOST_TOKENS.min(tokens as usize), 1),
            token_at_ns: room(MOST_TOKENS.min(tokens as usize), 1),
            one_token_each: true,
            speculation: None,
        }
    }

    /// The prompt is handed over now.
    pub(crate) fn begin(&mut self) {
        self.begin_ns = self.clock.now_ns();
        self.last_ns = self.begin_ns;
    }

    fn go_on(&self, now_ns: u64) -> ControlFlow<()> {
        if self.cancel.load(Ordering::Relaxed) || now_ns >= self.until_ns {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn chunk(&mut self, tokens: u32) -> PrefillChunk {
        let end_ns = self.clock.now_ns();
        let chunk = PrefillChunk { tokens, begin_ns: self.last_ns, end_ns };
        self.last_ns = end_ns;
        chunk
    }
}

/// An empty list whose memory is really there: written once, so that no page of it is met first during the pass.
fn room<T: Copy>(places: usize, filler: T) -> Vec<T> {
    let mut list = vec![filler; places];
    list.clear();
    list
}

impl Watch for Stamps<'_> {
    fn seen(&mut self, tokens: u32) {
        self.vision = Some(self.chunk(tokens));
    }

    fn reused(&mut self, tokens: u32) {
        self.reused_tokens = tokens;
        // Restoring a snapshot is no reading: the first chunk begins after it.
        self.last_ns = self.clock.now_ns();
    }

    fn read(&mut self, tokens: u32) -> ControlFlow<()> {
        let chunk = self.chunk(tokens);
        if self.prefill.len() < CHUNKS {
            self.prefill.push(chunk);
        } else if let Some(last) = self.prefill.last_mut() {
            last.tokens += tokens;
            last.end_ns = chunk.end_ns;
        }
        self.go_on(chunk.end_ns)
    }

    fn token(&mut self, id: u32) -> ControlFlow<()> {
        let now_ns = self.clock.now_ns();
        self.token_ids.push(id);
        self.token_at_ns.push(now_ns);
        self.go_on(now_ns)
    }

    fn stamps_are_chunks(&mut self) {
        self.one_token_each = false;
    }

    fn speculated(&mut self, drafted: u32, accepted: u32) {
        let sum = self.speculation.get_or_insert(SpeculationFigures { drafted: 0, accepted: 0 });
        sum.drafted += drafted;
        sum.accepted += accepted;
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, Stamps, Watch};
    use std::ops::ControlFlow;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn stamps_never_run_backwards_and_cancelling_stops_at_the_next_token() {
        let cancel = AtomicBool::new(false);
        let mut stamps = Stamps::new(Clock::start(), &cancel, 8, u64::MAX);
        stamps.begin();
        assert_eq!(stamps.read(3), ControlFlow::Continue(()));
        assert_eq!(stamps.token(7), ControlFlow::Continue(()));
        cancel.store(true, Ordering::Relaxed);
        assert_eq!(stamps.token(8), ControlFlow::Break(()));
        assert!(stamps.begin_ns <= stamps.prefill[0].begin_ns);
        assert!(stamps.prefill[0].end_ns <= stamps.token_at_ns[0]);
        assert!(stamps.token_at_ns[0] <= stamps.token_at_ns[1]);
        assert_eq!(stamps.token_ids, [7, 8]);
    }

    #[test]
    fn no_wish_for_tokens_takes_more_memory_than_a_context_could_fill() {
        let cancel = AtomicBool::new(false);
        let stamps = Stamps::new(Clock::start(), &cancel, u32::MAX, u64::MAX);
        assert!(stamps.token_ids.capacity() < 1 << 21 && stamps.token_ids.is_empty());
    }

    #[test]
    fn a_pass_stops_when_its_time_is_over() {
        let cancel = AtomicBool::new(false);
        let mut stamps = Stamps::new(Clock::start(), &cancel, 8, 0);
        stamps.begin();
        assert_eq!(stamps.token(1), ControlFlow::Break(()));
    }
}
