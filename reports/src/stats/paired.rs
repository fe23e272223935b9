//! Two things measured side by side: ratios of pairs, and whether they could be chance.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Fit, Placed};

/// Candidate over base, from pairs that were measured next to each other.
#[derive(Debug, Clone, PartialEq)]
pub struct PairedRatio {
    pub ratio: f64,
    pub interval: Option<(f64, f64)>,
    pub pairs: u32,
    /// The fit of the ratios, for tests against bounds.
    pub fit: Fit,
}

/// A pair is `(session, base, candidate)`; both must be above zero. `None` where there is no such pair.
pub fn paired_ratio(pairs: &[(u32, f64, f64)]) -> Option<PairedRatio> {
    let ratios: Vec<Placed> = pairs
        .iter()
        .enumerate()
        .filter(|(_, (_, base, candidate))| *base > 0.0 && *candidate > 0.0)
        .map(|(index, (session, base, candidate))| Placed {
            session: *session,
            trial: index as u32,
            value: candidate / base,
        })
        .collect();
    let fit = Fit::of(&ratios)?;
    Some(PairedRatio { ratio: fit.value(), interval: fit.interval(0.95), pairs: ratios.len() as u32, fit })
}

/// Up to this many pairs every flip is tried; beyond it a seeded sample of them.
const EXACT_PAIRS: usize = 16;
const SAMPLED_FLIPS: u32 = 20_000;

/// Two-sided: how often the mean of these differences would be this far from zero if each sign were chance.
/// Exact for few pairs, sampled by the seed for many. `None` for no differences.
pub fn sign_flip_p(differences: &[f64], seed: u64) -> Option<f64> {
    if differences.is_empty() {
        return None;
    }
    let observed = differences.iter().sum::<f64>().abs();
    // Sums of the same numbers in another order differ in their last digits.
    let reach = observed - 1e-12 * differences.iter().map(|difference| difference.abs()).sum::<f64>();
    if differences.len() <= EXACT_PAIRS {
        let all = 1_u32 << differences.len();
        let as_far =
            (0..all).filter(|flips| sum_flipped(differences, |index| flips >> index & 1 == 1).abs() >= reach);
        return Some(as_far.count() as f64 / f64::from(all));
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let as_far = (0..SAMPLED_FLIPS)
        .filter(|_| sum_flipped(differences, |_| random.random_bool(0.5)).abs() >= reach)
        .count();
    // The observed signs are one of the possible ones.
    Some((as_far as f64 + 1.0) / (f64::from(SAMPLED_FLIPS) + 1.0))
}

fn sum_flipped(differences: &[f64], mut flip: impl FnMut(usize) -> bool) -> f64 {
    differences
        .iter()
        .enumerate()
        .map(|(index, difference)| if flip(index) { -difference } else { *difference })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Darwin's Zea mays: heights of crossed less self-fertilised plants in eighths of an inch, the example of
    /// Fisher, The Design of Experiments (1935), section 21: 1,726 of 32,768 sums are as far from zero.
    #[test]
    fn fishers_example_gives_fishers_answer() {
        let differences =
            [49.0, -67.0, 8.0, 16.0, 6.0, 23.0, 28.0, 41.0, 14.0, 29.0, 56.0, 24.0, 75.0, 60.0, -48.0];
        let p = sign_flip_p(&differences, 0).unwrap();
        assert!((p - 1726.0 / 32768.0).abs() < 1e-12, "{p}");
    }

    #[test]
    fn many_pairs_are_sampled_and_the_seed_decides() {
        let differences: Vec<f64> = (0..40).map(|index| if index % 3 == 0 { -1.0 } else { 1.1 }).collect();
        let p = sign_flip_p(&differences, 1).unwrap();
        assert_eq!(Some(p), sign_flip_p(&differences, 1));
        assert!(p > 0.0 && p < 0.1, "{p}");
        let nothing: Vec<f64> = (0..40).map(|index| if index % 2 == 0 { -1.0 } else { 1.0 }).collect();
        assert!((sign_flip_p(&nothing, 1).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(sign_flip_p(&[], 1), None);
    }

    #[test]
    fn ratios_do_not_see_what_both_share() {
        // The device slows down by half; the candidate is five percent faster all along.
        let pairs: Vec<(u32, f64, f64)> = (0..8)
            .map(|round| {
                let base = 40.0 - 2.5 * f64::from(round);
                (0, base, base * (1.05 + 0.002 * f64::from(round % 3)))
            })
            .collect();
        let found = paired_ratio(&pairs).unwrap();
        let (low, high) = found.interval.unwrap();
        assert!(low > 1.04 && high < 1.06 && found.pairs == 8, "{found:?}");
        assert!(paired_ratio(&[(0, 0.0, 1.0)]).is_none());
    }
}
