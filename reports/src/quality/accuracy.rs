//! The share of right answers with its interval, and what it took.

use super::rows::TaskRow;
use super::sides::Side;
use crate::derive::Answered;
use crate::stats::{ClusteredMean, wilson_of_share};

/// A share of right answers over items that may hang together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Share {
    pub(crate) items: u64,
    pub(crate) clusters: u64,
    pub(crate) right: u64,
    pub(crate) value: f64,
    /// So many independent items would be as sure.
    effective: f64,
}

/// `None` for no items.
pub(crate) fn share<'a>(answers: impl IntoIterator<Item = &'a Answered<'a>>) -> Option<Share> {
    let values = answers.into_iter().map(|answer| (answer.cluster(), f64::from(u8::from(answer.right))));
    let mean = ClusteredMean::of(values)?;
    let (items, clusters) = (mean.values as f64, mean.clusters() as f64);
    let spread = mean.mean * (1.0 - mean.mean);
    let effective = match mean.standard_error {
        _ if mean.clusters() as u64 == mean.values => items,
        Some(error) if error > 0.0 && spread > 0.0 => (spread / (error * error)).clamp(1.0, items),
        // All right or all wrong: what that shows is as much as there are clusters.
        _ => clusters,
    };
    Some(Share {
        items: mean.values,
        clusters: mean.clusters() as u64,
        right: (mean.mean * items).round() as u64,
        value: mean.mean,
        effective,
    })
}

impl Share {
    /// Wilson's interval at the number of independent items that the clusters are worth.
    pub(crate) fn interval(&self, confidence: f64) -> Option<(f64, f64)> {
        wilson_of_share(self.value, self.effective, confidence)
    }

    pub(crate) fn method(&self) -> String {
        if self.clusters == self.items {
            format!("Wilson's interval over {} items", self.items)
        } else {
            format!(
                "Wilson's interval over {} items in {} clusters, worth {:.0} independent ones",
                self.items, self.clusters, self.effective
            )
        }
    }
}

pub(super) fn row(side: &Side<'_>) -> TaskRow {
    let answers: Vec<&Answered<'_>> = side.answers().collect();
    let found = share(answers.iter().copied());
    let count = |is: fn(&Answered<'_>) -> bool| answers.iter().filter(|answer| is(answer)).count() as u64;
    let answered = count(|answer| answer.answer.is_some());
    let right = count(|answer| answer.right);
    let items = answers.len() as u64;
    let chances: Vec<f64> = answers.iter().filter_map(|answer| answer.asked()?.chance).collect();
    let timed: Vec<(bool, u64)> =
        answers.iter().filter_map(|answer| Some((answer.right, answer.asked()?.took_ns?))).collect();
    let timed_right = timed.iter().filter(|(right, _)| *right).count();
    let tokens: f64 = answers.iter().map(|answer| f64::from(answer.stored.tokens)).sum();
    TaskRow {
        suite: side.suite.to_owned(),
        case: side.case.to_owned(),
        subject: side.subject.clone(),
        asked_as: side.asked_as.clone(),
        by: side.by.clone(),
        evidence: side.evidence,
        devices: side.devices,
        items,
        clusters: found.as_ref().map_or(0, |share| share.clusters),
        right,
        accuracy: found.as_ref().map_or(0.0, |share| share.value),
        interval: found.as_ref().and_then(|share| share.interval(0.95)),
        method: found.map_or_else(String::new, |share| share.method()),
        answered,
        accuracy_answered: (answered > 0).then(|| right as f64 / answered as f64),
        chance: (!chances.is_empty()).then(|| chances.iter().sum::<f64>() / chances.len() as f64),
        truncated: count(|answer| answer.stored.truncated),
        looped: count(|answer| answer.stored.looped),
        refused: count(|answer| answer.refused),
        from_cache: count(|answer| answer.asked().is_some_and(|asked| asked.cached)),
        tokens_per_answer: tokens / (items.max(1) as f64),
        seconds_per_correct: (timed_right > 0).then(|| {
            timed.iter().map(|(_, took_ns)| *took_ns as f64).sum::<f64>() / 1e9 / timed_right as f64
        }),
        by_other_rules: other_rules(&answers),
        trials: side
            .groups
            .iter()
            .flat_map(|group| &group.attempts)
            .map(|one| one.attempted.planned.id.0.clone())
            .collect(),
    }
}

/// Rules by name, with the share of right answers by each.
fn other_rules(answers: &[&Answered<'_>]) -> Vec<(String, f64)> {
    let names = answers.first().map_or(&[][..], |answer| answer.right_otherwise.as_slice());
    names
        .iter()
        .map(|(name, _)| {
            let right = answers.iter().filter(|answer| answer.is_right_by(name)).count();
            (name.clone(), right as f64 / answers.len() as f64)
        })
        .collect()
}
