//! When passes agree, and when their mean is known well enough. The only statistics that the agent does: it
//! decides when to stop, never what a number is.

/// Whether two durations differ by at most this share of the longer one.
pub(crate) fn agree(a_ns: u64, b_ns: u64, within: f64) -> bool {
    a_ns.abs_diff(b_ns) as f64 <= within * a_ns.max(b_ns) as f64
}

/// Whether the half-width of the mean's 95 % interval is at most this share of the mean.
pub(crate) fn narrow_enough(took_ns: &[u64], half_width: f64) -> bool {
    let n = took_ns.len();
    let Some(t) = n.checked_sub(2).map(|at| STUDENT[at.min(STUDENT.len() - 1)]) else { return false };
    let mean = took_ns.iter().map(|ns| *ns as f64).sum::<f64>() / n as f64;
    let squares: f64 = took_ns.iter().map(|ns| (*ns as f64 - mean).powi(2)).sum();
    let error = (squares / (n as f64 - 1.0) / n as f64).sqrt();
    t * error <= half_width * mean
}

/// Student's t at 97.5 % for 1 to 30 degrees of freedom; the last one serves beyond, on the safe side.
const STUDENT: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

#[cfg(test)]
mod tests {
    use super::{agree, narrow_enough};

    #[test]
    fn agreement_is_a_share_of_the_longer_one() {
        assert!(agree(100, 97, 0.03));
        assert!(!agree(100, 96, 0.03));
        assert!(agree(0, 0, 0.0));
    }

    #[test]
    fn one_pass_is_never_enough_and_equal_ones_are() {
        assert!(!narrow_enough(&[], 1.0));
        assert!(!narrow_enough(&[100], 1.0));
        assert!(narrow_enough(&[100, 100, 100], 0.001));
        assert!(!narrow_enough(&[100, 120, 80], 0.05));
        // Mean 100, standard error 1, t 2.776: half-width 2.776 %.
        let spread = [100, 100 + 3, 100 - 3, 100 + 1, 100 - 1];
        assert!(narrow_enough(&spread, 0.0278 * 1.01) && !narrow_enough(&spread, 0.0277));
    }
}
