//! Verdicts first: what was decided as cards, what is only indicated after it, the rest in short.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::analysis::Analysis;
use crate::chart::{Band, ClaimChart, Mark, MarkShape};
use crate::evidence::Evidence;
use crate::verdict::{ClaimVerdict, EvidenceLine, Leaning, Verdict};

use super::columns::badge;
use super::glossary::{Glossary, MetricWords};
use super::table::{Column, Entry, Table};

#[derive(Debug, Serialize)]
pub(super) struct Verdicts {
    counts: Vec<Count>,
    decided: Vec<Card>,
    indicated: Vec<Card>,
    open: Vec<Card>,
    any: bool,
}

#[derive(Debug, Serialize)]
struct Count {
    class: &'static str,
    word: &'static str,
    of: usize,
}

#[derive(Debug, Serialize)]
struct Card {
    anchor: String,
    number: u32,
    claim: String,
    title: String,
    statement: String,
    source: String,
    /// Names the shape and the colour.
    class: &'static str,
    word: &'static str,
    headline: String,
    why: Vec<String>,
    differs: Vec<String>,
    charts: Vec<String>,
    evidence: Option<Table>,
    kinds: Vec<&'static str>,
    decide_with: String,
}

/// Where a piece of evidence can be looked at in the page, if it can.
pub(super) type FindAnchor<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Verdicts {
    pub(super) fn new(analysis: &Analysis, glossary: &Glossary, find: FindAnchor<'_>) -> Self {
        let mut sorted: Vec<&ClaimVerdict> = analysis.verdicts.iter().collect();
        sorted.sort_by_key(|verdict| (verdict.number, &verdict.claim));
        let (mut decided, mut indicated, mut open) = (Vec::new(), Vec::new(), Vec::new());
        for (index, verdict) in sorted.iter().enumerate() {
            let card = card(index, verdict, glossary, find);
            match card.class {
                "holds" | "fails" => decided.push(card),
                "indicated" | "contradicted" => indicated.push(card),
                _ => open.push(card),
            }
        }
        let count = |class: &'static str, word, cards: &[Card]| Count {
            class,
            word,
            of: cards.iter().filter(|card| card.class == class).count(),
        };
        let mut counts = vec![count("holds", "hold", &decided), count("fails", "fail", &decided)];
        counts.push(count("indicated", "only indicated", &indicated));
        counts.push(count("contradicted", "only contradicted", &indicated));
        counts.push(count("open", "cannot tell", &open));
        counts.retain(|count| count.of > 0 || matches!(count.class, "holds" | "fails" | "open"));
        Self { any: !sorted.is_empty(), counts, decided, indicated, open }
    }

    /// One line for the head of the page and for the index.
    pub(super) fn sentence(&self) -> String {
        self.counts.iter().map(|count| format!("{} {}", count.of, count.word)).collect::<Vec<_>>().join(", ")
    }
}

fn class_of(verdict: &ClaimVerdict) -> (&'static str, &'static str) {
    match (verdict.verdict, verdict.leaning) {
        (Verdict::Holds, _) => ("holds", "Holds"),
        (Verdict::Fails, _) => ("fails", "Fails"),
        (Verdict::CannotTell, Some(Leaning::Indicated)) => ("indicated", "Cannot tell; indicated by others"),
        (Verdict::CannotTell, Some(Leaning::Contradicted)) => {
            ("contradicted", "Cannot tell; contradicted by others")
        }
        (Verdict::CannotTell, _) => ("open", "Cannot tell"),
    }
}

fn card(index: usize, verdict: &ClaimVerdict, glossary: &Glossary, find: FindAnchor<'_>) -> Card {
    let (class, word) = class_of(verdict);
    let kinds: BTreeSet<Evidence> = verdict.evidence.iter().map(|line| line.kind).collect();
    Card {
        anchor: format!("claim-{index}"),
        number: verdict.number,
        claim: verdict.claim.clone(),
        title: verdict.title.clone(),
        statement: verdict.statement.clone(),
        source: verdict.source.clone(),
        class,
        word,
        headline: verdict.headline.clone(),
        why: verdict.why.clone(),
        differs: verdict.differs.clone(),
        charts: charts(index, verdict, glossary),
        evidence: evidence_table(index, verdict, glossary, find),
        kinds: kinds.into_iter().map(Evidence::word).collect(),
        decide_with: verdict.decide_with.clone(),
    }
}

/// One chart for each metric: numbers in different units do not share an axis.
fn charts(index: usize, verdict: &ClaimVerdict, glossary: &Glossary) -> Vec<String> {
    const MOST_MARKS: usize = 8;
    let mut metrics: Vec<&str> = Vec::new();
    for line in &verdict.evidence {
        if !metrics.contains(&line.metric.as_str()) {
            metrics.push(&line.metric);
        }
    }
    metrics
        .into_iter()
        .filter_map(|metric| {
            let words = words_for(glossary, metric, verdict);
            let marks: Vec<Mark> = verdict
                .evidence
                .iter()
                .filter(|line| line.metric == metric)
                .take(MOST_MARKS)
                .map(|line| Mark {
                    label: format!("{} ({})", line.what, line.kind.word()),
                    shape: MarkShape::of(line.kind),
                    value: words.shown(line.value),
                    interval: line
                        .low
                        .zip(line.high)
                        .map(|(low, high)| (words.shown(low), words.shown(high))),
                    figure: words.figure(line.value, line.low.zip(line.high)),
                })
                .collect();
            let band = glossary.band(&verdict.claim, metric).map(|band| Band {
                stated: words.shown(band.stated),
                low: band.low.map(|low| words.shown(low)),
                high: band.high.map(|high| words.shown(high)),
                label: band.label.clone(),
            });
            let against =
                band.as_ref().map(|band| format!(" The claim: {}.", band.label)).unwrap_or_default();
            let figures: Vec<String> = marks
                .iter()
                .map(|mark| format!("{} {}", mark.label, words.figure(mark.value, mark.interval)))
                .collect();
            ClaimChart {
                id: format!("claim-{index}-{}", slug(metric)),
                title: format!("{} against the claim", words.label),
                description: format!("In {}: {}.{against}", words.unit, figures.join("; ")),
                unit: format!("{}, {}", words.label, words.unit),
                band,
                marks,
            }
            .draw()
        })
        .collect()
}

/// The claim says its unit itself where the definitions do not know the metric.
fn words_for(glossary: &Glossary, metric: &str, verdict: &ClaimVerdict) -> MetricWords {
    let mut words = glossary.metric(metric);
    if words.unit.is_empty()
        && let Some(line) = verdict.evidence.iter().find(|line| line.metric == metric)
    {
        words.unit.clone_from(&line.unit);
    }
    words
}

/// Letters, digits and hyphens only: ids of elements are never taken from data as it is.
pub(super) fn slug(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

fn evidence_table(
    index: usize,
    verdict: &ClaimVerdict,
    glossary: &Glossary,
    find: FindAnchor<'_>,
) -> Option<Table> {
    if verdict.evidence.is_empty() {
        return None;
    }
    let columns = vec![
        Column::wide("Evidence"),
        Column::words("Metric"),
        Column::number("Value", "")
            .with_help("with its 95 % interval, or lowest and highest row for third parties"),
        Column::number("Samples", ""),
        Column::words("Raw data"),
        Column::wide("Flags"),
    ];
    let rows = verdict.evidence.iter().map(|line| evidence_row(line, verdict, glossary, find)).collect();
    Some(Table::whole(&format!("claim-{index}-evidence"), "What was weighed", columns, rows))
}

fn evidence_row(
    line: &EvidenceLine,
    verdict: &ClaimVerdict,
    glossary: &Glossary,
    find: FindAnchor<'_>,
) -> Vec<Entry> {
    let words = words_for(glossary, &line.metric, verdict);
    let value = Entry::number(format!("{} {}", words.value(line.value), words.unit), line.value)
        .badge(badge(line.kind));
    let value = match line.low.zip(line.high) {
        Some(interval) => value.below(words.interval(interval)),
        None => value.below("no interval"),
    };
    let raw = match line.refers_to.first() {
        None => Entry::none(),
        Some(first) => {
            let more = line.refers_to.len() - 1;
            let label = if more > 0 { format!("{first} and {more} more") } else { first.clone() };
            let entry = Entry::code(label);
            match find(first) {
                Some(anchor) => entry.href(anchor),
                None => entry,
            }
        }
    };
    vec![
        Entry::words(&line.what),
        Entry::words(&words.label),
        value,
        Entry::number(line.samples.to_string(), f64::from(line.samples)),
        raw,
        Entry::words(line.flags.join("; ")),
    ]
}
