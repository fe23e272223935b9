//! Medians and percentiles.

/// The value below which this share of the values lies, by linear interpolation between the two nearest:
/// definition 7 of Hyndman and Fan (1996), the usual one of R and of `numpy`. `None` for no values.
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * last as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(below + (above - below) * place.fract())
}

pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_numpy() {
        // numpy 2: np.percentile([15, 20, 35, 40, 50], [5, 30, 40, 50, 99])
        let values = [35.0, 20.0, 15.0, 50.0, 40.0];
        for (share, expected) in [(0.05, 16.0), (0.30, 23.0), (0.40, 29.0), (0.50, 35.0), (0.99, 49.6)] {
            let found = quantile(&values, share).unwrap();
            assert!((found - expected).abs() < 1e-12, "{share}: {found}");
        }
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[7.0], 0.9), Some(7.0));
    }
}
