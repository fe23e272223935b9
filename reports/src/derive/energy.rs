//! Energy and battery drain of long work, each by the instrument that saw it. No instrument, no number.

use super::attempt::Attempted;
use super::instruments::{Bench, Instrument, Stretch, Window};
use super::metrics::{Found, Scene};
use super::sustained::Read;
use crate::stats::Fit;
use crate::stats::course::{Figure, stretched};

/// Less idle time than this shows no idle power.
const LEAST_IDLE_S: f64 = 3.0;

/// The figure by every instrument that the attempt has.
pub(super) fn by_instrument(scene: &Scene<'_>, read: fn(&Bench<'_>, Instrument) -> Read) -> Vec<Found> {
    let bench = Bench { attempt: scene.attempt, meters: scene.meters };
    let instruments = bench.instruments();
    if instruments.is_empty() {
        let why = "no instrument: the device has neither a counter of energy nor a battery gauge";
        return vec![Found::missing(why.to_owned())];
    }
    instruments
        .into_iter()
        .map(|instrument| Found { instrument: Some(instrument), ..Found::of_trial(read(&bench, instrument)) })
        .collect()
}

/// Joules for each right answer, by every instrument: over the whole of an attempt whose jobs do nothing but ask items,
/// rendering between them included.
pub(super) fn per_correct(scene: &Scene<'_>) -> Vec<Found> {
    let right = match super::quality::right_answers(scene.answers) {
        Ok(right) => right,
        Err(why) => return vec![Found::missing(why)],
    };
    let found = by_instrument(scene, |bench, instrument| {
        let seconds = |record: &dyno_protocol::Record| record.at_ns as f64 / 1e9;
        let ends = bench.attempt.records.first().zip(bench.attempt.records.last());
        let (first, last) = ends.ok_or("there was no work")?;
        let window = Window { from_s: seconds(first), to_s: seconds(last) };
        let joules: f64 = bench.stretches(instrument, window)?.iter().map(|stretch| stretch.joules).sum();
        Ok(Figure { value: joules, interval: Err("items are not repeated inside a trial".to_owned()) })
    });
    let per_item = |found: Found| Found { value: found.value.map(|joules| joules / right), ..found };
    found.into_iter().map(per_item).collect()
}

/// From the first prompt of the work to its last token.
fn work(attempt: &Attempted<'_>) -> Result<Window, String> {
    let (first, last) = attempt.passes().next().zip(attempt.passes().last()).ok_or("there was no work")?;
    let last_ns = last.token_at_ns.last().copied().unwrap_or(last.end_ns);
    Ok(Window { from_s: first.begin_ns as f64 / 1e9, to_s: last_ns as f64 / 1e9 })
}

/// From the begin of the job to the first prompt: loaded, and nothing runs.
fn idle(attempt: &Attempted<'_>) -> Result<Window, String> {
    let to_s = work(attempt)?.from_s;
    let from_s = attempt.work_began_ns().map_or(to_s, |began_ns| began_ns as f64 / 1e9);
    if to_s - from_s < LEAST_IDLE_S {
        return Err("the device was not watched while it was idle".to_owned());
    }
    Ok(Window { from_s, to_s })
}

fn tokens_between(attempt: &Attempted<'_>, from_s: f64, to_s: f64) -> f64 {
    let inside = |at_ns: &&u64| {
        let at_s = **at_ns as f64 / 1e9;
        from_s < at_s && at_s <= to_s
    };
    let stamped = attempt.passes().filter(|pass| pass.stamps_are_tokens);
    stamped.map(|pass| pass.token_at_ns.iter().filter(inside).count()).sum::<usize>() as f64
}

/// The mean power of stretches, with how much they differ.
fn power(stretches: &[Stretch]) -> Figure {
    let time_s: f64 = stretches.iter().map(Stretch::length_s).sum();
    let value = stretches.iter().map(|stretch| stretch.joules).sum::<f64>() / time_s;
    let powers = stretches.iter().map(|stretch| stretch.joules / stretch.length_s());
    around(value, stretched(powers))
}

/// A value over all the time with the relative interval of its stretches.
fn around(value: f64, fit: Option<Fit>) -> Figure {
    let interval = fit.filter(|fit| fit.value() > 0.0).and_then(|fit| {
        let (low, high) = fit.interval(0.95)?;
        Some((value * low / fit.value(), value * high / fit.value()))
    });
    let interval = interval.ok_or_else(|| "the instrument gave one stretch only".to_owned());
    Figure { value, interval }
}

fn scaled(figure: Figure, by: f64) -> Figure {
    Figure { value: figure.value * by, interval: figure.interval.map(|(low, high)| (low * by, high * by)) }
}

pub(super) fn average_power(bench: &Bench<'_>, instrument: Instrument) -> Read {
    let window = work(bench.attempt)?;
    if instrument == Instrument::GaugeTicks {
        let full_j = bench.full_j().ok_or("what the battery holds is not known")?;
        return Ok(scaled(bench.ticks(window)?.drain()?, full_j / 100.0));
    }
    Ok(power(&bench.stretches(instrument, window)?))
}

pub(super) fn idle_power(bench: &Bench<'_>, instrument: Instrument) -> Read {
    if instrument == Instrument::GaugeTicks {
        return Err(
            "a gauge that moves in steps does not move while the device is idle for minutes".to_owned()
        );
    }
    Ok(power(&bench.stretches(instrument, idle(bench.attempt)?)?))
}

pub(super) fn gross_energy_per_token(bench: &Bench<'_>, instrument: Instrument) -> Read {
    let attempt = bench.attempt;
    let window = work(attempt)?;
    if instrument == Instrument::GaugeTicks {
        let power = average_power(bench, instrument)?;
        let tokens = tokens_between(attempt, window.from_s, window.to_s);
        if tokens == 0.0 {
            return Err("no token was stamped".to_owned());
        }
        return Ok(scaled(power, (window.to_s - window.from_s) / tokens));
    }
    let stretches = bench.stretches(instrument, window)?;
    let (first, last) = (stretches[0], stretches[stretches.len() - 1]);
    let tokens = tokens_between(attempt, first.from_s, last.to_s);
    if tokens == 0.0 {
        return Err("no token was stamped between two readings of the instrument".to_owned());
    }
    let value = stretches.iter().map(|stretch| stretch.joules).sum::<f64>() / tokens;
    Ok(around(value, per_token(attempt, &stretches)))
}

/// Joules a token in at most ten parts of the work: single stretches may be shorter than a token.
fn per_token(attempt: &Attempted<'_>, stretches: &[Stretch]) -> Option<Fit> {
    const PARTS: usize = 10;
    let count = stretches.len();
    let parts = count.min(PARTS);
    let shares: Vec<f64> = (0..parts)
        .filter_map(|part| {
            let part = &stretches[part * count / parts..(part + 1) * count / parts];
            let tokens = tokens_between(attempt, part[0].from_s, part[part.len() - 1].to_s);
            let joules: f64 = part.iter().map(|stretch| stretch.joules).sum();
            (tokens > 0.0 && joules > 0.0).then(|| joules / tokens)
        })
        .collect();
    stretched(shares.into_iter())
}

/// What the work draws beyond what the device draws anyway; both sides' doubt is in the interval.
pub(super) fn energy_per_token(bench: &Bench<'_>, instrument: Instrument) -> Read {
    let gross = gross_energy_per_token(bench, instrument)?;
    let idle = idle_power(bench, instrument)?;
    let work = average_power(bench, instrument)?;
    if idle.value >= work.value {
        return Err("the device drew no more than when it was idle".to_owned());
    }
    // Seconds a token took, by the same stretches that gave the energy.
    let token_s = gross.value / work.value;
    let value = gross.value - idle.value * token_s;
    let interval = match (gross.interval, idle.interval) {
        (Ok(gross_range), Ok(idle_range)) => {
            let below = (gross.value - gross_range.0).hypot((idle_range.1 - idle.value) * token_s);
            let above = (gross_range.1 - gross.value).hypot((idle.value - idle_range.0) * token_s);
            Ok(((value - below).max(0.0), value + above))
        }
        (Err(why), _) | (_, Err(why)) => Err(why),
    };
    Ok(Figure { value, interval })
}

pub(super) fn energy_per_1000_tokens(bench: &Bench<'_>, instrument: Instrument) -> Read {
    Ok(scaled(energy_per_token(bench, instrument)?, 1000.0))
}

pub(super) fn percent_per_hour(bench: &Bench<'_>, instrument: Instrument) -> Read {
    let window = work(bench.attempt)?;
    match (instrument, bench.full_j()) {
        (Instrument::GaugeTicks, _) => Ok(scaled(bench.ticks(window)?.drain()?, 3600.0)),
        (Instrument::GaugeTelemetry, Some(full_j)) => {
            Ok(scaled(average_power(bench, instrument)?, 3600.0 * 100.0 / full_j))
        }
        (Instrument::GaugeTelemetry, None) => Err("what the battery holds is not known".to_owned()),
        _ => Err("the instrument does not see the battery".to_owned()),
    }
}
