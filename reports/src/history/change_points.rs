//! Where a series changed: E-divisive means. The segment is split where the two parts differ most, the split counts
//! when few random orders of the same points differ as much, and its parts are split again.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::energy::Ranked;

/// How changes are looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// The chance of any change point in a series that never changed.
    pub alpha: f64,
    pub permutations: u32,
    /// Points on either side of a change, at least.
    pub shortest: usize,
    /// The smallest change that counts, as a share of the value before.
    pub least_change: f64,
    /// Which way a change has to go to count; either where nothing is said.
    pub way: Option<Way>,
    pub seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    Up,
    Down,
}

impl Default for Detection {
    fn default() -> Self {
        Self { alpha: 0.05, permutations: 399, shortest: 3, least_change: 0.0, way: None, seed: 1 }
    }
}

/// The first point after a change, and how sure its place is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangePoint {
    pub index: usize,
    /// The change happened at one of these points, both included, nineteen times out of twenty.
    pub suspects: (usize, usize),
    /// Means of the segments on either side.
    pub before: f64,
    pub after: f64,
    /// As a share of the value before.
    pub change: f64,
    /// The share of random orders that are split as far apart.
    pub p: f64,
}

/// Change points in their order. Points that are no numbers have no place in a series.
pub fn change_points(points: &[f64], how: &Detection) -> Vec<ChangePoint> {
    let mut random = ChaCha8Rng::seed_from_u64(how.seed);
    // Where segments begin; each knows its best split.
    let mut segments: Vec<Segment> = vec![Segment::of(points, 0, points.len(), how)];
    let mut found: Vec<(usize, f64)> = Vec::new();
    while let Some(at) = widest(&segments) {
        let (split, observed) = segments[at].best.expect("the widest has a split");
        let p = chance(&segments, observed, how, &mut random);
        if p > how.alpha {
            break;
        }
        found.push((split, p));
        let whole = segments.remove(at);
        segments.push(Segment::of(points, whole.from, split, how));
        segments.push(Segment::of(points, split, whole.to, how));
    }
    found.sort_unstable_by_key(|(split, _)| *split);
    described(points, &found).into_iter().filter(|change| counts(change, how)).collect()
}

struct Segment {
    from: usize,
    to: usize,
    ranked: Ranked,
    /// The index of the first point after it, and its statistic.
    best: Option<(usize, f64)>,
}

impl Segment {
    fn of(points: &[f64], from: usize, to: usize, how: &Detection) -> Self {
        let ranked = Ranked::of(&points[from..to]);
        let best = ranked
            .best(&ranked.ranks, how.shortest.max(2))
            .map(|(split, statistic)| (from + split, statistic));
        Self { from, to, ranked, best }
    }
}

fn widest(segments: &[Segment]) -> Option<usize> {
    let statistic = |at: &usize| segments[*at].best.map_or(f64::NEG_INFINITY, |(_, statistic)| statistic);
    let with_split = (0..segments.len()).filter(|at| segments[*at].best.is_some());
    with_split.max_by(|one, other| statistic(one).total_cmp(&statistic(other)))
}

/// How often random orders within all segments have a split at least as wide. Stops as soon as the answer is no.
fn chance(segments: &[Segment], observed: f64, how: &Detection, random: &mut ChaCha8Rng) -> f64 {
    let permutations = how.permutations.max(1);
    let enough = how.alpha * f64::from(permutations + 1);
    let mut as_wide: u32 = 1;
    // Sums of the same numbers in another order differ in their last digits.
    let reach = observed - 1e-9 * observed.abs();
    for _ in 0..permutations {
        let widest = segments.iter().filter_map(|segment| {
            let mut order = segment.ranked.ranks.clone();
            order.shuffle(random);
            Some(segment.ranked.best(&order, how.shortest.max(2))?.1)
        });
        as_wide += u32::from(widest.fold(f64::NEG_INFINITY, f64::max) >= reach);
        if f64::from(as_wide) > enough {
            return 1.0;
        }
    }
    f64::from(as_wide) / f64::from(permutations + 1)
}

fn described(points: &[f64], found: &[(usize, f64)]) -> Vec<ChangePoint> {
    let mut bounds: Vec<usize> = vec![0];
    bounds.extend(found.iter().map(|(split, _)| *split));
    bounds.push(points.len());
    let mean = |from: usize, to: usize| points[from..to].iter().sum::<f64>() / (to - from) as f64;
    let of = |(place, (split, p)): (usize, &(usize, f64))| {
        let (from, to) = (bounds[place], bounds[place + 2]);
        let (before, after) = (mean(from, *split), mean(*split, to));
        ChangePoint {
            index: *split,
            suspects: suspects(&points[from..to], *split - from, from),
            before,
            after,
            change: (after - before) / before.abs(),
            p: *p,
        }
    };
    found.iter().enumerate().map(of).collect()
}

/// The splits that explain the two segments nearly as well as the best one does: the usual bound of a likelihood
/// ratio at 95 %, which is a little wide for a place and never too narrow where the noise is normal.
fn suspects(points: &[f64], split: usize, from: usize) -> (usize, usize) {
    const BOUND: f64 = 3.84;
    let squares = |at: usize| {
        let sum = |part: &[f64]| {
            let mean = part.iter().sum::<f64>() / part.len() as f64;
            part.iter().map(|value| (value - mean).powi(2)).sum::<f64>()
        };
        sum(&points[..at]) + sum(&points[at..])
    };
    let least = squares(split);
    let variance = least / (points.len() as f64 - 2.0).max(1.0);
    let as_good = |at: &usize| squares(*at) <= least + BOUND * variance;
    let first = (1..split).rev().take_while(as_good).last().unwrap_or(split);
    let last = (split + 1..points.len()).take_while(as_good).last().unwrap_or(split);
    (from + first, from + last)
}

fn counts(change: &ChangePoint, how: &Detection) -> bool {
    let right_way = match how.way {
        None => true,
        Some(Way::Up) => change.after > change.before,
        Some(Way::Down) => change.after < change.before,
    };
    let large = !change.change.is_finite() || change.change.abs() >= how.least_change;
    right_way && large
}
