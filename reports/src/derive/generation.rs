//! Metrics of one generation, from its stamps.

use dyno_protocol::{GenerationPass, Known};

use crate::stats::{median, quantile};

/// A value, or why there is none.
pub(super) type Value = Result<f64, String>;

const NS_PER_MS: f64 = 1e6;
const NS_PER_S: f64 = 1e9;

fn tokens_are_stamped(pass: &GenerationPass) -> Result<(), String> {
    if pass.stamps_are_tokens {
        Ok(())
    } else {
        Err("stamps are of stream chunks, which may hold several tokens".to_owned())
    }
}

fn span_ns(begin_ns: u64, end_ns: u64, what: &str) -> Value {
    match end_ns.checked_sub(begin_ns) {
        Some(span) if span > 0 => Ok(span as f64),
        _ => Err(format!("{what} took no time by its stamps")),
    }
}

pub(super) fn ttft(pass: &GenerationPass) -> Value {
    tokens_are_stamped(pass)?;
    let first = *pass.token_at_ns.first().ok_or("no token was generated")?;
    Ok(span_ns(pass.begin_ns, first, "the first token")? / NS_PER_MS)
}

pub(super) fn prefill_rate(pass: &GenerationPass) -> Value {
    tokens_are_stamped(pass)?;
    let (first, last) = pass
        .prefill
        .first()
        .zip(pass.prefill.last())
        .ok_or("the engine gave no stamps of reading the prompt")?;
    let read = pass.prompt_tokens.saturating_sub(pass.reused_tokens);
    if read == 0 {
        return Err("the whole prompt came from a snapshot".to_owned());
    }
    Ok(f64::from(read) * NS_PER_S / span_ns(first.begin_ns, last.end_ns, "reading the prompt")?)
}

pub(super) fn decode_rate(pass: &GenerationPass) -> Value {
    tokens_are_stamped(pass)?;
    let (first, last) =
        pass.token_at_ns.first().zip(pass.token_at_ns.last()).ok_or("no token was generated")?;
    let intervals = pass.token_at_ns.len() - 1;
    if intervals == 0 {
        return Err("one token has no interval".to_owned());
    }
    Ok(intervals as f64 * NS_PER_S / span_ns(*first, *last, "decoding")?)
}

/// Times between successive tokens in milliseconds.
fn intervals_ms(pass: &GenerationPass) -> Result<Vec<f64>, String> {
    tokens_are_stamped(pass)?;
    let intervals: Vec<f64> =
        pass.token_at_ns.windows(2).map(|pair| pair[1].saturating_sub(pair[0]) as f64 / NS_PER_MS).collect();
    if intervals.is_empty() { Err("one token has no interval".to_owned()) } else { Ok(intervals) }
}

fn inter_token(pass: &GenerationPass, share: f64) -> Value {
    quantile(&intervals_ms(pass)?, share).ok_or_else(|| "there is no interval".to_owned())
}

pub(super) fn inter_token_p50(pass: &GenerationPass) -> Value {
    inter_token(pass, 0.50)
}

pub(super) fn inter_token_p95(pass: &GenerationPass) -> Value {
    inter_token(pass, 0.95)
}

pub(super) fn inter_token_p99(pass: &GenerationPass) -> Value {
    inter_token(pass, 0.99)
}

pub(super) fn jitter(pass: &GenerationPass) -> Value {
    let intervals = intervals_ms(pass)?;
    let spread = quantile(&intervals, 0.95).zip(median(&intervals));
    spread.map(|(high, middle)| high - middle).ok_or_else(|| "there is no interval".to_owned())
}

pub(super) fn tokens_generated(pass: &GenerationPass) -> Value {
    tokens_are_stamped(pass)?;
    Ok(pass.token_ids.len() as f64)
}

pub(super) fn accepted_draft_share(pass: &GenerationPass) -> Value {
    let figures = pass.speculation.ok_or("nothing was drafted")?;
    if figures.drafted == 0 {
        return Err("nothing was drafted".to_owned());
    }
    Ok(f64::from(figures.accepted) / f64::from(figures.drafted))
}

pub(super) fn image_latency(pass: &GenerationPass) -> Value {
    let vision = pass.vision.ok_or("there was no picture")?;
    Ok(span_ns(vision.begin_ns, vision.end_ns, "the vision tower")? / NS_PER_MS)
}

pub(super) fn peak_footprint(pass: &GenerationPass) -> Value {
    known(&pass.memory.peak_footprint_bytes)
}

pub(super) fn peak_resident(pass: &GenerationPass) -> Value {
    known(&pass.memory.peak_resident_bytes)
}

fn known(bytes: &Known<u64>) -> Value {
    match bytes {
        Known::Is(bytes) => Ok(*bytes as f64),
        Known::Unknown(gap) => Err(gap.unknown.clone()),
    }
}
