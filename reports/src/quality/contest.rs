//! Models against models at least four times their size: task by task, over all tasks, and whether another way of
//! asking or judging would say the opposite.

use std::collections::BTreeMap;

use dyno_suites::Definitions;

use super::compare::verdict;
use super::rows::{Configuration, Contest, ContestTask, Ratios};
use super::sides::Side;
use crate::derive::Answered;
use crate::paired_items::{Difference, Items};
use crate::stats::{ALPHA, holm};
use crate::verdict::Verdict;

/// Just under four: published sizes are rounded.
const FOUR_TIMES: f64 = 3.95;

/// Candidate and comparator, asked the same.
type Pair<'a> = (&'a Side<'a>, &'a Side<'a>);

/// How large a model is, counted in every way that is known.
pub(super) fn parameters(side: &Side<'_>, definitions: &Definitions) -> Option<Ratios> {
    let known = definitions.model(&side.by.model).ok().and_then(|model| model.parameters);
    let counted = side.counted_parameters().map(|count| count as f64);
    let total = known.map(|parameters| parameters.total() as f64).or(counted)?;
    Some(Ratios {
        total: Some(total),
        active: known.map(|parameters| parameters.active_per_token as f64),
        without_embedding: known.map(|parameters| total - parameters.embedding as f64),
    })
}

fn ratios(candidate: &Ratios, comparator: &Ratios) -> Ratios {
    let over =
        |larger: Option<f64>, smaller: Option<f64>| Some(larger? / smaller.filter(|size| *size > 0.0)?);
    Ratios {
        total: over(comparator.total, candidate.total),
        active: over(comparator.active, candidate.active),
        without_embedding: over(comparator.without_embedding, candidate.without_embedding),
    }
}

pub(super) fn all<'a>(sides: &'a [Side<'a>], definitions: &Definitions) -> Vec<Contest> {
    type Key<'a> = (&'a Configuration, &'a Configuration, &'a str);
    let mut pairs: BTreeMap<Key<'_>, (Ratios, Vec<Pair<'_>>)> = BTreeMap::new();
    for candidate in sides {
        for comparator in sides {
            let same = (candidate.suite, candidate.case, &candidate.asked_as)
                == (comparator.suite, comparator.case, &comparator.asked_as);
            let alike = candidate.by.engine != comparator.by.engine
                || (candidate.by.quant == comparator.by.quant && candidate.by.unit == comparator.by.unit);
            if !same || !alike || candidate.by.model == comparator.by.model {
                continue;
            }
            let sizes = parameters(candidate, definitions).zip(parameters(comparator, definitions));
            let Some((small, large)) = sizes else { continue };
            let ratios = ratios(&small, &large);
            if ratios.total.is_some_and(|ratio| ratio >= FOUR_TIMES) {
                let key = (&candidate.by, &comparator.by, candidate.subject.as_str());
                pairs.entry(key).or_insert((ratios, Vec::new())).1.push((candidate, comparator));
            }
        }
    }
    pairs
        .into_iter()
        .filter_map(|((_, _, subject), (ratios, pairs))| contest(subject, ratios, &pairs))
        .collect()
}

fn contest(subject: &str, ratios: Ratios, pairs: &[Pair<'_>]) -> Option<Contest> {
    let first = pairs.first()?;
    let found = over(pairs, |answer| answer.right)?;
    let overall = verdict(found.better());
    let mut contest = Contest {
        candidate: first.0.by.clone(),
        comparator: first.1.by.clone(),
        subject: subject.to_owned(),
        ratios,
        evidence: pairs.iter().map(|(one, other)| one.evidence.max(other.evidence)).max()?,
        tasks: tasks(pairs),
        items: found.items,
        difference: found.value(),
        interval: found.interval(0.95),
        verdict: overall,
        hinges_on: hinges(pairs, overall),
        says: String::new(),
    };
    if !contest.hinges_on.is_empty() {
        contest.verdict = Verdict::CannotTell;
    }
    contest.says = says(&contest, &found);
    Some(contest)
}

/// The two over all of these cases; an item that several of them ask is one cluster.
fn over(pairs: &[Pair<'_>], is_right: impl Fn(&Answered<'_>) -> bool) -> Option<Difference> {
    let mut together: (Items<'_>, Items<'_>) = (Items::new(), Items::new());
    for (candidate, comparator) in pairs {
        together.0.extend(candidate.items.iter().map(|(item, answer)| (item.clone(), *answer)));
        together.1.extend(comparator.items.iter().map(|(item, answer)| (item.clone(), *answer)));
    }
    Difference::by(&together.1, &together.0, is_right)
}

fn tasks(pairs: &[Pair<'_>]) -> Vec<ContestTask> {
    let found: Vec<(&Side<'_>, Difference)> = pairs
        .iter()
        .filter_map(|(candidate, comparator)| {
            Some((*candidate, Difference::of(&comparator.items, &candidate.items)?))
        })
        .collect();
    let adjusted = holm(&found.iter().map(|(_, found)| found.p()).collect::<Vec<_>>());
    found
        .iter()
        .zip(adjusted)
        .map(|((side, found), p_holm)| {
            let both = found.mcnemar.both_right;
            ContestTask {
                suite: side.suite.to_owned(),
                case: side.case.to_owned(),
                asked_as: side.asked_as.clone(),
                items: found.items,
                candidate_right: both + found.mcnemar.only_candidate,
                comparator_right: both + found.mcnemar.only_base,
                difference: found.value(),
                interval: found.interval(0.95),
                p_holm,
                verdict: if p_holm <= ALPHA { verdict(found.better()) } else { Verdict::CannotTell },
            }
        })
        .collect()
}

/// Choices that nobody is forced to make, under which the opposite would be shown.
fn hinges(pairs: &[Pair<'_>], overall: Verdict) -> Vec<String> {
    let mut otherwise: Vec<(String, Verdict)> = Vec::new();
    let mut note = |how: String, found: Option<Difference>| {
        otherwise.extend(found.map(|found| (how, verdict(found.better()))));
    };
    let mut ways: BTreeMap<&str, Vec<Pair<'_>>> = BTreeMap::new();
    for pair in pairs {
        ways.entry(&pair.0.asked_as).or_default().push(*pair);
    }
    if ways.len() > 1 {
        for (way, pairs) in &ways {
            note(format!("asked with {way}"), over(pairs, |answer| answer.right));
        }
    }
    note("judged by the tasks' other rules".to_owned(), {
        let any =
            pairs.iter().any(|(side, _)| side.answers().any(|answer| !answer.right_otherwise.is_empty()));
        if any { over(pairs, right_by_another_rule) } else { None }
    });
    note("over items that both answered".to_owned(), answered_by_both(pairs));
    let decided = |verdict: Verdict| verdict != Verdict::CannotTell;
    let opposite = |found: Verdict| decided(found) && found != overall;
    let split = otherwise.iter().any(|(_, found)| *found == Verdict::Holds)
        && otherwise.iter().any(|(_, found)| *found == Verdict::Fails);
    otherwise
        .into_iter()
        .filter(|(_, found)| (decided(overall) && opposite(*found)) || (split && decided(*found)))
        .map(|(how, found)| format!("{how} it {}", found.word()))
        .collect()
}

/// By the first rule that does not decide, where the task has one.
fn right_by_another_rule(answer: &Answered<'_>) -> bool {
    answer.right_otherwise.first().map_or(answer.right, |(_, right)| *right)
}

fn answered_by_both(pairs: &[Pair<'_>]) -> Option<Difference> {
    let mut together: (Items<'_>, Items<'_>) = (Items::new(), Items::new());
    let answered = |answer: &Answered<'_>| answer.answer.is_some();
    let mut left_out = false;
    for (candidate, comparator) in pairs {
        for (item, ours) in &candidate.items {
            let Some(theirs) = comparator.items.get(item) else { continue };
            if answered(ours) && answered(theirs) {
                together.0.insert(item.clone(), ours);
                together.1.insert(item.clone(), theirs);
            } else {
                left_out = true;
            }
        }
    }
    if left_out { Difference::of(&together.1, &together.0) } else { None }
}

fn says(contest: &Contest, found: &Difference) -> String {
    let size = contest.ratios.total.map_or_else(String::new, |ratio| format!("{ratio:.1} times its size"));
    let who = format!("{} against {}, {size}", contest.candidate.model, contest.comparator.model);
    let what = found.words();
    if !contest.hinges_on.is_empty() {
        return format!("{who}: it hinges on how one asks: {}", contest.hinges_on.join("; "));
    }
    match contest.verdict {
        Verdict::Holds => format!("{who}: better, {what}"),
        Verdict::Fails => format!("{who}: worse, {what}"),
        Verdict::CannotTell => {
            let more = found.more_items_needed().map_or_else(String::new, |more| {
                format!("; about {more} items more would show such a difference")
            });
            format!("{who}: cannot tell, {what}{more}")
        }
    }
}
