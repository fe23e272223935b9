//! Accuracy, comparisons and contests, from answers that were told.

use dyno_protocol::ComputeUnit;
use dyno_scoring::{Question, Response, Weighed};
use dyno_suites::Definitions;
use dyno_suites::task::Expected;
use serde_json::Map;

use super::{Comparison, Kind, Quality};
use crate::analysis::Analysis;
use crate::bundle::{Asked, Bundle, EventBody, ItemAnswer, Outcome};
use crate::cell::Cell;
use crate::derive::testing::{Told, cell, loaded, phone, run};
use crate::evidence::Evidence;
use crate::verdict::Verdict;

/// An item of `text/arithmetic`, answered with these words where 7 is right.
fn answer(item: usize, said: &str, weights: &str) -> ItemAnswer {
    ItemAnswer {
        item: format!("item-{item}"),
        cluster: None,
        answer: None,
        // What was thought of it when it was asked does not matter any more.
        right: false,
        truncated: false,
        looped: false,
        tokens: said.len() as u32,
        asked: Some(Box::new(Asked {
            task: "arithmetic".into(),
            task_version: 1,
            question: Question { options: vec![], answer: Expected::text("7"), fields: Map::new() },
            response: Response::Words { text: said.into(), in_reasoning: false, stop: vec![] },
            chance: Some(0.1),
            prompt: Some(format!("3+4= ({item})")),
            prompt_sha256: format!("prompt-{item}"),
            template: "built in".into(),
            model_sha256: weights.into(),
            token_ids: said.bytes().map(u32::from).collect(),
            took_ns: Some(2_000_000),
            cached: false,
        })),
    }
}

fn told(
    model: &str,
    quant: &str,
    thinking: &str,
    says: impl Fn(usize) -> &'static str,
    items: usize,
) -> Told {
    let axes = [("thinking".to_owned(), thinking.to_owned())].into();
    let cell = Cell { quant: quant.into(), axes, ..cell("text/arithmetic", model, "dyno", ComputeUnit::Cpu) };
    let weights = format!("{model}-{quant}");
    let mut loaded = loaded(dyno_protocol::LoadRegime::Kept);
    loaded.model_sha256.clone_from(&weights);
    let answers = (0..items).map(|item| answer(item, says(item), &weights)).collect();
    Told { answers, loaded: Some(loaded), ..Told::new(cell, vec![]) }
}

fn analysis(told: &[Told]) -> Analysis {
    Analysis::of(&[run("one", &phone(), Evidence::Measured, told)], &Definitions::embedded().unwrap())
}

fn of(told: &[Told]) -> Quality {
    analysis(told).quality
}

fn comparison(quality: &Quality, kind: Kind) -> &Comparison {
    quality.comparisons.iter().find(|found| found.kind == kind).unwrap()
}

#[test]
fn stored_answers_are_judged_by_the_rules_at_hand() {
    let says = |item: usize| ["7", "so it is 7.0", "8", "I'm sorry, no", "<think>7"][item % 5];
    let found = of(&[told("tiny-1m", "bf16", "off", says, 50)]);
    let row = &found.tasks[0];
    assert_eq!((row.items, row.right, row.answered, row.refused), (50, 20, 30, 10));
    assert!((row.accuracy_answered.unwrap() - 2.0 / 3.0).abs() < 1e-12);
    // By the strict rule the number has to stand alone.
    assert_eq!(row.by_other_rules, [("exact".to_owned(), 0.2)]);
    let (low, high) = row.interval.unwrap();
    assert!(low > 0.27 && high < 0.55, "{low} {high}");
    assert!((row.seconds_per_correct.unwrap() - 50.0 * 0.002 / 20.0).abs() < 1e-12);
    assert!((row.chance.unwrap() - 0.1).abs() < 1e-12);
    let item = found.items.iter().find(|item| item.item == "item-2").unwrap();
    assert_eq!(
        (item.expected.as_str(), item.answers[0].said.as_str(), item.answers[0].right),
        ("7", "8", false)
    );
}

#[test]
fn summaries_of_accuracy_carry_the_interval_of_their_items() {
    let analysis = analysis(&[told("tiny-1m", "bf16", "off", |item| ["7", "8"][item % 2], 100)]);
    let accuracy = analysis.summaries.iter().find(|summary| summary.metric == "accuracy").unwrap();
    let (low, high) = accuracy.estimate.interval.unwrap();
    assert!((low - 0.4038).abs() < 1e-3 && (high - 0.5962).abs() < 1e-3, "{low} {high}");
    let lead = analysis.summaries.iter().find(|summary| summary.metric == "above_chance").unwrap();
    assert!((lead.estimate.value - 0.4).abs() < 1e-12);
}

#[test]
fn a_quantization_is_held_against_the_reference_by_the_margin() {
    let reference = |items| told("tiny-1m", "bf16", "off", |item| ["7", "8"][item % 2], items);
    let against = |quantized: Told, items: usize| {
        let found = of(&[reference(items), quantized]);
        comparison(&found, Kind::Quantization).clone()
    };
    let same = against(told("tiny-1m", "4bit", "off", |item| ["7", "8"][item % 2], 1000), 1000);
    assert_eq!((same.verdict, same.margin), (Verdict::Holds, Some(0.02)));
    assert!((same.same_answer - 1.0).abs() < 1e-12 && (same.same_tokens.unwrap() - 1.0).abs() < 1e-12);
    let worse = against(told("tiny-1m", "4bit", "off", |item| ["7", "8", "8", "8"][item % 4], 1000), 1000);
    assert_eq!(worse.verdict, Verdict::Fails);
    let few = against(told("tiny-1m", "4bit", "off", |item| ["7", "8"][item % 2], 20), 20);
    assert_eq!(few.verdict, Verdict::CannotTell);
    assert!(few.says.contains("cannot tell"), "{}", few.says);
    assert_eq!(few.base.quant, "bf16");
}

#[test]
fn sizes_meet_in_a_contest_counted_in_every_way() {
    let small = told("tiny-1m", "bf16", "off", |_| "7", 200);
    let large = told("tiny-5m", "bf16", "off", |item| ["7", "8"][item % 2], 200);
    let found = of(&[small.clone(), large]);
    let contest = &found.contests[0];
    assert_eq!((contest.candidate.model.as_str(), contest.comparator.model.as_str()), ("tiny-1m", "tiny-5m"));
    assert_eq!(contest.verdict, Verdict::Holds, "{}", contest.says);
    assert!(contest.hinges_on.is_empty());
    let definitions = Definitions::embedded().unwrap();
    let size = |model: &str| definitions.model(model).unwrap().parameters.unwrap();
    let (one, five) = (size("tiny-1m"), size("tiny-5m"));
    let total = five.total() as f64 / one.total() as f64;
    assert!((contest.ratios.total.unwrap() - total).abs() < 1e-9 && total >= 4.0);
    assert!(contest.ratios.active.is_some() && contest.ratios.without_embedding.is_some());
    let task = &contest.tasks[0];
    assert_eq!((task.candidate_right, task.comparator_right, task.verdict), (200, 100, Verdict::Holds));
    assert_eq!(comparison(&found, Kind::Size).verdict, Verdict::Holds);
    let few = of(&[
        told("tiny-1m", "bf16", "off", |_| "7", 4),
        told("tiny-5m", "bf16", "off", |item| ["7", "8"][item % 2], 4),
    ]);
    assert_eq!(few.contests[0].verdict, Verdict::CannotTell);
    assert!(few.contests[0].says.contains("items more"), "{}", few.contests[0].says);
}

#[test]
fn a_verdict_that_hinges_on_the_way_of_asking_is_none_and_says_so() {
    let better = |item: usize| ["7", "8"][item % 2];
    let found = of(&[
        told("tiny-1m", "bf16", "off", |_| "7", 300),
        told("tiny-5m", "bf16", "off", better, 300),
        told("tiny-1m", "bf16", "on", |_| "8", 300),
        told("tiny-5m", "bf16", "on", better, 300),
    ]);
    let contest = &found.contests[0];
    assert_eq!(contest.verdict, Verdict::CannotTell);
    assert_eq!(contest.hinges_on, ["asked with thinking off it holds", "asked with thinking on it fails"]);
    // The scoring rule alone can turn it round: one writes sentences, the other is often wrong.
    let found = of(&[
        told("tiny-1m", "bf16", "off", |_| "The answer is 7", 300),
        told("tiny-5m", "bf16", "off", better, 300),
    ]);
    let contest = &found.contests[0];
    assert_eq!(contest.verdict, Verdict::CannotTell, "{}", contest.says);
    assert!(contest.hinges_on[0].contains("other rules it fails"), "{:?}", contest.hinges_on);
    // Leaving unanswered items out can as well.
    let found = of(&[
        told("tiny-1m", "bf16", "off", |item| ["7", "<think>", "<think>", "<think>"][item % 4], 400),
        told("tiny-5m", "bf16", "off", |item| ["8", "7", "7", "7"][item % 4], 400),
    ]);
    let contest = &found.contests[0];
    assert_eq!(contest.verdict, Verdict::CannotTell, "{}", contest.says);
    assert!(contest.hinges_on.iter().any(|way| way.contains("both answered it holds")), "{contest:?}");
}

#[test]
fn thinking_is_paired_with_not_thinking() {
    let found = of(&[
        told("tiny-1m", "bf16", "off", |item| ["7", "8"][item % 2], 200),
        told("tiny-1m", "bf16", "on", |_| "<think>three and four</think>7", 200),
    ]);
    let thinking = comparison(&found, Kind::Thinking);
    assert_eq!((thinking.verdict, thinking.only_candidate), (Verdict::Holds, 100));
    let claims = analysis(&[
        told("qwen3.5-2b", "4bit", "off", |item| ["7", "8"][item % 2], 200),
        told("qwen3.5-2b", "4bit", "on", |_| "<think>three and four</think>7", 200),
    ]);
    let claim = claims.verdicts.iter().find(|verdict| verdict.claim == "thinking-trade-off").unwrap();
    assert_eq!(
        claim.verdict,
        Verdict::CannotTell,
        "it is about other cases and four models: {:?}",
        claim.why
    );
}

/// A first attempt that was cut, and a second one that asked the rest.
fn resumed(second_weights: &str) -> Bundle {
    let mut first = told("tiny-1m", "bf16", "off", |_| "7", 60);
    first.outcome = None;
    let mut bundle = run("cut", &phone(), Evidence::Measured, &[first]);
    let mut rest = told("tiny-1m", "bf16", "off", |_| "8", 100);
    rest.answers.drain(..60);
    for answer in &mut rest.answers {
        answer.asked.as_mut().unwrap().model_sha256 = second_weights.to_owned();
    }
    rest.loaded.as_mut().unwrap().model_sha256 = second_weights.to_owned();
    for mut event in run("cut", &phone(), Evidence::Measured, &[rest]).events {
        match &mut event.body {
            EventBody::TrialBegan { attempt, .. }
            | EventBody::Observed { attempt, .. }
            | EventBody::Answered { attempt, .. }
            | EventBody::TrialEnded { attempt, .. } => *attempt = 2,
            _ => continue,
        }
        event.seq = bundle.events.len() as u64;
        bundle.events.push(event);
    }
    bundle
}

#[test]
fn what_was_answered_before_a_cut_counts_if_the_weights_are_the_same() {
    let definitions = Definitions::embedded().unwrap();
    let row = |weights: &str| Analysis::of(&[resumed(weights)], &definitions).quality.tasks[0].clone();
    let whole = row("tiny-1m-bf16");
    assert_eq!((whole.items, whole.right), (100, 60));
    let other = row("other weights");
    assert_eq!((other.items, other.right), (40, 0));
}

#[test]
fn rules_of_another_version_judge_nothing_again() {
    let mut one = told("tiny-1m", "bf16", "off", |_| "7", 10);
    for answer in &mut one.answers {
        answer.asked.as_mut().unwrap().task_version = 999;
    }
    let analysis = analysis(&[one]);
    assert_eq!(analysis.quality.tasks[0].right, 0, "as it was recorded");
    let flags = &analysis.trials[0].attempt.as_ref().unwrap().flags;
    assert!(flags.iter().any(|flag| flag.contains("stay as they were judged")), "{flags:?}");
    assert_eq!(analysis.trials[0].attempt.as_ref().unwrap().outcome, Some(Outcome::Done));
}

#[test]
fn the_divergence_of_equal_choices_is_nothing() {
    let weighed = |quant: &str, first: f64| {
        let mut one = told("tiny-1m", quant, "off", |_| "7", 20);
        for answer in &mut one.answers {
            let option = |log_prob: f64| Weighed { log_prob, tokens: 1, greedy: true };
            let asked = answer.asked.as_mut().unwrap();
            asked.response = Response::Weighed { options: vec![option(first), option(-1.0)] };
            asked.token_ids.clear();
        }
        one
    };
    let divergence = |first: f64| {
        let found = of(&[weighed("bf16", -1.0), weighed("4bit", first)]);
        comparison(&found, Kind::Quantization).divergence.unwrap()
    };
    assert!(divergence(-1.0).abs() < 1e-12);
    // Half and half against three quarters and a quarter: half of ln(2/3) and half of ln 2, both turned round.
    let expected = 0.5 * (0.5_f64 / 0.75).ln() + 0.5 * (0.5_f64 / 0.25).ln();
    let found = divergence(-1.0 + 3.0_f64.ln());
    assert!((found - expected).abs() < 1e-9, "{found} {expected}");
}
