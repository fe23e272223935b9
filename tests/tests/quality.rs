//! Quality suites through the whole program: items are asked once, kept one by one, never lost to a kill, never taken
//! from another model's answers; and a server is asked like any engine.

#![allow(clippy::unwrap_used, reason = "what tests share is a test")]

mod served;

use std::collections::BTreeMap;
use std::time::Instant;

use dyno_reports::bundle::{Asked, Bundle, EventBody, ItemAnswer};
use dyno_scoring::Response;
use dyno_tests::cli::Desk;

const DYNO: &str = env!("CARGO_BIN_EXE_dyno-under-test");
const KILLS: u32 = 8;

fn run_into<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["--quiet", "run", "text", "--case", "arithmetic", "--out", out];
    arguments.extend(more);
    arguments
}

fn answers(desk: &Desk, run: &str) -> Vec<ItemAnswer> {
    let bundle = Bundle::open(&desk.path(run)).expect("the bundle opens");
    let answered = bundle.events.into_iter().filter_map(|event| match event.body {
        EventBody::Answered { answers, .. } => Some(answers),
        _ => None,
    });
    answered.flatten().collect()
}

fn asked(answer: &ItemAnswer) -> &Asked {
    answer.asked.as_ref().expect("what was asked is kept with the answer")
}

/// How often each item was answered.
fn counted(answers: &[ItemAnswer]) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for answer in answers {
        *counts.entry(answer.item.clone()).or_default() += 1;
    }
    counts
}

fn said(answer: &ItemAnswer) -> (String, bool) {
    match &asked(answer).response {
        Response::Words { text, .. } => (text.clone(), answer.right),
        Response::Weighed { .. } => panic!("these items are answered in words"),
    }
}

#[test]
fn a_kill_at_any_moment_loses_at_most_one_item() {
    let desk = Desk::new();
    let more = ["--model", "tiny-1m", "--items", "150", "--fresh"];
    let began = Instant::now();
    desk.run(DYNO, &run_into("whole", &more)).expect(0);
    let whole = began.elapsed();
    let expected: BTreeMap<String, (String, bool)> =
        answers(&desk, "whole").iter().map(|answer| (answer.item.clone(), said(answer))).collect();
    assert_eq!(expected.len(), 150);

    let mut cut_inside = 0;
    for kill in 0..KILLS {
        let run = format!("killed-{kill}");
        let mut host = desk.start(DYNO, &run_into(&run, &more));
        std::thread::sleep(whole * kill / KILLS);
        host.kill().unwrap();
        host.wait().unwrap();
        if !desk.path(&run).join("manifest.json").exists() {
            continue;
        }
        let kept = answers(&desk, &run);
        cut_inside += u32::from(!kept.is_empty() && kept.len() < 150);
        desk.run(DYNO, &["run", "--resume", &run, "--quiet"]).expect(0);
        let after = answers(&desk, &run);
        assert!(counted(&after).values().all(|count| *count == 1), "kill {kill}: nothing is asked twice");
        assert_eq!(after[..kept.len()], kept, "kill {kill}: what was answered stays as it was");
        let after: BTreeMap<String, (String, bool)> =
            after.iter().map(|answer| (answer.item.clone(), said(answer))).collect();
        assert_eq!(after, expected, "kill {kill}");
    }
    assert!(cut_inside > 0, "some kills fell between two items");
}

#[test]
fn two_models_never_share_an_answer() {
    let desk = Desk::new();
    let of = |run: &str, model: &str, more: &[&str]| {
        let mut arguments = vec!["--model", model, "--items", "20"];
        arguments.extend(more);
        desk.run(DYNO, &run_into(run, &arguments)).expect(0);
        answers(&desk, run)
    };
    let first = of("first", "tiny-1m", &[]);
    assert!(first.iter().all(|answer| !asked(answer).cached && asked(answer).took_ns.is_some()));
    let again = of("again", "tiny-1m", &[]);
    assert!(again.iter().all(|answer| asked(answer).cached && asked(answer).took_ns.is_none()));
    assert_eq!(again.iter().map(said).collect::<Vec<_>>(), first.iter().map(said).collect::<Vec<_>>());
    for (run, model, more) in [
        ("larger", "tiny-5m", &[][..]),
        ("quantized", "tiny-1m", &["--quant", "4bit"]),
        ("capped", "tiny-1m", &["--cap", "9"]),
        ("thinking", "tiny-1m", &["--thinking", "on"]),
        ("fresh", "tiny-1m", &["--fresh"]),
    ] {
        let found = of(run, model, more);
        assert_eq!(found.len(), 20);
        assert!(
            found.iter().all(|answer| !asked(answer).cached),
            "{run}: another question is another answer"
        );
    }
    let of_larger = of("larger-again", "tiny-5m", &[]);
    assert!(of_larger.iter().all(|answer| asked(answer).cached));
    let weights = |answers: &[ItemAnswer]| asked(&answers[0]).model_sha256.clone();
    assert_ne!(weights(&of_larger), weights(&first));
}

#[test]
fn pictures_are_asked_and_both_sizes_are_compared() {
    let desk = Desk::new();
    let arguments = [
        "run",
        "pictures",
        "--case",
        "counting,spatial",
        "--quant",
        "bf16,4bit",
        "--items",
        "30",
        "--out",
        "run",
    ];
    let answer = desk.run(DYNO, &arguments).expect(0);
    assert!(answer.out.contains("8 of 8 trials measured"), "{}", answer.out);
    let answers = answers(&desk, "run");
    assert_eq!(answers.len(), 8 * 30);
    assert!(answers.iter().all(|answer| asked(answer).chance.is_some()));
    let page = std::fs::read_to_string(desk.path("run/report/index.html")).unwrap();
    for part in
        ["Quality of answers", "tiny-1m against tiny-5m", "quantization, not worse", "How many shapes"]
    {
        assert!(page.contains(part), "the page says nothing of `{part}`");
    }
}

#[test]
fn a_server_is_asked_like_any_engine() {
    let desk = Desk::new();
    for (model, own_template) in [("some-model", true), ("qwen3.5-0.8b", false)] {
        let server = served::Double::start("The answer is 7.");
        let engine = format!("openai:{}", server.url());
        let arguments = ["--engine", &engine, "--model", model, "--items", "5"];
        desk.run(DYNO, &run_into(model, &arguments)).expect(0);
        let found = answers(&desk, model);
        assert_eq!(found.len(), 5);
        assert!(found.iter().all(|answer| answer.answer.as_deref() == Some("7")), "{found:?}");
        assert!(found.iter().all(|answer| !asked(answer).cached));
        let asked_for = server.asked();
        let path = if own_template { "/v1/chat/completions" } else { "/v1/completions" };
        assert!(asked_for.iter().filter(|asked| asked.starts_with(path)).count() == 5, "{asked_for:?}");
        assert!(desk.path(model).join("report/index.html").exists());
    }
    // Nothing proves which weights stand behind an address, so the same is asked again.
    let server = served::Double::start("8");
    let engine = format!("openai:{}", server.url());
    let arguments = ["--engine", &engine, "--model", "some-model", "--items", "5"];
    desk.run(DYNO, &run_into("again", &arguments)).expect(0);
    assert!(answers(&desk, "again").iter().all(|answer| answer.answer.as_deref() == Some("8")));
}
