//! What the job loop asks of every engine. An engine speaks tokens and says what they cost; it knows
//! nothing of suites, repetitions or clocks. Stamps are the watcher's work, so every engine's are alike.

use std::ops::ControlFlow;

use dyno_protocol::{
    Cost, Failure, Finish, Known, Loaded, Prompt, RenderRequest, Rendered, Sampling, StopRule,
};

/// One engine with one model loaded.
pub trait Engine: Send {
    /// What was loaded, without the stamps that the job loop adds.
    fn loaded(&self) -> &Loaded;

    /// Bytes and operations of one decode token after `depth` tokens of context.
    fn cost(&self, depth: u32) -> Known<Cost>;

    /// Words into this model's prompt and ids.
    fn render(&self, request: &RenderRequest) -> Result<Rendered, Failure>;

    /// The ids this engine's tokenizer gives for a text, to check a prompt that came from elsewhere.
    /// `None` when the engine has no tokenizer.
    fn tokenize(&self, text: &str) -> Option<Result<Vec<u32>, Failure>>;

    /// Output ids as text. `None` when the engine has no tokenizer.
    fn detokenize(&self, ids: &[u32]) -> Option<String>;

    /// Reads the prompt and generates until the rule or the watcher stops it.
    /// Between two calls of the watcher nothing is printed, sent or allocated for reporting.
    fn generate(&mut self, task: &Generate<'_>, watch: &mut dyn Watch) -> Result<Finish, Failure>;

    /// Log-likelihood of continuations after one shared prefix.
    fn score(
        &mut self,
        prefix: &Prompt,
        continuations: &[Vec<u32>],
        watch: &mut dyn Watch,
    ) -> Result<Vec<dyno_protocol::ScoredContinuation>, Failure>;

    /// Forget snapshots and context, so that the next pass starts from nothing.
    fn reset(&mut self);
}

/// One generation, as the engine is asked for it.
#[derive(Debug, Clone, Copy)]
pub struct Generate<'a> {
    pub prompt: &'a Prompt,
    pub sampling: &'a Sampling,
    pub stop: &'a StopRule,
    pub reuse_prefix: u32,
    pub allocate_context: Option<u32>,
    pub speculate: bool,
}

/// Called by the engine at the moments that count. `Break` means: stop now.
pub trait Watch {
    /// The pictures of the prompt went through the tower; `tokens` is how many prompt tokens they became.
    fn seen(&mut self, tokens: u32);
    /// This many leading prompt tokens came from a snapshot.
    fn reused(&mut self, tokens: u32);
    /// A chunk of the prompt was read.
    fn read(&mut self, tokens: u32) -> ControlFlow<()>;
    /// The next id is known.
    fn token(&mut self, id: u32) -> ControlFlow<()>;
    /// Stamps are of stream chunks, not of tokens.
    fn stamps_are_chunks(&mut self);
    /// The draft head proposed and the model accepted this many tokens.
    fn speculated(&mut self, drafted: u32, accepted: u32);
}
