//! Tests of answers, paired by item: two configurations are held against each other on the items both were asked.

use dyno_suites::{Claim, Quantity, Selector, Switch, Where, Words};

use super::Ground;
use super::matching::{Aim, list_differing};
use super::part::Part;
use crate::derive::Group;
use crate::paired_items::{Difference, Items, by_item};
use crate::stats::{self, ALPHA, Answer, ClusteredMean};
use crate::verdict::{EvidenceLine, Verdict};

/// The one metric that items carry one by one.
pub(crate) const PAIRED_METRIC: &str = "accuracy";
/// What items cost one by one.
const PAIRED_COST: &str = "tokens_per_answer";

/// One configuration's answers.
struct Answers<'a> {
    items: Items<'a>,
    groups: Vec<&'a Group<'a>>,
}

fn answers<'a>(
    aim: &Aim<'a>,
    axis: Option<(&str, &str)>,
    ground: &Ground<'a>,
    part: &mut Part,
) -> Answers<'a> {
    let candidates = aim.candidates(ground);
    for line in list_differing(candidates.iter()) {
        if !part.differs.contains(&line) {
            part.differs.push(line);
        }
    }
    let is_there = |group: &Group<'_>| {
        axis.is_none_or(|(axis, value)| group.cell.axes.get(axis).is_some_and(|found| found == value))
    };
    let matching =
        candidates.into_iter().filter(|candidate| candidate.differs.is_empty()).map(|found| found.group);
    let groups: Vec<&Group<'_>> = matching.filter(|group| is_there(group)).collect();
    let items = by_item(&groups, axis.map(|(axis, _)| axis));
    Answers { items, groups }
}

fn line(found: &Difference, base: &Answers<'_>, candidate: &Answers<'_>, what: String) -> EvidenceLine {
    let groups = base.groups.iter().chain(&candidate.groups);
    let interval = found.interval(0.95);
    EvidenceLine {
        kind: groups.clone().map(|group| group.evidence).max().unwrap_or(crate::evidence::Evidence::Measured),
        what,
        metric: PAIRED_METRIC.to_owned(),
        unit: "ratio".to_owned(),
        value: found.value(),
        low: interval.map(|interval| interval.0),
        high: interval.map(|interval| interval.1),
        samples: found.items as u32,
        refers_to: groups
            .flat_map(|group| &group.attempts)
            .map(|one| one.attempted.planned.id.0.clone())
            .collect(),
        flags: Vec::new(),
    }
}

/// What to say of a metric that items do not carry.
fn not_paired(of: &Quantity) -> Option<Part> {
    let why = format!("answers are paired by item on `{PAIRED_METRIC}` and not on `{}`", of.metric);
    (of.metric != PAIRED_METRIC).then(|| Part::open().because(why))
}

pub(super) fn non_inferior(
    claim: &Claim,
    of: &Quantity,
    reference: &Selector,
    margin: f64,
    ground: &Ground<'_>,
) -> Part {
    if let Some(part) = not_paired(of) {
        return part;
    }
    let mut part = Part { stated: format!(" of at most {} points less", 100.0 * margin), ..Part::open() };
    let candidate = answers(&Aim::new(claim, &of.at), None, ground, &mut part);
    let base = answers(&Aim::with(claim, &of.at, reference), None, ground, &mut part);
    let Some(found) = Difference::of(&base.items, &candidate.items) else {
        return part.because("no item was answered by both under the claim's conditions");
    };
    part.verdict = match found.above(-margin) {
        Answer::Yes => Verdict::Holds,
        Answer::No => Verdict::Fails,
        Answer::Open => Verdict::CannotTell,
    };
    part.evidence.push(line(&found, &base, &candidate, "against the reference, paired by item".to_owned()));
    part.finding = Some(format!("Against the reference Dyno found {}", found.words()));
    part.because(found.words())
}

pub(super) fn better(
    claim: &Claim,
    of: &Quantity,
    candidate: &Selector,
    comparator: &Selector,
    size_ratio_at_least: f64,
    ground: &Ground<'_>,
) -> Part {
    if let Some(part) = not_paired(of) {
        return part;
    }
    let mut part = Part::open();
    let ours = answers(&Aim::with(claim, &of.at, candidate), None, ground, &mut part);
    let mut verdicts = Vec::new();
    for model in &comparators(claim, of, comparator, size_ratio_at_least, &ours, ground) {
        let one = Selector { models: vec![model.clone()], ..comparator.clone() };
        let theirs = answers(&Aim::with(claim, &of.at, &one), None, ground, &mut part);
        let Some(found) = Difference::of(&theirs.items, &ours.items) else {
            part.why
                .push(format!("no item was answered by both it and {model} under the claim's conditions"));
            verdicts.push(Verdict::CannotTell);
            continue;
        };
        match size(&theirs, ground).zip(size(&ours, ground)) {
            Some((theirs, ours)) if theirs / ours >= size_ratio_at_least => {}
            sizes => {
                let ratio = sizes.map_or("an unknown number of".to_owned(), |(theirs, ours)| {
                    format!("{:.1}", theirs / ours)
                });
                part.differs.push(format!(
                    "{model} has {ratio} times the parameters, not {size_ratio_at_least} or more"
                ));
                verdicts.push(Verdict::CannotTell);
                continue;
            }
        }
        verdicts.push(match found.better() {
            Answer::Yes => Verdict::Holds,
            Answer::No => Verdict::Fails,
            Answer::Open => Verdict::CannotTell,
        });
        part.evidence.push(line(&found, &theirs, &ours, format!("against {model}, paired by item")));
        part.finding = Some(format!("Against {model} Dyno found {}", found.words()));
        part.why.push(format!("against {model}: {}", found.words()));
    }
    if verdicts.is_empty() {
        part.why.push(format!(
            "no model of at least {size_ratio_at_least} times the parameters was asked the same items"
        ));
    }
    part.verdict = Verdict::all(verdicts);
    part
}

/// The models that are named; where none is, every model at the place that is large enough.
fn comparators(
    claim: &Claim,
    of: &Quantity,
    named: &Selector,
    size_ratio_at_least: f64,
    ours: &Answers<'_>,
    ground: &Ground<'_>,
) -> Vec<String> {
    if !named.models.is_empty() {
        return named.models.clone();
    }
    let Some(our_size) = size(ours, ground) else { return Vec::new() };
    let aim = Aim::new(claim, &of.at);
    let mut models = Vec::new();
    for group in ground.groups.iter().filter(|group| aim.is_at(&group.cell)) {
        let large = size_of(group, ground).is_some_and(|size| size / our_size >= size_ratio_at_least);
        if large && !models.contains(&group.cell.model) {
            models.push(group.cell.model.clone());
        }
    }
    models
}

/// Parameters as the agent counted them, or as the catalogue says.
fn size(answers: &Answers<'_>, ground: &Ground<'_>) -> Option<f64> {
    size_of(answers.groups.first()?, ground)
}

fn size_of(group: &Group<'_>, ground: &Ground<'_>) -> Option<f64> {
    let counted =
        group.attempts.iter().find_map(|one| one.attempted.loaded()).map(|loaded| loaded.parameters);
    let catalogue = || Some(ground.definitions.model(&group.cell.model).ok()?.parameters?.total());
    Some(counted.filter(|count| *count > 0).or_else(catalogue)? as f64)
}

fn side<'a>(
    claim: &'a Claim,
    at: &'a Where,
    value: (&str, &str),
    ground: &Ground<'a>,
    part: &mut Part,
) -> Answers<'a> {
    answers(&Aim::new(claim, at), Some(value), ground, part)
}

/// Tokens with the switch on less those with it off, item by item.
fn more_tokens(on: &Answers<'_>, off: &Answers<'_>) -> Option<ClusteredMean> {
    let pairs = off.items.iter().filter_map(|(item, off)| Some((off, on.items.get(item)?)));
    ClusteredMean::of(
        pairs.map(|(off, on)| (off.cluster(), f64::from(on.stored.tokens) - f64::from(off.stored.tokens))),
    )
}

fn above_zero(mean: &ClusteredMean) -> Answer {
    match mean.interval(1.0 - 2.0 * ALPHA) {
        Some((low, _)) if low > 0.0 => Answer::Yes,
        Some((_, high)) if high <= 0.0 => Answer::No,
        _ => Answer::Open,
    }
}

pub(super) fn trade_off(
    claim: &Claim,
    switch: Switch,
    gain: &Quantity,
    cost: &Quantity,
    ground: &Ground<'_>,
) -> Part {
    if let Some(part) = not_paired(gain) {
        return part;
    }
    let mut part = Part::open();
    let axis = switch.word();
    let on = side(claim, &gain.at, (axis, "on"), ground, &mut part);
    let off = side(claim, &gain.at, (axis, "off"), ground, &mut part);
    let gained = Difference::of(&off.items, &on.items);
    let cost_on = side(claim, &cost.at, (axis, "on"), ground, &mut part);
    let cost_off = side(claim, &cost.at, (axis, "off"), ground, &mut part);
    let by_items = (cost.metric == PAIRED_COST).then(|| more_tokens(&cost_on, &cost_off));
    let fit = |side: &Answers<'_>| Some(side.groups.first()?.metrics.get(cost.metric.as_str())?.fit.clone());
    let paid = fit(&cost_on).zip(fit(&cost_off)).and_then(|(on, off)| on.over(&off));
    let verdict = |answer: Option<Answer>| match answer {
        Some(Answer::Yes) => Verdict::Holds,
        Some(Answer::No) => Verdict::Fails,
        Some(Answer::Open) | None => Verdict::CannotTell,
    };
    if let Some(gained) = &gained {
        part.why.push(format!("with {axis} on: {}", gained.words()));
        part.evidence.push(line(gained, &off, &on, format!("{axis} on against off, paired by item")));
        part.finding = Some(format!("With {axis} on Dyno found {}", gained.words()));
    } else {
        part.why.push(format!("no item was answered with {axis} on and off under the claim's conditions"));
    }
    match (&by_items, &paid) {
        (Some(Some(mean)), _) => part
            .why
            .push(format!("{:+.1} tokens an answer with {axis} on, over {} items", mean.mean, mean.values)),
        (None, Some(paid)) => part.why.push(format!(
            "{} with {axis} on is {:.2} times that with it off ({})",
            cost.metric,
            paid.value(),
            paid.method()
        )),
        (Some(None), _) => part.why.push(format!("no item's tokens are known with {axis} on and off")),
        (None, None) => part.why.push(format!(
            "{} with {axis} on and off was not measured in at least 2 trials each",
            cost.metric
        )),
    }
    let gain = verdict(gained.map(|gained| gained.better()));
    let cost = verdict(match by_items {
        Some(mean) => mean.map(|mean| above_zero(&mean)),
        None => paid.map(|paid| stats::at_least(&paid, 1.0)),
    });
    part.verdict = Verdict::all([gain, cost]);
    part
}
