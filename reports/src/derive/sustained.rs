//! Metrics of long work: how the rate of its passes goes over time.

use super::attempt::Attempted;
use super::generation::{Value, decode_rate};
use crate::stats::median;

/// Passes that began in this time are the start.
const START_S: f64 = 30.0;
/// The share of the whole time that is the end.
const END_SHARE: f64 = 0.25;
/// Three passes in a row below this share of the start are throttling.
const THROTTLED_SHARE: f64 = 0.9;
/// A probe at this share of the start is recovered.
const RECOVERED_SHARE: f64 = 0.95;

/// A pass: when it began and ended, in seconds from the begin of the first one, and its rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) begin_s: f64,
    pub(crate) end_s: f64,
    pub(crate) rate: f64,
}

/// Passes of the sustained step and, after it, of probes.
fn points(attempt: &Attempted<'_>) -> (Vec<Point>, Vec<Point>) {
    let Some(first) = attempt.passes().next() else { return (Vec::new(), Vec::new()) };
    let seconds = |at_ns: u64| at_ns.saturating_sub(first.begin_ns) as f64 / 1e9;
    let point = |pass: &dyno_protocol::GenerationPass| {
        let rate = decode_rate(pass).ok()?;
        Some(Point { begin_s: seconds(pass.begin_ns), end_s: seconds(pass.end_ns), rate })
    };
    let (work, probes): (Vec<_>, Vec<_>) = attempt.passes().partition(|pass| pass.step == first.step);
    (work.into_iter().filter_map(point).collect(), probes.into_iter().filter_map(point).collect())
}

pub(crate) fn course(attempt: &Attempted<'_>) -> Vec<Point> {
    points(attempt).0
}

fn start_rate(work: &[Point]) -> Value {
    let rates: Vec<f64> =
        work.iter().filter(|point| point.begin_s < START_S).map(|point| point.rate).collect();
    median(&rates).ok_or_else(|| "no pass of the start has a rate".to_owned())
}

fn last_quarter(work: &[Point]) -> Result<Vec<Point>, String> {
    let end = work.last().ok_or("no pass has a rate")?.end_s;
    let from = end * (1.0 - END_SHARE);
    if from <= START_S {
        return Err(format!("the work lasted {end:.0} s: its end is still its start"));
    }
    let quarter: Vec<Point> = work.iter().filter(|point| point.begin_s >= from).copied().collect();
    if quarter.is_empty() { Err("no pass began in the last quarter".to_owned()) } else { Ok(quarter) }
}

fn end_rate(work: &[Point]) -> Value {
    let rates: Vec<f64> = last_quarter(work)?.iter().map(|point| point.rate).collect();
    median(&rates).ok_or_else(|| "no pass of the last quarter has a rate".to_owned())
}

pub(super) fn initial_rate(attempt: &Attempted<'_>) -> Value {
    start_rate(&course(attempt))
}

/// Only where the last quarter has no trend: a rate that still falls is no plateau.
pub(super) fn plateau_rate(attempt: &Attempted<'_>) -> Value {
    let work = course(attempt);
    let quarter = last_quarter(&work)?;
    let trend = Trend::of(&quarter).ok_or("fewer than 4 passes in the last quarter do not show a plateau")?;
    if trend.excludes_zero() {
        return Err(format!(
            "the rate still changes by {:.2} token/s a minute in the last quarter",
            trend.slope * 60.0
        ));
    }
    end_rate(&work)
}

pub(super) fn retained_share(attempt: &Attempted<'_>) -> Value {
    let work = course(attempt);
    Ok(end_rate(&work)? / start_rate(&work)?)
}

pub(super) fn time_to_throttle(attempt: &Attempted<'_>) -> Value {
    let work = course(attempt);
    let bound = THROTTLED_SHARE * start_rate(&work)?;
    let throttled = work.windows(3).find(|three| three.iter().all(|point| point.rate < bound));
    throttled
        .map(|three| three[0].begin_s)
        .ok_or_else(|| "the rate never fell below 90 % of the start".to_owned())
}

/// The surplus over the end falls as an exponential: its logarithm as a line.
pub(super) fn half_life(attempt: &Attempted<'_>) -> Value {
    let work = course(attempt);
    let (start, end) = (start_rate(&work)?, end_rate(&work)?);
    if end >= THROTTLED_SHARE * start {
        return Err("the rate does not fall".to_owned());
    }
    // Below a tenth of the whole fall noise is larger than what is left.
    let least = 0.1 * (start - end);
    let surplus: Vec<Point> = work
        .iter()
        .take_while(|point| point.rate - end > least)
        .map(|point| Point { rate: (point.rate - end).ln(), ..*point })
        .collect();
    let trend = Trend::of(&surplus).ok_or("fewer than 4 passes show the fall")?;
    if trend.slope >= 0.0 || !trend.excludes_zero() {
        return Err("the fall is no exponential".to_owned());
    }
    Ok(-std::f64::consts::LN_2 / trend.slope)
}

pub(super) fn recovery_time(attempt: &Attempted<'_>) -> Value {
    let (work, probes) = points(attempt);
    let end = work.last().ok_or("no pass has a rate")?.end_s;
    let bound = RECOVERED_SHARE * start_rate(&work)?;
    let recovered = probes.iter().find(|probe| probe.rate >= bound);
    recovered
        .map(|probe| probe.begin_s - end)
        .ok_or_else(|| "no probe after it was back at the rate of the start".to_owned())
}

/// A line through points, by least squares.
struct Trend {
    slope: f64,
    error: f64,
    freedom: f64,
}

impl Trend {
    fn of(points: &[Point]) -> Option<Self> {
        if points.len() < 4 {
            return None;
        }
        let n = points.len() as f64;
        let mean = |value: fn(&Point) -> f64| points.iter().map(value).sum::<f64>() / n;
        let (mean_s, mean_rate) = (mean(|point| point.begin_s), mean(|point| point.rate));
        let spread: f64 = points.iter().map(|point| (point.begin_s - mean_s).powi(2)).sum();
        let along: f64 = points.iter().map(|point| (point.begin_s - mean_s) * (point.rate - mean_rate)).sum();
        let slope = along / spread;
        let rest: f64 = points
            .iter()
            .map(|point| (point.rate - mean_rate - slope * (point.begin_s - mean_s)).powi(2))
            .sum();
        let freedom = n - 2.0;
        (spread > 0.0).then(|| Self { slope, error: (rest / freedom / spread).sqrt(), freedom })
    }

    fn excludes_zero(&self) -> bool {
        crate::stats::student_reach(self.freedom, 0.95)
            .is_some_and(|reach| self.slope.abs() > reach * self.error)
    }
}
