//! Right and wrong counted: intervals for a share, paired answers, and how small a difference can be seen.

use statrs::distribution::{Beta, Binomial, ContinuousCDF, DiscreteCDF, Normal};

/// Wilson's score interval for a share. `None` for no items.
pub fn wilson(right: u64, items: u64, confidence: f64) -> Option<(f64, f64)> {
    if items == 0 || right > items {
        return None;
    }
    wilson_of_share(right as f64 / items as f64, items as f64, confidence)
}

/// The same for a share of items that need not be a whole number: what items that hang together are worth.
pub fn wilson_of_share(share: f64, n: f64, confidence: f64) -> Option<(f64, f64)> {
    if n <= 0.0 || !(0.0..=1.0).contains(&share) {
        return None;
    }
    let z = Normal::standard().inverse_cdf(f64::midpoint(confidence, 1.0));
    let middle = share + z * z / (2.0 * n);
    let reach = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    Some((((middle - reach) / scale).max(0.0), ((middle + reach) / scale).min(1.0)))
}

/// The exact interval of Clopper and Pearson (1934): never covers less than it says. `None` for no items.
pub fn clopper_pearson(right: u64, items: u64, confidence: f64) -> Option<(f64, f64)> {
    if items == 0 || right > items {
        return None;
    }
    let tail = (1.0 - confidence) / 2.0;
    let (x, n) = (right as f64, items as f64);
    let low = if right == 0 { 0.0 } else { Beta::new(x, n - x + 1.0).ok()?.inverse_cdf(tail) };
    let high = if right == items { 1.0 } else { Beta::new(x + 1.0, n - x).ok()?.inverse_cdf(1.0 - tail) };
    Some((low, high))
}

/// Two systems on the same items.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct McNemar {
    pub items: u64,
    pub both_right: u64,
    /// Items that only the candidate, and only the base, got right.
    pub only_candidate: u64,
    pub only_base: u64,
    /// Two-sided.
    pub p: f64,
    /// One-sided: how likely a lead of the candidate like this one would be if it had none.
    pub p_better: f64,
}

/// The exact form: of the items on which the two differ, each side would win half by chance.
pub fn mcnemar_exact(answers: impl IntoIterator<Item = (bool, bool)>) -> McNemar {
    let (mut items, mut both_right, mut only_candidate, mut only_base) = (0, 0, 0, 0);
    for (base, candidate) in answers {
        items += 1;
        both_right += u64::from(base && candidate);
        only_candidate += u64::from(candidate && !base);
        only_base += u64::from(base && !candidate);
    }
    let differing = only_candidate + only_base;
    let up_to = |count: u64| match Binomial::new(0.5, differing) {
        Ok(binomial) => binomial.cdf(count),
        Err(_) => 1.0,
    };
    let p = if differing == 0 { 1.0 } else { (2.0 * up_to(only_candidate.min(only_base))).min(1.0) };
    let p_better = if differing == 0 { 1.0 } else { up_to(only_base) };
    McNemar { items, both_right, only_candidate, only_base, p, p_better }
}

impl McNemar {
    /// The candidate's share of right answers less the base's, with its interval: Wald's, with half an answer added
    /// to each kind of discordant pair (after Agresti and Min 2005), so that it has a width even where no two
    /// answers differ. `None` for no items.
    pub fn difference(&self, confidence: f64) -> Option<(f64, (f64, f64))> {
        if self.items == 0 {
            return None;
        }
        let z = Normal::standard().inverse_cdf(f64::midpoint(confidence, 1.0));
        let n = self.items as f64 + 2.0;
        let (b, c) = (self.only_candidate as f64 + 0.5, self.only_base as f64 + 0.5);
        let reach = z * ((b + c) - (b - c).powi(2) / n).sqrt() / n;
        let centre = (b - c) / n;
        let shown = (self.only_candidate as f64 - self.only_base as f64) / self.items as f64;
        Some((shown, ((centre - reach).max(-1.0), (centre + reach).min(1.0))))
    }
}

/// The smallest true difference of two shares that this many paired items show with this power, when answers
/// differ on `discordant` of the items: the normal approximation to the same test.
pub fn smallest_detectable_difference(items: u64, discordant: f64, alpha: f64, power: f64) -> Option<f64> {
    let normal = Normal::standard();
    let sum = normal.inverse_cdf(1.0 - alpha / 2.0) + normal.inverse_cdf(power);
    (items > 0).then(|| sum * (discordant / items as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: Option<(f64, f64)>, expected: (f64, f64)) {
        let (low, high) = found.unwrap();
        assert!(
            (low - expected.0).abs() < 5e-5 && (high - expected.1).abs() < 5e-5,
            "{low} {high} {expected:?}"
        );
    }

    /// Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, methods 3 and 5.
    #[test]
    fn intervals_of_shares_are_newcombes() {
        for (right, items, score, exact) in [
            (81, 263, (0.2553, 0.3662), (0.2527, 0.3676)),
            (15, 148, (0.0624, 0.1605), (0.0578, 0.1617)),
            (0, 20, (0.0, 0.1611), (0.0, 0.1684)),
            (1, 29, (0.0061, 0.1718), (0.0009, 0.1776)),
        ] {
            near(wilson(right, items, 0.95), score);
            near(clopper_pearson(right, items, 0.95), exact);
        }
        assert_eq!(wilson(0, 0, 0.95), None);
        assert_eq!(clopper_pearson(3, 2, 0.95), None);
    }

    fn answers(both: u64, only_candidate: u64, only_base: u64) -> Vec<(bool, bool)> {
        let mut all = vec![(true, true); both as usize];
        all.extend(vec![(false, true); only_candidate as usize]);
        all.extend(vec![(true, false); only_base as usize]);
        all
    }

    /// statsmodels 0.14: mcnemar([[0, 121], [59, 33]], exact=True); scipy 1.17: binomtest(121, 180, 0.5) for the
    /// one side.
    #[test]
    fn mcnemar_is_the_binomial_test_of_what_differs() {
        let found = mcnemar_exact(answers(33, 121, 59));
        assert!((found.p / 4.434_449_263_755_164_5e-6 - 1.0).abs() < 1e-9, "{}", found.p);
        assert!((found.p_better / 2.217_224_631_877_582_3e-6 - 1.0).abs() < 1e-9, "{}", found.p_better);
        let none = mcnemar_exact(answers(10, 0, 0));
        assert_eq!((none.p, none.p_better, none.items), (1.0, 1.0, 10));
        let worse = mcnemar_exact(answers(0, 1, 9));
        assert!(worse.p < 0.05 && worse.p_better > 0.99);
        let (shown, (low, high)) = found.difference(0.95).unwrap();
        assert!((shown - 62.0 / 213.0).abs() < 1e-12 && low < shown && shown < high && low > 0.15);
    }

    /// Its coverage over seeded draws, few items and many: the interval of the difference is not too narrow.
    #[test]
    fn the_interval_of_a_difference_covers() {
        use rand::{RngExt, SeedableRng};
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(11);
        for (items, only_candidate, only_base) in
            [(20, 0.10, 0.10), (60, 0.15, 0.05), (500, 0.02, 0.02), (500, 0.2, 0.1)]
        {
            let truth = only_candidate - only_base;
            let covered = (0..2000).filter(|_| {
                let draws = (0..items).map(|_| {
                    let draw: f64 = random.random_range(0.0..1.0);
                    (draw >= only_candidate, !(only_candidate..only_candidate + only_base).contains(&draw))
                });
                let (low, high) = mcnemar_exact(draws).difference(0.95).unwrap().1;
                low <= truth && truth <= high
            });
            let coverage = covered.count() as f64 / 2000.0;
            assert!((0.93..=0.99).contains(&coverage), "{items} items: {coverage}");
        }
        let same = mcnemar_exact([(true, true); 5]).difference(0.95).unwrap().1;
        assert!(same.0 < -0.2 && same.1 > 0.2, "five equal answers show nothing: {same:?}");
    }

    /// Miller, Adding error bars to evals (arXiv 2411.00640), and own computation, at 20 % discordant answers.
    #[test]
    fn few_items_show_only_large_differences() {
        for (items, points) in [(33, 21.8), (100, 12.5), (541, 5.4), (1000, 4.0), (12_032, 1.1)] {
            let found = 100.0 * smallest_detectable_difference(items, 0.2, 0.05, 0.8).unwrap();
            assert!((found - points).abs() < 0.06, "{items}: {found}");
        }
    }
}
