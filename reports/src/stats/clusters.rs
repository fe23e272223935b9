//! Means of values that hang together: items that share a text or a picture are not independent of each other.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::student_reach;

/// A mean with the standard error that its clusters leave it: the sandwich estimator with `G / (G - 1)`, which is the
/// usual standard error where every cluster has one value.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusteredMean {
    pub values: u64,
    pub mean: f64,
    /// Absent with fewer than two clusters.
    pub standard_error: Option<f64>,
    /// How many values each cluster has and what they add up to.
    sums: Vec<(f64, f64)>,
}

impl ClusteredMean {
    /// `None` for no values.
    pub fn of<'a>(values: impl IntoIterator<Item = (&'a str, f64)>) -> Option<Self> {
        let mut clusters: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for (cluster, value) in values {
            let (count, sum) = clusters.entry(cluster).or_default();
            *count += 1.0;
            *sum += value;
        }
        let sums: Vec<(f64, f64)> = clusters.into_values().collect();
        let count: f64 = sums.iter().map(|(count, _)| count).sum();
        if sums.is_empty() {
            return None;
        }
        let mean = sums.iter().map(|(_, sum)| sum).sum::<f64>() / count;
        let groups = sums.len() as f64;
        let squares: f64 = sums.iter().map(|(count, sum)| (sum - count * mean).powi(2)).sum();
        let standard_error = (sums.len() > 1).then(|| (groups / (groups - 1.0) * squares).sqrt() / count);
        Some(Self { values: count as u64, mean, standard_error, sums })
    }

    pub fn clusters(&self) -> usize {
        self.sums.len()
    }

    fn freedom(&self) -> f64 {
        self.sums.len() as f64 - 1.0
    }

    /// Student's t with one degree of freedom less than there are clusters.
    pub fn interval(&self, confidence: f64) -> Option<(f64, f64)> {
        let reach = student_reach(self.freedom(), confidence)? * self.standard_error?;
        Some((self.mean - reach, self.mean + reach))
    }

    /// How likely a mean at least this far from zero is if the true one is zero: two-sided, and for means above zero.
    pub fn p_values(&self) -> Option<(f64, f64)> {
        let error = self.standard_error?;
        if error == 0.0 {
            return None;
        }
        let student = StudentsT::new(0.0, 1.0, self.freedom()).ok()?;
        let t = self.mean / error;
        Some((2.0 * student.sf(t.abs()), student.sf(t)))
    }

    /// The middle of what resampled clusters give, drawn by the seed. `None` for one cluster.
    pub fn bootstrap(&self, confidence: f64, seed: u64) -> Option<(f64, f64)> {
        const RESAMPLES: usize = 2000;
        if self.sums.len() < 2 {
            return None;
        }
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut means: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                let (mut count, mut sum) = (0.0, 0.0);
                for _ in 0..self.sums.len() {
                    let drawn = self.sums[random.random_range(0..self.sums.len())];
                    count += drawn.0;
                    sum += drawn.1;
                }
                sum / count
            })
            .collect();
        means.sort_by(f64::total_cmp);
        let tail = (1.0 - confidence) / 2.0;
        Some((super::quantile(&means, tail)?, super::quantile(&means, 1.0 - tail)?))
    }

    /// The smallest true mean that so many values in such clusters show with this power.
    pub fn smallest_detectable(&self, alpha: f64, power: f64) -> Option<f64> {
        Some(both_sides(alpha, power) * self.standard_error.filter(|error| *error > 0.0)?)
    }

    /// How many values of this kind, in such clusters, show a true mean of this size with this power.
    pub fn needed_for(&self, mean: f64, alpha: f64, power: f64) -> Option<u64> {
        let least = self.smallest_detectable(alpha, power)?;
        let needed = self.values as f64 * (least / mean).powi(2);
        (mean != 0.0 && needed < 1e12).then_some(needed.ceil() as u64)
    }
}

fn both_sides(alpha: f64, power: f64) -> f64 {
    let normal = Normal::standard();
    normal.inverse_cdf(1.0 - alpha / 2.0) + normal.inverse_cdf(power)
}

#[cfg(test)]
#[path = "clusters_tests.rs"]
mod tests;
