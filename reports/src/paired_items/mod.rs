//! Two configurations on the items that both were asked. Owns the pairing and what may be said of it; knows nothing
//! of claims or pages.

use std::collections::BTreeMap;

use crate::cell::Cell;
use crate::derive::{Answered, Group};
use crate::stats::{self, ALPHA, Answer, ClusteredMean, McNemar};

/// The axis along which the items of one cell are spread over devices.
const SHARD: &str = "shard";
/// How often answers of two configurations usually differ, for the smallest difference that could be seen.
pub(crate) const USUAL_DISCORDANT: f64 = 0.2;
pub(crate) const POWER: f64 = 0.8;
/// With fewer clusters nothing is known about how clusters differ.
const LEAST_CLUSTERS: usize = 10;

/// Answers by what was asked: the axes of the cell, the task, the item.
pub(crate) type Items<'a> = BTreeMap<(String, &'a str, &'a str), &'a Answered<'a>>;

/// The answers of these groups, which are of one configuration. Shards are parts of one whole; `apart` is an axis along
/// which sides are compared.
pub(crate) fn by_item<'a>(groups: &[&'a Group<'a>], apart: Option<&str>) -> Items<'a> {
    let mut items = Items::new();
    for group in groups {
        let asked_as = variant(&group.cell, apart);
        for one in &group.attempts {
            for answer in &one.answers {
                let task = answer.asked().map_or("", |asked| asked.task.as_str());
                items.insert((asked_as.clone(), task, answer.stored.item.as_str()), answer);
            }
        }
    }
    items
}

/// The axes of a cell that say how its items were asked.
pub(crate) fn variant(cell: &Cell, apart: Option<&str>) -> String {
    let axes = cell.axes.iter().filter(|(axis, _)| *axis != SHARD && Some(axis.as_str()) != apart);
    axes.map(|(axis, value)| format!("{axis} {value}")).collect::<Vec<_>>().join(", ")
}

/// Candidate less base on the items both were asked, with how sure that is.
#[derive(Debug, Clone)]
pub(crate) struct Difference {
    pub(crate) items: u64,
    /// Items with the same answer, right or wrong.
    pub(crate) agree: u64,
    pub(crate) mean: ClusteredMean,
    /// Exact where items are independent of each other.
    pub(crate) mcnemar: McNemar,
    independent: bool,
}

impl Difference {
    /// `None` where no item was asked of both.
    pub(crate) fn of(base: &Items<'_>, candidate: &Items<'_>) -> Option<Self> {
        Self::by(base, candidate, |answer| answer.right)
    }

    /// The same by another rule of right and wrong.
    pub(crate) fn by(
        base: &Items<'_>,
        candidate: &Items<'_>,
        is_right: impl Fn(&Answered<'_>) -> bool,
    ) -> Option<Self> {
        let pairs: Vec<(&Answered<'_>, &Answered<'_>)> =
            base.iter().filter_map(|(item, base)| Some((*base, *candidate.get(item)?))).collect();
        let difference = |(base, candidate): &(&Answered<'_>, &Answered<'_>)| {
            f64::from(u8::from(is_right(candidate))) - f64::from(u8::from(is_right(base)))
        };
        let mean = ClusteredMean::of(pairs.iter().map(|pair| (pair.0.cluster(), difference(pair))))?;
        Some(Self {
            items: pairs.len() as u64,
            agree: pairs.iter().filter(|(base, candidate)| base.answer == candidate.answer).count() as u64,
            independent: mean.clusters() == pairs.len(),
            mcnemar: stats::mcnemar_exact(
                pairs.iter().map(|(base, candidate)| (is_right(base), is_right(candidate))),
            ),
            mean,
        })
    }

    /// Candidate's share of right answers less the base's.
    pub(crate) fn value(&self) -> f64 {
        self.mean.mean
    }

    /// Two-sided: whether there is a difference at all.
    pub(crate) fn p(&self) -> f64 {
        if self.independent { self.mcnemar.p } else { self.clustered_p().map_or(1.0, |(both, _)| both) }
    }

    fn clustered_p(&self) -> Option<(f64, f64)> {
        if self.mean.clusters() < LEAST_CLUSTERS { None } else { self.mean.p_values() }
    }

    /// Whether the candidate is better at all.
    pub(crate) fn better(&self) -> Answer {
        let (both, above) = match self.clustered_p() {
            _ if self.independent => (self.mcnemar.p, self.mcnemar.p_better),
            Some(found) => found,
            None => return Answer::Open,
        };
        if above <= ALPHA {
            Answer::Yes
        } else if both <= ALPHA && self.value() < 0.0 {
            Answer::No
        } else {
            Answer::Open
        }
    }

    /// The interval of the difference; none where items hang together in too few clusters.
    pub(crate) fn interval(&self, confidence: f64) -> Option<(f64, f64)> {
        if self.independent {
            return self.mcnemar.difference(confidence).map(|(_, interval)| interval);
        }
        if self.mean.clusters() < LEAST_CLUSTERS {
            return None;
        }
        if self.mcnemar.only_base + self.mcnemar.only_candidate == 0 {
            // No answer differs: what that shows is as much as there are clusters.
            let same = stats::mcnemar_exact((0..self.mean.clusters()).map(|_| (true, true)));
            return same.difference(confidence).map(|(_, interval)| interval);
        }
        self.mean.interval(confidence)
    }

    /// Whether the difference is above a bound, each side with the usual chance of a false answer.
    pub(crate) fn above(&self, bound: f64) -> Answer {
        match self.interval(1.0 - 2.0 * ALPHA) {
            Some((low, _)) if low >= bound => Answer::Yes,
            Some((_, high)) if high <= bound => Answer::No,
            _ => Answer::Open,
        }
    }

    /// What so many items show with the usual power: by how these answers differed, where they did.
    pub(crate) fn smallest_detectable(&self) -> f64 {
        let usual = || stats::smallest_detectable_difference(self.items, USUAL_DISCORDANT, ALPHA, POWER);
        self.mean.smallest_detectable(ALPHA, POWER).or_else(usual).unwrap_or(1.0)
    }

    /// How many items more would show a difference like the one that was found, if it is the true one; `None` where
    /// these are enough or no number is.
    pub(crate) fn more_items_needed(&self) -> Option<u64> {
        let needed = self.mean.needed_for(self.value(), ALPHA, POWER)?;
        needed.checked_sub(self.items).filter(|more| *more > 0)
    }

    pub(crate) fn words(&self) -> String {
        let points = 100.0 * self.value();
        let interval = self
            .interval(0.95)
            .map(|(low, high)| format!(", 95 % interval {:.1} to {:.1}", 100.0 * low, 100.0 * high));
        format!(
            "{points:+.1} points over {} items{} (so many items show {:.1} points or more)",
            self.items,
            interval.unwrap_or_default(),
            100.0 * self.smallest_detectable()
        )
    }
}

#[cfg(test)]
mod tests;
