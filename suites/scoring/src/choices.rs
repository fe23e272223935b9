//! Which option a model finds most likely.

use crate::response::Weighed;

/// The place of the most likely option, of equal ones the first; `None` where there are none.
pub(crate) fn most_likely(weighed: &[Weighed]) -> Option<usize> {
    best(weighed.iter().map(|option| option.log_prob))
}

/// The same, each log-likelihood over the characters of its option, so that long ones are not at a loss.
pub(crate) fn most_likely_for_length(weighed: &[Weighed], options: &[String]) -> Option<usize> {
    let lengths = options.iter().map(|option| option.chars().count().max(1) as f64);
    best(weighed.iter().zip(lengths).map(|(option, length)| option.log_prob / length))
}

fn best(values: impl Iterator<Item = f64>) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (place, value) in values.enumerate() {
        if best.is_none_or(|(_, highest)| value > highest) {
            best = Some((place, value));
        }
    }
    best.map(|(place, _)| place)
}
