//! A mean against a stated value: about it, at least it, at most it. Three answers, never two.

use super::Fit;

/// The chance of a false answer that every test of a value allows itself.
pub const ALPHA: f64 = 0.05;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Yes,
    No,
    /// The interval allows both.
    Open,
}

/// Two one-sided tests (Schuirmann 1987): yes when the mean is shown to lie inside the bounds, no when it is
/// shown to lie outside on one side, where the two sides share the chance of a false answer.
pub fn about(fit: &Fit, low: f64, high: f64) -> Answer {
    let Some((above_low, below_high)) = fit.p_above(low).zip(fit.p_below(high)) else { return Answer::Open };
    if above_low.max(below_high) <= ALPHA {
        return Answer::Yes;
    }
    let Some((below_low, above_high)) = fit.p_below(low).zip(fit.p_above(high)) else { return Answer::Open };
    if below_low.min(above_high) <= ALPHA / 2.0 { Answer::No } else { Answer::Open }
}

/// Yes when the mean is shown to lie above the bound, no when it is shown to lie below.
pub fn at_least(fit: &Fit, bound: f64) -> Answer {
    match fit.p_above(bound).zip(fit.p_below(bound)) {
        Some((above, _)) if above <= ALPHA => Answer::Yes,
        Some((_, below)) if below <= ALPHA => Answer::No,
        _ => Answer::Open,
    }
}

pub fn at_most(fit: &Fit, bound: f64) -> Answer {
    match at_least(fit, bound) {
        Answer::Yes => Answer::No,
        Answer::No => Answer::Yes,
        Answer::Open => Answer::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Placed;

    fn fit(values: &[f64]) -> Fit {
        let placed: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(trial, value)| Placed { session: 0, trial: trial as u32, value: *value })
            .collect();
        Fit::of(&placed).unwrap()
    }

    #[test]
    fn three_answers() {
        let steady = fit(&[26.9, 27.0, 27.1, 27.05, 26.95]);
        assert_eq!(about(&steady, 25.65, 28.35), Answer::Yes);
        assert_eq!(about(&steady, 28.0, 30.0), Answer::No);
        assert_eq!(about(&steady, 20.0, 26.0), Answer::No);
        assert_eq!(about(&steady, 27.0, 28.0), Answer::Open);
        assert_eq!(at_least(&steady, 26.5), Answer::Yes);
        assert_eq!(at_least(&steady, 27.5), Answer::No);
        assert_eq!(at_least(&steady, 27.0), Answer::Open);
        assert_eq!(at_most(&steady, 27.5), Answer::Yes);
        let noisy = fit(&[20.0, 33.0, 27.0]);
        assert_eq!(about(&noisy, 25.65, 28.35), Answer::Open);
        assert_eq!(about(&fit(&[27.0]), 25.65, 28.35), Answer::Open);
    }

    /// The published rule is that both one-sided tests must pass, which is the 90 % interval inside the bounds.
    #[test]
    fn equivalence_is_the_ninety_percent_interval_inside_the_bounds() {
        let steady = fit(&[26.0, 27.0, 28.0, 27.0, 26.5]);
        let (low, high) = steady.interval(0.90).unwrap();
        assert_eq!(about(&steady, low - 1e-6, high + 1e-6), Answer::Yes);
        assert_eq!(about(&steady, low + 1e-6, high + 1e-6), Answer::Open);
        assert_eq!(about(&steady, low - 1e-6, high - 1e-6), Answer::Open);
    }
}
