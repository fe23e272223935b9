//! Tests of answers, on claims made for the test: the register's own wait for their suites.

use std::collections::BTreeMap;
use std::fs;

use dyno_suites::Definitions;

use super::*;
use crate::bundle::ItemAnswer;

/// Two cases of answers and four claims about them, on top of what comes with Dyno.
const CLAIMS: &str = include_str!("answers.toml");

fn with_claims() -> Definitions {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.toml");
    fs::write(&path, CLAIMS).unwrap();
    Definitions::load(&[path]).unwrap_or_else(|errors| panic!("{errors}"))
}

/// So many items, of which these are right.
fn items(count: usize, cluster_of: usize, is_right: impl Fn(usize) -> bool, tokens: u32) -> Vec<ItemAnswer> {
    let item = |index: usize| ItemAnswer {
        item: format!("item-{index}"),
        cluster: (cluster_of > 1).then(|| format!("picture-{}", index / cluster_of)),
        answer: Some("1".into()),
        right: is_right(index),
        truncated: false,
        looped: false,
        tokens,
        asked: None,
    };
    (0..count).map(item).collect()
}

fn told(model: &str, quant: &str, axes: &[(&str, &str)], answers: Vec<ItemAnswer>) -> Told {
    let axes: BTreeMap<String, String> =
        axes.iter().map(|(axis, value)| ((*axis).to_owned(), (*value).to_owned())).collect();
    let cell = Cell { quant: quant.into(), axes, ..cell("made/items", model, "dyno", ComputeUnit::Cpu) };
    Told { answers, ..Told::new(cell, vec![]) }
}

fn of(claim: &str, told: &[Told]) -> ClaimVerdict {
    let analysis = Analysis::of(&[on(&phone(), told)], &with_claims());
    analysis.verdicts.into_iter().find(|found| found.claim == claim).unwrap()
}

#[test]
fn not_worse_by_the_margin_or_worse_or_too_few_items() {
    let pair = |count: usize, lost: usize| {
        let six = items(count, 1, |index| index % 2 == 0 && index >= 2 * lost, 10);
        of(
            "made-not-worse",
            &[
                told("qwen3.5-2b", "6bit", &[], six),
                told("qwen3.5-2b", "bf16", &[], items(count, 1, |index| index % 2 == 0, 10)),
            ],
        )
    };
    says(&pair(2000, 4), Verdict::Holds, "over 2000 items");
    says(&pair(2000, 100), Verdict::Fails, "-5.0 points");
    says(&pair(60, 1), Verdict::CannotTell, "too little");
    assert!(
        pair(60, 1).why[0].contains("so many items show"),
        "the smallest difference that could be seen is said"
    );
    assert_eq!(of("made-not-worse", &[]).verdict, Verdict::CannotTell);
}

#[test]
fn better_than_four_times_its_size() {
    let pair = |ours: usize, theirs: usize, count: usize, cluster_of: usize| {
        of(
            "made-beats",
            &[
                told("qwen3.5-2b", "4bit", &[], items(count, cluster_of, |index| index % 100 < ours, 10)),
                told("qwen3.5-9b", "4bit", &[], items(count, cluster_of, |index| index % 100 < theirs, 10)),
            ],
        )
    };
    says(&pair(60, 50, 1000, 1), Verdict::Holds, "+10.0 points over 1000 items");
    says(&pair(50, 60, 1000, 1), Verdict::Fails, "-10.0 points");
    says(&pair(50, 50, 1000, 1), Verdict::CannotTell, "too little");
    // Items that share a picture are one piece of evidence: with two pictures there is next to none.
    assert_eq!(pair(60, 50, 1000, 500).verdict, Verdict::CannotTell);
    let too_small = of(
        "made-beats-own-size",
        &[
            told("qwen3.5-2b", "4bit", &[], items(1000, 1, |_| true, 10)),
            told("qwen3.5-0.8b", "4bit", &[], items(1000, 1, |_| false, 10)),
        ],
    );
    assert_eq!(too_small.verdict, Verdict::CannotTell);
    assert!(
        too_small.differs.iter().any(|line| line.contains("times the parameters")),
        "{:?}",
        too_small.differs
    );
}

#[test]
fn a_trade_off_needs_both_sides() {
    let pair = |right_on: usize, right_off: usize, tokens_on: u32| {
        let mut all = Vec::new();
        for round in 0..3 {
            let on = items(1000, 1, |index| index % 100 < right_on, tokens_on + round);
            let off = items(1000, 1, |index| index % 100 < right_off, 100 + round);
            all.push(told("qwen3.5-2b", "4bit", &[("thinking", "on")], on));
            all.push(told("qwen3.5-2b", "4bit", &[("thinking", "off")], off));
        }
        of("made-trade-off", &all)
    };
    says(&pair(70, 50, 900), Verdict::Holds, "With thinking on");
    says(&pair(50, 70, 900), Verdict::Fails, "With thinking on");
    assert_eq!(pair(70, 50, 20).verdict, Verdict::Fails, "it costs nothing");
    assert_eq!(pair(50, 50, 900).verdict, Verdict::CannotTell);
}
