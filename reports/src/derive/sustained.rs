//! Metrics of long work: how the rate of its passes goes over time. What a figure is made of stands in
//! `stats::course`; here passes become points.

use dyno_protocol::{GenerationPass, PassKind, Record, RecordBody};

use super::attempt::Attempted;
use super::generation::decode_rate;
use crate::stats::course::{self, Figure, Point, stretched};

/// A figure, or why there is none.
pub(super) type Read = Result<Figure, String>;

/// A probe at this share of the start is recovered.
const RECOVERED_SHARE: f64 = 0.95;

/// The passes of the work, on the clock of its first one.
pub(crate) fn course(attempt: &Attempted<'_>) -> Vec<Point> {
    points(attempt.passes(), attempt.passes().next())
}

/// Short passes after the work, on the same clock.
pub(crate) fn recovery(attempt: &Attempted<'_>) -> Vec<Point> {
    points(attempt.recovery(), attempt.passes().next())
}

fn points<'a>(
    passes: impl Iterator<Item = &'a GenerationPass>,
    first: Option<&GenerationPass>,
) -> Vec<Point> {
    let zero_ns = first.map_or(0, |first| first.begin_ns);
    let seconds = |at_ns: u64| at_ns.saturating_sub(zero_ns) as f64 / 1e9;
    passes
        .filter_map(|pass| {
            let rate = decode_rate(pass).ok()?;
            let last_ns = pass.token_at_ns.last().copied().unwrap_or(pass.end_ns);
            Some(Point { begin_s: seconds(pass.begin_ns), end_s: seconds(last_ns), rate })
        })
        .collect()
}

pub(super) fn initial_rate(attempt: &Attempted<'_>) -> Read {
    course::initial(&course(attempt))
}

pub(super) fn plateau_rate(attempt: &Attempted<'_>) -> Read {
    course::plateau(&course(attempt))
}

pub(super) fn retained_share(attempt: &Attempted<'_>) -> Read {
    course::retained(&course(attempt))
}

pub(super) fn time_to_throttle(attempt: &Attempted<'_>) -> Read {
    course::onset(&course(attempt))
}

pub(super) fn half_life(attempt: &Attempted<'_>) -> Read {
    course::half_life(&course(attempt))
}

pub(super) fn recovery_time(attempt: &Attempted<'_>) -> Read {
    recovered(&course(attempt), &recovery(attempt))
}

/// The first probe that is back, between which and the last one that was not the true moment lies.
fn recovered(work: &[Point], probes: &[Point]) -> Read {
    let end_s = work.last().ok_or("no pass has a rate")?.end_s;
    let bound = RECOVERED_SHARE * course::initial(work)?.value;
    if probes.is_empty() {
        return Err("nothing was probed after the work".to_owned());
    }
    let back = probes.iter().position(|probe| probe.rate >= bound);
    let Some(back) = back else {
        let last = probes[probes.len() - 1];
        return Err(format!(
            "not back within {:.0} s: the last probe ran at {:.0} % of the start",
            last.begin_s - end_s,
            last.rate / bound * RECOVERED_SHARE * 100.0
        ));
    };
    let after = back.checked_sub(1).map_or(0.0, |before| (probes[before].begin_s - end_s).max(0.0));
    let by = (probes[back].begin_s - end_s).max(0.0);
    Ok(Figure { value: by, interval: Ok((after, by)) })
}

/// Whether the last records of an attempt show the device back at its start, so that nobody has to look on.
pub fn is_recovered(records: &[Record]) -> bool {
    let timed = || {
        records.iter().filter_map(|record| match &record.body {
            RecordBody::Generation(pass) if pass.kind == PassKind::Timed => Some(&**pass),
            _ => None,
        })
    };
    let Some(first) = timed().next() else { return false };
    let work = points(timed().filter(|pass| pass.step == first.step), Some(first));
    let probes = points(timed().filter(|pass| pass.step != first.step), Some(first));
    recovered(&work, &probes).is_ok()
}

/// Each pass with the gap after it: from one prompt handed over to the next.
fn cycles<'a>(attempt: &'a Attempted<'a>) -> Vec<(&'a GenerationPass, f64)> {
    let passes: Vec<&GenerationPass> =
        attempt.passes().filter(|pass| pass.stamps_are_tokens && !pass.token_at_ns.is_empty()).collect();
    let end = |at: usize| match passes.get(at + 1) {
        Some(next) => next.begin_ns,
        None => passes[at].token_at_ns.last().copied().unwrap_or(passes[at].end_ns),
    };
    let length = |at: usize| end(at).saturating_sub(passes[at].begin_ns) as f64 / 1e9;
    (0..passes.len()).map(|at| (passes[at], length(at))).filter(|(_, length_s)| *length_s > 0.0).collect()
}

pub(super) fn delivered_rate(attempt: &Attempted<'_>) -> Read {
    of_cycles(attempt, |pass| pass.token_at_ns.len() as f64)
}

pub(super) fn duty_cycle(attempt: &Attempted<'_>) -> Read {
    of_cycles(attempt, |pass| {
        let ends = pass.token_at_ns.first().zip(pass.token_at_ns.last());
        ends.map_or(0.0, |(first, last)| last.saturating_sub(*first) as f64 / 1e9)
    })
}

/// Something over all the time, with the spread of stretches of it.
fn of_cycles(attempt: &Attempted<'_>, of: impl Fn(&GenerationPass) -> f64) -> Read {
    let cycles = cycles(attempt);
    let time_s: f64 = cycles.iter().map(|(_, length_s)| length_s).sum();
    if time_s <= 0.0 {
        return Err("no pass has stamps of tokens".to_owned());
    }
    let value = cycles.iter().map(|(pass, _)| of(pass)).sum::<f64>() / time_s;
    let fit = stretched(cycles.iter().map(|(pass, length_s)| of(pass) / length_s));
    let interval = fit.and_then(|fit| {
        let (low, high) = fit.interval(0.95)?;
        // The mean of the passes' own shares is not the share of all the time; its spread is.
        Some((value * low / fit.value(), value * high / fit.value()))
    });
    Ok(Figure { value, interval: interval.ok_or_else(|| "one pass carries no interval".to_owned()) })
}
