//! Screens: quick looks at whether two configurations compute the same thing. None of them decides anything.

use dyno_scoring::{Response, Weighed};

use crate::derive::Answered;
use crate::paired_items::Items;

/// The share of leading tokens that both gave, over items whose ids are known.
pub(super) fn same_tokens(base: &Items<'_>, candidate: &Items<'_>) -> Option<f64> {
    mean(base, candidate, |base, candidate| {
        let (base, candidate) = (&base.asked()?.token_ids, &candidate.asked()?.token_ids);
        let longest = base.len().max(candidate.len());
        // A server that names no token gives the same stand-in for each.
        if longest == 0 || base.contains(&u32::MAX) || candidate.contains(&u32::MAX) {
            return None;
        }
        let same = base.iter().zip(candidate).take_while(|(one, other)| one == other).count();
        Some(same as f64 / longest as f64)
    })
}

/// Kullback and Leibler's divergence of the candidate's choice among an item's options from the base's, in nats. It is
/// of the options that were weighed and not of the vocabulary, whose probabilities are not kept.
pub(super) fn divergence(base: &Items<'_>, candidate: &Items<'_>) -> Option<f64> {
    mean(base, candidate, |base, candidate| {
        let (base, candidate) = (distribution(base)?, distribution(candidate)?);
        let same_options = base.len() == candidate.len();
        let terms = base.iter().zip(&candidate).map(|(p, q)| p.exp() * (p - q));
        same_options.then(|| terms.sum())
    })
}

/// Logarithms of the options' probabilities, which add up to one.
fn distribution(answer: &Answered<'_>) -> Option<Vec<f64>> {
    let Response::Weighed { options } = &answer.asked()?.response else { return None };
    let most = options.iter().map(|option| option.log_prob).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = options.iter().map(|option: &Weighed| (option.log_prob - most).exp()).sum();
    (!options.is_empty()).then(|| options.iter().map(|option| option.log_prob - most - sum.ln()).collect())
}

fn mean(
    base: &Items<'_>,
    candidate: &Items<'_>,
    value: impl Fn(&Answered<'_>, &Answered<'_>) -> Option<f64>,
) -> Option<f64> {
    let values: Vec<f64> = base.iter().filter_map(|(item, base)| value(base, candidate.get(item)?)).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
