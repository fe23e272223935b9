//! Choosing the next token from a row of logits.
//!
//! The order is the one of Hugging Face: penalties, temperature, top-k, top-p, min-p. Arithmetic is in f64 with an
//! exponential of its own and draws by `ChaCha`, so that one seed gives one output on every platform as far as the
//! logits agree. Nothing is allocated after construction.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use crate::TextError;
use crate::scoring::most_likely;

/// How the next token is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Zero takes the most likely token; only the penalties still count.
    pub temperature: f32,
    /// Zero keeps all.
    pub top_k: u32,
    pub top_p: f32,
    /// Drops tokens less likely than this share of the most likely one.
    pub min_p: f32,
    /// Taken off the logit of every token that was generated before.
    pub presence_penalty: f32,
    /// Divides positive logits, and multiplies negative ones, of every token in prompt or output.
    pub repetition_penalty: f32,
    pub seed: u64,
}

impl Settings {
    pub const GREEDY: Self = Self {
        temperature: 0.0,
        top_k: 0,
        top_p: 1.0,
        min_p: 0.0,
        presence_penalty: 0.0,
        repetition_penalty: 1.0,
        seed: 0,
    };

    fn check(&self) -> Result<(), TextError> {
        let bad =
            |setting, value: f32, rule| Err(TextError::BadSetting { setting, value: f64::from(value), rule });
        if !(self.temperature >= 0.0 && self.temperature.is_finite()) {
            return bad("temperature", self.temperature, "zero or more");
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return bad("top_p", self.top_p, "above 0 and at most 1");
        }
        if !(self.min_p >= 0.0 && self.min_p <= 1.0) {
            return bad("min_p", self.min_p, "from 0 to 1");
        }
        if !self.presence_penalty.is_finite() {
            return bad("presence_penalty", self.presence_penalty, "finite");
        }
        if !(self.repetition_penalty > 0.0 && self.repetition_penalty.is_finite()) {
            return bad("repetition_penalty", self.repetition_penalty, "above zero");
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Seen {
    prompt: bool,
    output: bool,
}

/// Draws tokens for one output.
#[derive(Debug, Clone)]
pub struct Sampler {
    settings: Settings,
    random: ChaCha8Rng,
    seen: Vec<Seen>,
    adjusted: Vec<f32>,
    /// Logit and id, then weight and id.
    candidates: Vec<(f64, u32)>,
}

impl Sampler {
    /// Ids from `id_count` on are padding rows of the model and are never drawn.
    pub fn new(settings: Settings, id_count: u32, prompt: &[u32]) -> Result<Self, TextError> {
        settings.check()?;
        let mut seen = vec![Seen::default(); id_count as usize];
        for id in prompt {
            if let Some(seen) = seen.get_mut(*id as usize) {
                seen.prompt = true;
            }
        }
        let scratch = if settings.temperature > 0.0 { id_count as usize } else { 0 };
        Ok(Self {
            settings,
            random: ChaCha8Rng::seed_from_u64(settings.seed),
            seen,
            adjusted: Vec::with_capacity(id_count as usize),
            candidates: Vec::with_capacity(scratch),
        })
    }

    /// Draws the next token and remembers it.
    pub fn next(&mut self, logits: &[f32]) -> Result<u32, TextError> {
        let rows = logits
            .get(..self.seen.len())
            .ok_or(TextError::LogitCount { found: logits.len(), expected: self.seen.len() })?;
        self.adjusted.clear();
        self.adjusted.extend_from_slice(rows);
        self.penalize();
        let (best, max) = most_likely(&self.adjusted)?;
        let id = if self.settings.temperature == 0.0 { best } else { self.draw(max) };
        self.accept(id);
        Ok(id)
    }

    /// Remembers a token that was not drawn here, such as one that was forced.
    pub fn accept(&mut self, id: u32) {
        if let Some(seen) = self.seen.get_mut(id as usize) {
            seen.output = true;
        }
    }

    fn penalize(&mut self) {
        let Settings { presence_penalty, repetition_penalty, .. } = self.settings;
        if (presence_penalty, repetition_penalty) == (0.0, 1.0) {
            return;
        }
        for (logit, seen) in self.adjusted.iter_mut().zip(&self.seen) {
            if seen.prompt || seen.output {
                *logit = if *logit > 0.0 { *logit / repetition_penalty } else { *logit * repetition_penalty };
            }
            if seen.output {
                *logit -= presence_penalty;
            }
        }
    }

    fn draw(&mut self, max: f32) -> u32 {
        let Settings { temperature, top_k, top_p, min_p, .. } = self.settings;
        let scale = |logit: f32| (f64::from(logit) - f64::from(max)) / f64::from(temperature);
        self.candidates.clear();
        self.candidates
            .extend(self.adjusted.iter().enumerate().map(|(id, logit)| (scale(*logit), id as u32)));
        if top_k > 0 {
            keep_best(&mut self.candidates, top_k as usize);
        }
        for candidate in &mut self.candidates {
            candidate.0 = libm::exp(candidate.0);
        }
        if top_p < 1.0 {
            keep_nucleus(&mut self.candidates, f64::from(top_p));
        }
        // The most likely token has weight one, so its share is the threshold itself.
        self.candidates.retain(|(weight, _)| *weight > 0.0 && *weight >= f64::from(min_p));
        // Drawing walks the tokens in the order of their ids, whatever order selection left them in.
        self.candidates.sort_unstable_by_key(|(_, id)| *id);
        let total: f64 = self.candidates.iter().map(|(weight, _)| weight).sum();
        let uniform = (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let mut left = uniform * total;
        for (weight, id) in &self.candidates {
            left -= weight;
            if left < 0.0 {
                return *id;
            }
        }
        // Rounding may leave a hair at the end; the last candidate owns it.
        self.candidates.last().map_or(0, |(_, id)| *id)
    }
}

/// More likely first; the lower id first among equals.
fn likelier(a: &(f64, u32), b: &(f64, u32)) -> std::cmp::Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

fn keep_best(candidates: &mut Vec<(f64, u32)>, count: usize) {
    if count < candidates.len() {
        candidates.select_nth_unstable_by(count, likelier);
        candidates.truncate(count);
    }
}

/// Keeps the fewest likeliest tokens whose weights reach this share of all; always at least one.
fn keep_nucleus(candidates: &mut Vec<(f64, u32)>, share: f64) {
    // Sorted by id first, so that the sum has one order.
    candidates.sort_unstable_by_key(|(_, id)| *id);
    let goal = candidates.iter().map(|(weight, _)| weight).sum::<f64>() * share;
    // The nucleus is small as a rule: sort a little, and more only when that was not enough.
    let mut sorted = 64.min(candidates.len());
    loop {
        if sorted < candidates.len() {
            candidates.select_nth_unstable_by(sorted, likelier);
        }
        candidates[..sorted].sort_unstable_by(likelier);
        let mut reached = 0.0;
        let kept = candidates[..sorted].iter().position(|(weight, _)| {
            reached += weight;
            reached >= goal
        });
        if let Some(last) = kept {
            candidates.truncate(last + 1);
            return;
        }
        if sorted == candidates.len() {
            return;
        }
        sorted = (sorted * 8).min(candidates.len());
    }
}

#[cfg(test)]
mod tests;
