//! The course of a rate over long work: where it starts, when and how fast it falls, and where it ends.
//! Every figure comes with an interval, or with the reason why it has none.

use super::fit::{Fit, Placed, student_reach};

/// A pass: when it began and ended, in seconds from the begin of the work, and its rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub begin_s: f64,
    pub end_s: f64,
    pub rate: f64,
}

/// A value of one trial, with what that trial alone says about how sure it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    pub value: f64,
    /// The 95 % interval, or why there is none.
    pub interval: Result<(f64, f64), String>,
}

/// Passes that began in this time are the start, or those of the first quarter where that is shorter.
const START_S: f64 = 30.0;
const START_SHARE: f64 = 0.25;
/// The share of the whole time that is the end.
const END_SHARE: f64 = 0.25;
/// A rate that keeps this share of its start has not fallen.
const KEPT_SHARE: f64 = 0.9;
/// The most stretches that a part of the course is averaged in. Neighbouring passes are alike; their
/// averages over stretches are nearly independent of each other.
const STRETCHES: usize = 10;
/// A change over the last quarter by less than this share is no trend that anybody would act on.
const FLAT_SHARE: f64 = 0.03;

/// The mean rate of the start.
pub fn initial(work: &[Point]) -> Result<Figure, String> {
    let fit = of_stretches(start(work)).ok_or("no pass of the start has a rate")?;
    Ok(figure(&fit, "one pass is all of the start"))
}

/// The mean rate of the last quarter, where that quarter is flat.
pub fn plateau(work: &[Point]) -> Result<Figure, String> {
    let quarter = end(work)?;
    let trend = Trend::of(quarter).ok_or("fewer than 4 passes in the last quarter do not show a plateau")?;
    let fit = of_stretches(quarter).ok_or("no pass of the last quarter has a rate")?;
    let length =
        quarter.last().map_or(0.0, |last| last.end_s) - quarter.first().map_or(0.0, |first| first.begin_s);
    let change = trend.slope * length / fit.value();
    if trend.excludes_zero() && change.abs() >= FLAT_SHARE {
        return Err(format!(
            "no plateau: the rate still changes by {:+.1} % over the last quarter",
            change * 100.0
        ));
    }
    Ok(figure(&fit, "one pass is all of the last quarter"))
}

/// The rate of the end over the rate of the start.
pub fn retained(work: &[Point]) -> Result<Figure, String> {
    let (at_end, at_start) =
        (end_fit(work)?, of_stretches(start(work)).ok_or("no pass of the start has a rate")?);
    let value = at_end.value() / at_start.value();
    let interval = at_end
        .over(&at_start)
        .and_then(|ratio| ratio.interval(0.95))
        .ok_or_else(|| "one pass at the start or at the end carries no interval".to_owned());
    Ok(Figure { value, interval })
}

/// The moment from which the rate falls.
pub fn onset(work: &[Point]) -> Result<Figure, String> {
    let (fall, bins) = fallen(work)?;
    let (low, high) = fall.onsets;
    // A moment inside a pass cannot be told from another one in the same pass.
    let widened = (
        bins.iter().rev().find(|bin| bin.begin_s <= low).map_or(0.0, |bin| bin.begin_s),
        bins.iter().find(|bin| bin.end_s >= high).map_or(high, |bin| bin.end_s),
    );
    Ok(Figure { value: fall.onset_s, interval: Ok(widened) })
}

/// The time in which the surplus over the end halves once the fall has begun.
pub fn half_life(work: &[Point]) -> Result<Figure, String> {
    let (fall, _) = fallen(work)?;
    let interval = fall.half_lives.ok_or_else(|| "the work ended before the fall did".to_owned());
    Ok(Figure { value: fall.half_life_s, interval })
}

fn figure(fit: &Fit, why_none: &str) -> Figure {
    Figure { value: fit.value(), interval: fit.interval(0.95).ok_or_else(|| why_none.to_owned()) }
}

fn length(work: &[Point]) -> f64 {
    work.last().map_or(0.0, |last| last.end_s)
}

fn start(work: &[Point]) -> &[Point] {
    let bound = START_S.min(length(work) * START_SHARE);
    let count = work.iter().take_while(|point| point.begin_s < bound).count();
    &work[..count.max(1).min(work.len())]
}

fn end(work: &[Point]) -> Result<&[Point], String> {
    let from = length(work) * (1.0 - END_SHARE);
    let first = work.iter().position(|point| point.begin_s >= from);
    first.map(|first| &work[first..]).ok_or_else(|| "no pass began in the last quarter".to_owned())
}

fn end_fit(work: &[Point]) -> Result<Fit, String> {
    of_stretches(end(work)?).ok_or_else(|| "no pass of the last quarter has a rate".to_owned())
}

/// The mean over at most ten stretches of neighbouring passes.
fn of_stretches(points: &[Point]) -> Option<Fit> {
    stretched(points.iter().map(|point| point.rate))
}

/// The mean of a series whose neighbours hang together, with its stretches as the repetitions.
pub fn stretched(values: impl Iterator<Item = f64>) -> Option<Fit> {
    let values: Vec<f64> = values.collect();
    let count = values.len();
    let stretches = count.min(STRETCHES);
    let placed: Vec<Placed> = (0..stretches)
        .map(|stretch| {
            let part = &values[stretch * count / stretches..(stretch + 1) * count / stretches];
            let value = part.iter().sum::<f64>() / part.len() as f64;
            Placed { session: 0, trial: stretch as u32, value }
        })
        .collect();
    Fit::of(&placed)
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
        student_reach(self.freedom, 0.95).is_some_and(|reach| self.slope.abs() > reach * self.error)
    }
}

/// A constant, and from the onset on an exponential towards the end.
struct Fall {
    onset_s: f64,
    onsets: (f64, f64),
    half_life_s: f64,
    /// Absent where no half-life is too long to fit.
    half_lives: Option<(f64, f64)>,
}

/// More bins than this do not place a moment any better.
const BINS: usize = 200;
/// Half-lives that are looked at first, and how finely onsets and half-lives are then looked at around the best.
const HALF_LIVES: usize = 32;
const FINE: usize = 65;
/// So many neighbours on either side of the best are looked at finely.
const ONSETS_AROUND: usize = 8;
const LIVES_AROUND: usize = 2;
/// Twice the logarithm of the likelihood ratio within which 95 % of estimated thresholds lie (Hansen 2000).
const HANSEN: f64 = 7.35;

fn fallen(work: &[Point]) -> Result<(Fall, Vec<Point>), String> {
    let at_start = of_stretches(start(work)).ok_or("no pass of the start has a rate")?.value();
    let at_end = end_fit(work)?.value();
    if at_end >= KEPT_SHARE * at_start {
        return Err(format!(
            "the rate does not fall: the last quarter keeps {:.0} % of the start",
            at_end / at_start * 100.0
        ));
    }
    let bins = binned(work);
    if bins.len() < 8 {
        return Err("fewer than 8 passes do not show a fall".to_owned());
    }
    Fall::of(&bins).map(|fall| (fall, bins)).ok_or_else(|| "the fall cannot be fitted".to_owned())
}

/// Neighbouring passes together where there are more than can be told apart.
fn binned(work: &[Point]) -> Vec<Point> {
    let count = work.len();
    let bins = count.min(BINS);
    (0..bins)
        .map(|bin| {
            let part = &work[bin * count / bins..(bin + 1) * count / bins];
            Point {
                begin_s: part[0].begin_s,
                end_s: part[part.len() - 1].end_s,
                rate: part.iter().map(|point| point.rate).sum::<f64>() / part.len() as f64,
            }
        })
        .collect()
}

impl Fall {
    fn of(bins: &[Point]) -> Option<Self> {
        let whole = length(bins);
        let shortest = whole / bins.len() as f64 / 4.0;
        let lives = spaced(shortest.ln(), (2.0 * whole).ln(), HALF_LIVES);
        // No onset in the last quarter: what begins there has no end to fall to.
        let onsets: Vec<f64> =
            bins.iter().map(|bin| bin.begin_s).filter(|onset| *onset <= whole * (1.0 - END_SHARE)).collect();
        let rough = Fits::over(bins, onsets, lives)?;
        let (i, j) = rough.best;
        let onsets = spaced(
            rough.onsets[i.saturating_sub(ONSETS_AROUND)],
            rough.onsets[(i + ONSETS_AROUND).min(rough.onsets.len() - 1)],
            FINE,
        );
        let lives = spaced(
            rough.lives[j.saturating_sub(LIVES_AROUND)],
            rough.lives[(j + LIVES_AROUND).min(HALF_LIVES - 1)],
            FINE,
        );
        let fine = Fits::over(bins, onsets, lives)?;
        let (i, j) = fine.best;
        let residuals = squares(bins, fine.onsets[i], fine.lives[j].exp())?.1;
        let freedom = (bins.len() as f64 * independence(&residuals) - 4.0).max(1.0);
        let bound = |ratio: f64| fine.rest[i][j] * (1.0 + ratio / freedom) + 1e-15;
        let student = student_reach(freedom, 0.95)?.powi(2);
        let onset_fits = |i: &usize| fine.rest[*i].iter().any(|found| *found <= bound(HANSEN));
        let life_fits = |j: &usize| fine.rest.iter().any(|row| row[*j] <= bound(student));
        let fitting: Vec<usize> = (0..FINE).filter(onset_fits).collect();
        let lasting: Vec<usize> = (0..FINE).filter(life_fits).collect();
        let (first, last) = (*lasting.first()?, *lasting.last()?);
        // A half-life that still fits at the edge of what was looked at has no bound there.
        let low = if first == 0 { 0.0 } else { fine.lives[first - 1].exp() };
        Some(Self {
            onset_s: fine.onsets[i],
            onsets: (fine.onsets[*fitting.first()?], fine.onsets[*fitting.last()?]),
            half_life_s: fine.lives[j].exp(),
            half_lives: fine.lives.get(last + 1).map(|high| (low, high.exp())),
        })
    }
}

/// What is left by every onset and half-life of a grid.
struct Fits {
    onsets: Vec<f64>,
    /// Their logarithms.
    lives: Vec<f64>,
    rest: Vec<Vec<f64>>,
    best: (usize, usize),
}

impl Fits {
    fn over(bins: &[Point], onsets: Vec<f64>, lives: Vec<f64>) -> Option<Self> {
        let mut rest = vec![vec![f64::INFINITY; lives.len()]; onsets.len()];
        let (mut least, mut best) = (f64::INFINITY, (0, 0));
        for (i, onset) in onsets.iter().enumerate() {
            for (j, life) in lives.iter().enumerate() {
                rest[i][j] = squares(bins, *onset, life.exp())?.0;
                if rest[i][j] < least {
                    (least, best) = (rest[i][j], (i, j));
                }
            }
        }
        least.is_finite().then_some(Self { onsets, lives, rest, best })
    }
}

fn spaced(from: f64, to: f64, count: usize) -> Vec<f64> {
    (0..count).map(|at| from + (to - from) * at as f64 / (count - 1) as f64).collect()
}

/// The squares that are left when start and end fit best for this onset and half-life, with the residuals. Noise
/// is a share of the rate, so a slow pass counts for more than a fast one.
fn squares(bins: &[Point], onset: f64, life: f64) -> Option<(f64, Vec<f64>)> {
    let weight = |bin: &Point| bin.rate.powi(-2);
    let all: f64 = bins.iter().map(weight).sum();
    let surplus: Vec<f64> = bins
        .iter()
        .map(|bin| {
            let middle = f64::midpoint(bin.begin_s, bin.end_s);
            if middle <= onset { 1.0 } else { (-(middle - onset) / life * std::f64::consts::LN_2).exp() }
        })
        .collect();
    let both = || surplus.iter().zip(bins);
    let mean_x = both().map(|(x, bin)| x * weight(bin)).sum::<f64>() / all;
    let mean_y = both().map(|(_, bin)| bin.rate * weight(bin)).sum::<f64>() / all;
    let spread: f64 = both().map(|(x, bin)| (x - mean_x).powi(2) * weight(bin)).sum();
    let along: f64 = both().map(|(x, bin)| (x - mean_x) * (bin.rate - mean_y) * weight(bin)).sum();
    let slope = if spread > 1e-12 * all { along / spread } else { 0.0 };
    let residuals: Vec<f64> =
        both().map(|(x, bin)| (bin.rate - mean_y - slope * (x - mean_x)) / bin.rate).collect();
    let rest: f64 = residuals.iter().map(|left| left * left).sum();
    rest.is_finite().then_some((rest, residuals))
}

/// The share of residuals that count as independent: neighbours that hang together say less.
fn independence(residuals: &[f64]) -> f64 {
    let all: f64 = residuals.iter().map(|left| left * left).sum();
    let next: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let along = if all > 0.0 { (next / all).clamp(0.0, 0.95) } else { 0.0 };
    (1.0 - along) / (1.0 + along)
}

#[cfg(test)]
mod tests;
