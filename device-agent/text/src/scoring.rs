//! How likely a given token was, from one row of logits.

use crate::TextError;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// Natural logarithm of the token's probability.
    pub log_prob: f32,
    /// Whether it was the most likely token; the lower id wins a tie.
    pub greedy: bool,
}

/// Scores `id` among the first `id_count` logits. Sums are taken in f64, with an exponential that is the same on
/// every platform.
pub fn score(logits: &[f32], id_count: u32, id: u32) -> Result<Scored, TextError> {
    let rows = logits.get(..id_count as usize).unwrap_or(logits);
    let own = *rows.get(id as usize).ok_or(TextError::UnknownId { id, ids: rows.len() as u32 })?;
    let (best, max) = most_likely(rows)?;
    let sum: f64 = rows.iter().map(|logit| libm::exp(f64::from(*logit) - f64::from(max))).sum();
    let log_prob = f64::from(own) - f64::from(max) - libm::log(sum);
    Ok(Scored { log_prob: log_prob as f32, greedy: best == id })
}

/// The largest logit and its id; not-a-number and plus infinity are errors of the engine.
pub(crate) fn most_likely(rows: &[f32]) -> Result<(u32, f32), TextError> {
    let mut best = (0, f32::NEG_INFINITY);
    for (index, value) in rows.iter().copied().enumerate() {
        if value.is_nan() || value == f32::INFINITY {
            return Err(TextError::BadLogit { index, value });
        }
        if value > best.1 {
            best = (index as u32, value);
        }
    }
    if best.1 == f32::NEG_INFINITY {
        return Err(TextError::BadLogit { index: 0, value: f32::NEG_INFINITY });
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_those_of_a_softmax() {
        let logits = [0.0, 3.0_f32.ln(), f32::NEG_INFINITY, 50.0];
        let scored = score(&logits, 3, 1).unwrap();
        assert!((scored.log_prob - 0.75_f32.ln()).abs() < 1e-6);
        assert!(scored.greedy);
        assert!(!score(&logits, 3, 0).unwrap().greedy);
        assert!(!score(&logits, 4, 1).unwrap().greedy);
    }

    #[test]
    fn padding_rows_and_bad_rows_are_refused() {
        assert!(matches!(score(&[0.0, 1.0], 1, 1), Err(TextError::UnknownId { id: 1, ids: 1 })));
        assert!(matches!(score(&[0.0, f32::NAN], 2, 0), Err(TextError::BadLogit { index: 1, .. })));
        assert!(score(&[f32::NEG_INFINITY; 2], 2, 0).is_err());
    }

    #[test]
    fn the_lower_id_wins_a_tie() {
        assert_eq!(most_likely(&[1.0, 2.0, 2.0]).unwrap().0, 1);
    }
}
