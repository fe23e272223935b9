//! Pairs of configurations that differ in one thing, on the items both were asked.

use std::collections::BTreeMap;

use dyno_protocol::ComputeUnit;
use dyno_suites::Definitions;

use super::rows::{Comparison, Kind};
use super::screen;
use super::sides::Side;
use crate::paired_items::{Difference, by_item};
use crate::stats::{ALPHA, Answer, holm};
use crate::verdict::Verdict;

/// The name of our own engine in cells.
const OWN_ENGINE: &str = "dyno";
/// Where no definition says what is relevant.
const USUAL_MARGIN: f64 = 0.02;
const SEED: u64 = 1;

pub(super) fn all(sides: &[Side<'_>], definitions: &Definitions) -> Vec<Comparison> {
    let mut found = Vec::new();
    for base in sides {
        for candidate in sides {
            let kind = kind(base, candidate, definitions);
            if let Some((kind, difference)) =
                kind.and_then(|kind| Some((kind, difference(kind, base, candidate)?)))
            {
                found.push(compare(kind, base, candidate, &difference, definitions));
            }
        }
    }
    share_alarms(&mut found);
    for comparison in &mut found {
        comparison.says = says(comparison);
    }
    found
}

/// What the two differ in, where it is one thing and the base is the one that is held against.
fn kind(base: &Side<'_>, candidate: &Side<'_>, definitions: &Definitions) -> Option<Kind> {
    let same_case = (base.suite, base.case) == (candidate.suite, candidate.case);
    let (one, other) = (&base.by, &candidate.by);
    if !same_case {
        return None;
    }
    if base.asked_as != candidate.asked_as {
        let toggled = (base.thinking, candidate.thinking) == (Some("off"), Some("on"));
        let rest = |side: &Side<'_>| side.asked_as.replace("thinking on", "").replace("thinking off", "");
        return (toggled && rest(base) == rest(candidate) && one == other).then_some(Kind::Thinking);
    }
    let differs = [
        one.model != other.model,
        one.quant != other.quant,
        one.engine != other.engine,
        one.unit != other.unit,
    ];
    match differs {
        [false, true, false, false] => (is_reference(&one.quant, definitions)
            && !is_reference(&other.quant, definitions))
        .then_some(Kind::Quantization),
        [false, false, false, true] => (one.unit == ComputeUnit::Cpu).then_some(Kind::Unit),
        [false, false, true, _] => (one.engine == OWN_ENGINE).then_some(Kind::Engine),
        [true, false, false, false] => {
            let size = |side: &Side<'_>| super::contest::parameters(side, definitions);
            let (larger, smaller) = (size(base)?.total?, size(candidate)?.total?);
            (larger > smaller).then_some(Kind::Size)
        }
        _ => None,
    }
}

/// Weights that nothing was taken away from: sixteen bits or more, or as they are stored.
fn is_reference(quant: &str, definitions: &Definitions) -> bool {
    let bits = definitions.quant_by_name(quant).and_then(|quant| quant.bits_per_weight);
    quant == "stored" || bits.is_some_and(|bits| bits >= 16.0)
}

fn difference(kind: Kind, base: &Side<'_>, candidate: &Side<'_>) -> Option<Difference> {
    if kind != Kind::Thinking {
        return Difference::of(&base.items, &candidate.items);
    }
    let (base, candidate) = (&base.groups, &candidate.groups);
    Difference::of(&by_item(base, Some("thinking")), &by_item(candidate, Some("thinking")))
}

/// The smallest change of accuracy that is worth acting on.
fn margin(definitions: &Definitions) -> f64 {
    definitions.metric("accuracy").map_or(USUAL_MARGIN, |metric| metric.relevant.from(1.0))
}

fn compare(
    kind: Kind,
    base: &Side<'_>,
    candidate: &Side<'_>,
    found: &Difference,
    definitions: &Definitions,
) -> Comparison {
    let margin = matches!(kind, Kind::Quantization | Kind::Unit | Kind::Engine).then(|| margin(definitions));
    let answer = match margin {
        Some(margin) => found.above(-margin),
        None => found.better(),
    };
    let asked_as =
        if kind == Kind::Thinking { "thinking on against off".to_owned() } else { base.asked_as.clone() };
    Comparison {
        kind,
        suite: base.suite.to_owned(),
        case: base.case.to_owned(),
        subject: base.subject.clone(),
        asked_as,
        base: base.by.clone(),
        candidate: candidate.by.clone(),
        evidence: base.evidence.max(candidate.evidence),
        items: found.items,
        clusters: found.mean.clusters() as u64,
        only_base: found.mcnemar.only_base,
        only_candidate: found.mcnemar.only_candidate,
        difference: found.value(),
        interval: found.interval(0.95),
        bootstrap: found.mean.bootstrap(0.95, SEED),
        p: found.p(),
        p_holm: 1.0,
        margin,
        verdict: verdict(answer),
        says: String::new(),
        smallest_detectable: found.smallest_detectable(),
        more_items: found.more_items_needed(),
        same_answer: found.agree as f64 / found.items as f64,
        same_tokens: screen::same_tokens(&base.items, &candidate.items),
        divergence: screen::divergence(&base.items, &candidate.items),
    }
}

pub(super) fn verdict(answer: Answer) -> Verdict {
    match answer {
        Answer::Yes => Verdict::Holds,
        Answer::No => Verdict::Fails,
        Answer::Open => Verdict::CannotTell,
    }
}

/// The tasks of the same two configurations share one chance of a false alarm. A difference that Holm takes back is
/// none that may be spoken of; a margin that was kept stays kept, because not being worse is shown task by task.
fn share_alarms(comparisons: &mut [Comparison]) {
    let mut families: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, one) in comparisons.iter().enumerate() {
        let family = format!("{:?} {:?} {:?} {}", one.kind, one.base, one.candidate, one.subject);
        families.entry(family).or_default().push(place);
    }
    for places in families.into_values() {
        let p_values: Vec<f64> = places.iter().map(|place| comparisons[*place].p).collect();
        for (place, adjusted) in places.into_iter().zip(holm(&p_values)) {
            let one = &mut comparisons[place];
            one.p_holm = adjusted;
            if one.margin.is_none() && adjusted > ALPHA {
                one.verdict = Verdict::CannotTell;
            }
        }
    }
}

fn says(one: &Comparison) -> String {
    let points = |share: f64| format!("{:.1}", 100.0 * share);
    let asked = match (one.kind, one.margin) {
        (_, Some(margin)) => format!("not worse by {} points or more", points(margin)),
        (Kind::Thinking, _) => "thinking gets more right".to_owned(),
        (_, None) => "the smaller gets more right".to_owned(),
    };
    let mut says = match one.verdict {
        Verdict::Holds => format!("{asked}: shown"),
        Verdict::Fails => format!("{asked}: the opposite is shown"),
        Verdict::CannotTell => format!("{asked}: these items cannot tell"),
    };
    if one.verdict == Verdict::CannotTell {
        says.push_str(&format!("; they show {} points or more", points(one.smallest_detectable)));
        if let Some(more) = one.more_items {
            says.push_str(&format!(", and a difference like this one would take about {more} items more"));
        }
    }
    says
}
