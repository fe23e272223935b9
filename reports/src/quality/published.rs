//! What makers publish about models at least four times the size: other prompts, other harnesses, their own scores.
//! Shown beside what was measured, decides nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rows::Ratios;

const SCORES: &str = include_str!("../../evidence/cards/scores.csv");
const SIZES: &str = include_str!("../../evidence/cards/sizes.csv");
/// Just under four: published sizes are rounded.
const FOUR_TIMES: f64 = 3.95;

/// A pair of models whose scores stand in one table of a maker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedContest {
    pub candidate: String,
    pub comparator: String,
    pub subject: String,
    pub ratios: Ratios,
    /// Benchmarks on which the candidate's best score is above, below, and at the comparator's.
    pub above: u32,
    pub below: u32,
    pub equal: u32,
    pub source: String,
}

#[derive(Debug, Deserialize)]
struct Line {
    card: String,
    subject: String,
    benchmark: String,
    model: String,
    mode: String,
    score: f64,
}

#[derive(Debug, Deserialize)]
struct Size {
    model: String,
    total_billion: f64,
    active_billion: f64,
}

/// By model, its best score on each benchmark and mode.
type Table<'a> = BTreeMap<&'a str, BTreeMap<(&'a str, &'a str), f64>>;

/// Every pair of a table in which one model has at least four times the other's parameters.
pub(super) fn contests() -> Vec<PublishedContest> {
    // Part of the binary and read by a test: what does not parse never gets here.
    let lines: Vec<Line> = csv::Reader::from_reader(SCORES.as_bytes()).deserialize().flatten().collect();
    let sizes: BTreeMap<String, Size> = csv::Reader::from_reader(SIZES.as_bytes())
        .deserialize()
        .flatten()
        .map(|size: Size| (size.model.clone(), size))
        .collect();
    let mut tables: BTreeMap<(&str, &str), Table<'_>> = BTreeMap::new();
    for line in &lines {
        // In text the modes are rows of their own; about pictures the best of them is taken.
        let mode = if line.subject == "text" { line.mode.as_str() } else { "" };
        let of_model = tables.entry((&line.card, &line.subject)).or_default().entry(&line.model).or_default();
        let best = of_model.entry((&line.benchmark, mode)).or_insert(line.score);
        *best = best.max(line.score);
    }
    let mut found = Vec::new();
    for ((card, subject), table) in &tables {
        for (candidate, ours) in table {
            for (comparator, theirs) in table {
                let Some((small, large)) = sizes.get(*candidate).zip(sizes.get(*comparator)) else {
                    continue;
                };
                if large.total_billion / small.total_billion < FOUR_TIMES {
                    continue;
                }
                let pairs: Vec<(f64, f64)> =
                    ours.iter().filter_map(|(row, ours)| Some((*ours, *theirs.get(row)?))).collect();
                let count = |is: fn(&(f64, f64)) -> bool| pairs.iter().filter(|pair| is(pair)).count() as u32;
                found.push(PublishedContest {
                    candidate: (*candidate).to_owned(),
                    comparator: (*comparator).to_owned(),
                    subject: (*subject).to_owned(),
                    ratios: Ratios {
                        total: Some(large.total_billion / small.total_billion),
                        active: Some(large.active_billion / small.active_billion),
                        without_embedding: None,
                    },
                    above: count(|(ours, theirs)| ours > theirs),
                    below: count(|(ours, theirs)| ours < theirs),
                    equal: count(|(ours, theirs)| ours.total_cmp(theirs).is_eq()),
                    source: format!("the maker's cards of the {card} models, scores as printed there"),
                });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_say_what_they_say() {
        let lines = csv::Reader::from_reader(SCORES.as_bytes()).into_deserialize::<Line>();
        assert!(lines.map(Result::unwrap).all(|line| (0.0..=100.0).contains(&line.score)));
        let found = contests();
        let says = |candidate: &str, comparator: &str, subject: &str| {
            let pair = found.iter().find(|pair| {
                (pair.candidate.as_str(), pair.comparator.as_str(), pair.subject.as_str())
                    == (candidate, comparator, subject)
            });
            pair.map(|pair| (pair.above, pair.below, pair.equal))
        };
        assert_eq!(says("Qwen3.5-0.8B", "Qwen3-4B-2507", "text"), Some((0, 26, 0)));
        assert_eq!(says("Qwen3.5-0.8B", "Qwen3-VL-4B", "pictures"), Some((1, 35, 1)));
        assert_eq!(says("Qwen3.5-4B", "GPT-OSS-20B", "text"), Some((14, 8, 0)));
        assert_eq!(says("Qwen3.5-4B", "Qwen3-VL-30B-A3B", "pictures"), Some((21, 9, 0)));
        assert_eq!(says("Qwen3.5-9B", "GPT-OSS-120B", "text"), Some((14, 8, 0)));
        // The cards hold no model of four times its size beside the 2B.
        assert!(found.iter().all(|pair| pair.candidate != "Qwen3.5-2B"));
        // By the parameters that are read for a token none of the larger models' rivals is four times as large.
        assert!(found.iter().all(|pair| {
            pair.candidate == "Qwen3.5-0.8B" || pair.ratios.active.is_some_and(|ratio| ratio < 2.0)
        }));
    }
}
