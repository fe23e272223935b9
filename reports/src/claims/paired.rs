//! Tests of answers, paired by item: two configurations are held against each other on the items both were asked.

use std::collections::BTreeMap;

use dyno_suites::{Claim, Quantity, Selector, Switch, Where, Words};

use super::Ground;
use super::matching::{Aim, list_differing};
use super::part::Part;
use crate::bundle::ItemAnswer;
use crate::derive::Group;
use crate::stats::{self, ALPHA, Answer, Fit, Placed, Scale};
use crate::verdict::{EvidenceLine, Verdict};

/// The one metric that items carry one by one.
const PAIRED_METRIC: &str = "accuracy";
/// How often answers of two configurations usually differ, for the smallest difference that could be seen.
const USUAL_DISCORDANT: f64 = 0.2;

/// With fewer clusters nothing is known about how clusters differ.
const LEAST_CLUSTERS: usize = 10;

/// One configuration's answers.
struct Answers<'a> {
    items: BTreeMap<&'a str, &'a ItemAnswer>,
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
    let all = groups.iter().flat_map(|group| &group.attempts).flat_map(|one| one.attempted.answers);
    Answers { items: all.map(|answer| (answer.item.as_str(), answer)).collect(), groups }
}

/// Candidate less base on the items both were asked, with how sure that is.
struct Difference {
    items: u64,
    clusters: usize,
    fit: Fit,
    /// Exact where items are independent of each other.
    mcnemar: Option<stats::McNemar>,
}

impl Difference {
    fn of(base: &Answers<'_>, candidate: &Answers<'_>) -> Option<Self> {
        let pairs: Vec<(&ItemAnswer, &ItemAnswer)> =
            base.items.iter().filter_map(|(item, base)| Some((*base, *candidate.items.get(item)?))).collect();
        let mut clusters: BTreeMap<&str, u32> = BTreeMap::new();
        let mut placed = Vec::with_capacity(pairs.len());
        for (base, candidate) in &pairs {
            let next = clusters.len() as u32;
            let cluster = base.cluster.as_deref().unwrap_or(&base.item);
            let trial = *clusters.entry(cluster).or_insert(next);
            let value = f64::from(u8::from(candidate.right)) - f64::from(u8::from(base.right));
            placed.push(Placed { session: 0, trial, value });
        }
        let independent = clusters.len() == pairs.len();
        let mcnemar = independent.then(|| {
            stats::mcnemar_exact(pairs.iter().map(|(base, candidate)| (base.right, candidate.right)))
        });
        Some(Self {
            items: pairs.len() as u64,
            clusters: clusters.len(),
            fit: Fit::on(&placed, Scale::Plain)?,
            mcnemar,
        })
    }

    /// Whether the candidate is better at all.
    fn better(&self) -> Answer {
        match self.mcnemar {
            Some(found) if found.p_better <= ALPHA => Answer::Yes,
            Some(found) if found.p <= ALPHA && found.only_base > found.only_candidate => Answer::No,
            Some(_) => Answer::Open,
            None => self.above(0.0),
        }
    }

    /// The interval of the difference; none where items hang together in too few clusters.
    fn interval(&self, confidence: f64) -> Option<(f64, f64)> {
        match self.mcnemar {
            Some(found) => found.difference(confidence).map(|(_, interval)| interval),
            None if self.clusters >= LEAST_CLUSTERS => self.fit.interval(confidence),
            None => None,
        }
    }

    /// Whether the difference is above a bound, each side with the usual chance of a false answer.
    fn above(&self, bound: f64) -> Answer {
        match self.interval(1.0 - 2.0 * ALPHA) {
            Some((low, _)) if low >= bound => Answer::Yes,
            Some((_, high)) if high <= bound => Answer::No,
            _ => Answer::Open,
        }
    }

    fn words(&self) -> String {
        let points = 100.0 * self.fit.value();
        let interval = self
            .interval(0.95)
            .map(|(low, high)| format!(", 95 % interval {:.1} to {:.1}", 100.0 * low, 100.0 * high));
        let least =
            stats::smallest_detectable_difference(self.items, USUAL_DISCORDANT, ALPHA, 0.8).unwrap_or(1.0);
        format!(
            "{points:+.1} points over {} items{} (so many items usually show {:.1} points or more)",
            self.items,
            interval.unwrap_or_default(),
            100.0 * least
        )
    }

    fn line(&self, base: &Answers<'_>, candidate: &Answers<'_>, what: String) -> EvidenceLine {
        let groups = base.groups.iter().chain(&candidate.groups);
        let interval = self.interval(0.95);
        EvidenceLine {
            kind: groups
                .clone()
                .map(|group| group.evidence)
                .max()
                .unwrap_or(crate::evidence::Evidence::Measured),
            what,
            metric: PAIRED_METRIC.to_owned(),
            unit: "ratio".to_owned(),
            value: self.fit.value(),
            low: interval.map(|interval| interval.0),
            high: interval.map(|interval| interval.1),
            samples: self.items as u32,
            refers_to: groups
                .flat_map(|group| &group.attempts)
                .map(|one| one.attempted.planned.id.0.clone())
                .collect(),
            flags: Vec::new(),
        }
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
    let Some(found) = Difference::of(&base, &candidate) else {
        return part.because("no item was answered by both under the claim's conditions");
    };
    part.verdict = match found.above(-margin) {
        Answer::Yes => Verdict::Holds,
        Answer::No => Verdict::Fails,
        Answer::Open => Verdict::CannotTell,
    };
    part.evidence.push(found.line(&base, &candidate, "against the reference, paired by item".to_owned()));
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
    for model in &comparator.models {
        let one = Selector { models: vec![model.clone()], ..comparator.clone() };
        let theirs = answers(&Aim::with(claim, &of.at, &one), None, ground, &mut part);
        let Some(found) = Difference::of(&theirs, &ours) else {
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
        part.evidence.push(found.line(&theirs, &ours, format!("against {model}, paired by item")));
        part.finding = Some(format!("Against {model} Dyno found {}", found.words()));
        part.why.push(format!("against {model}: {}", found.words()));
    }
    part.verdict = Verdict::all(verdicts);
    part
}

/// Parameters as the agent counted them, or as the catalogue says.
fn size(answers: &Answers<'_>, ground: &Ground<'_>) -> Option<f64> {
    let group = answers.groups.first()?;
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
    let gained = Difference::of(&off, &on);
    let cost_on = side(claim, &cost.at, (axis, "on"), ground, &mut part);
    let cost_off = side(claim, &cost.at, (axis, "off"), ground, &mut part);
    let fit = |side: &Answers<'_>| Some(side.groups.first()?.metrics.get(cost.metric.as_str())?.fit.clone());
    let paid = fit(&cost_on).zip(fit(&cost_off)).and_then(|(on, off)| on.over(&off));
    let verdict = |answer: Option<Answer>| match answer {
        Some(Answer::Yes) => Verdict::Holds,
        Some(Answer::No) => Verdict::Fails,
        Some(Answer::Open) | None => Verdict::CannotTell,
    };
    if let Some(gained) = &gained {
        part.why.push(format!("with {axis} on: {}", gained.words()));
        part.evidence.push(gained.line(&off, &on, format!("{axis} on against off, paired by item")));
        part.finding = Some(format!("With {axis} on Dyno found {}", gained.words()));
    } else {
        part.why.push(format!("no item was answered with {axis} on and off under the claim's conditions"));
    }
    match &paid {
        Some(paid) => part.why.push(format!(
            "{} with {axis} on is {:.2} times that with it off ({})",
            cost.metric,
            paid.value(),
            paid.method()
        )),
        None => part.why.push(format!(
            "{} with {axis} on and off was not measured in at least 2 trials each",
            cost.metric
        )),
    }
    let gain = verdict(gained.map(|gained| gained.better()));
    let cost = verdict(paid.map(|paid| stats::at_least(&paid, 1.0)));
    part.verdict = Verdict::all([gain, cost]);
    part
}
