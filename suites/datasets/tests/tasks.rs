//! Every published task over a small sample in the hub's real format: found, read, mapped, and asked in the very words of
//! its reference. `scripts/oracle/dataset_samples.py` made the samples and recorded the references' prompts.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dyno_datasets::{Places, Pool};
use dyno_scoring::{Question, Response, score};
use dyno_suites::task::{Expected, Item, Source};
use dyno_suites::{Definitions, Task};
use serde_json::Value;

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples")
}

fn places() -> Places {
    Places { given: vec![samples()], caches: Vec::new() }
}

fn with_task<T>(id: &str, then: impl FnOnce(&Task, &Pool) -> T) -> T {
    let definitions = Definitions::embedded().unwrap();
    let task = definitions.task(id).unwrap();
    let pool = Pool::of(task, &places()).unwrap_or_else(|error| panic!("{id}: {error}"));
    then(task, &pool)
}

fn prompt(task: &Task, pool: &Pool, item: &Item, option: Option<&str>) -> String {
    task.wording(item, &pool.shots, option).unwrap().user
}

/// What our task asks of each item: prompts and continuations, option by option.
fn asked(task: &Task, pool: &Pool, item: &Item) -> (Vec<String>, Vec<String>) {
    let continuations: Vec<String> = item
        .options
        .iter()
        .filter_map(|option| task.continuation(item, option))
        .map(Result::unwrap)
        .collect();
    if continuations.is_empty() {
        return (vec![prompt(task, pool, item, None)], continuations);
    }
    let each = task.asks_each_option();
    let prompts =
        item.options.iter().map(|option| prompt(task, pool, item, each.then_some(option.as_str()))).collect();
    (prompts, continuations)
}

#[test]
fn prompts_are_the_references_word_for_word() {
    let recorded: BTreeMap<String, Vec<Value>> =
        serde_json::from_str(&std::fs::read_to_string(samples().join("prompts.json")).unwrap()).unwrap();
    let texts = |value: &Value| -> Vec<String> { serde_json::from_value(value.clone()).unwrap() };
    let mut compared = 0;
    for (name, theirs) in &recorded {
        // A set that the harness splits by subject is one task here.
        let (id, part) = match name.as_str() {
            name if name.starts_with("mmlu-pro-") => ("mmlu-pro", name.rsplit('-').next()),
            name if name.starts_with("mmlu-") => ("mmlu", name.rsplit('-').next()),
            name if name.starts_with("mmmu-") => ("mmmu", name.rsplit('-').next()),
            name => (name, None),
        };
        with_task(id, |task, pool| {
            let of_part = |item: &&Item| {
                let fields = ["subject", "category", "id"].iter().filter_map(|field| item.fields.get(*field));
                part.is_none_or(|part| {
                    fields.filter_map(Value::as_str).any(|found| found.to_lowercase().contains(part))
                })
            };
            let ours: Vec<&Item> = pool.items.iter().filter(of_part).collect();
            assert_eq!(ours.len(), theirs.len(), "{name}");
            for (item, theirs) in ours.into_iter().zip(theirs) {
                let (mut prompts, continuations) = asked(task, pool, item);
                let mut wanted = texts(&theirs["prompts"]);
                // Pictures have a mark of their own in the harness, numbered in the set or put first.
                for text in prompts.iter_mut().chain(&mut wanted) {
                    for number in 1..=7 {
                        *text = text.replace(&format!("<image {number}>"), "<image>");
                    }
                    if id == "chartqa" {
                        *text = text.trim_start_matches("<image>").to_owned();
                    }
                }
                assert_eq!(prompts, wanted, "{name}, item {}", item.id);
                assert_eq!(continuations, texts(&theirs["continuations"]), "{name}, item {}", item.id);
                if let Some(right) = theirs["right"].as_u64() {
                    assert_eq!(item.answer, Expected::Option(right as u32), "{name}, item {}", item.id);
                }
                compared += 1;
            }
        });
    }
    assert!(compared > 25, "{compared} items were compared");
}

#[test]
fn prompts_of_other_sets_are_theirs() {
    let first = |id: &str| with_task(id, |task, pool| prompt(task, pool, &pool.items[0], None));
    assert_eq!(first("ocrbench"), "what is written in the image?");
    assert_eq!(
        first("ai2d"),
        "Which colour has the part at the left?\nA. green\nB. blue\nC. red\nD. none of these\nAnswer with the option's letter \
         from the given choices directly."
    );
    assert!(first("mmstar").starts_with("Which colour has bar 0?\nOptions: A: red"));
    assert!(first("realworldqa").ends_with("the correct option and nothing else."));
    assert!(first("mathvista").starts_with("Hint: Please answer the question and provide"));
    assert_eq!(first("chartqa-short"), "How high is the bar?\nAnswer the question with a single word.");
    let gsm8k = first("gsm8k");
    assert!(
        gsm8k.starts_with("Q: There are 15 trees in the grove.") && gsm8k.ends_with("farmers' market?\nA:")
    );
    assert_eq!(gsm8k.matches("\n\nQ: ").count(), 8);
    assert!(first("gsm8k-chat").ends_with("\nA: Let's think step by step."));
    assert!(first("ifeval").starts_with("Write a 300+ word summary of the wikipedia page"));
}

/// A response that is right for the first item, and one that is wrong, by the rule that decides.
const RESPONSES: [(&str, &str, &str); 16] = [
    ("gsm8k", "16 - 3 - 4 = 9. 9 * 2 = 18. The answer is 18.", "The answer is 17."),
    ("gsm8k-chat", "So she makes $18.", "So she makes $19."),
    ("mmlu-pro", "It has six. The answer is (C).", "The answer is (A)."),
    ("math-500", "It is $4$.", "It is $8$."),
    ("mgsm-de", "3 + 4 = 7. Die Antwort lautet 7.", "Die Antwort lautet 8."),
    ("mgsm-ja", "答えは7です。", "答えは8です。"),
    ("mmmu", "(A) blue", "(B)"),
    ("mathvista", "The bar is blue, so (B).", "(A)"),
    ("realworldqa", "A", "B"),
    ("chartqa", "I see a bar.\nFinal Answer: 33", "Final Answer: 40"),
    ("chartqa-short", "33", "40"),
    ("ocrbench", "The letter j.", "The letter q."),
    ("ai2d", "B. blue", "A"),
    ("mmstar", "The answer is B.", "A"),
    ("ifeval", "", "x, y"),
    ("mgsm-sw", "Jibu ni 7.", "Jibu ni 6."),
];

#[test]
fn right_responses_are_right_and_wrong_ones_wrong() {
    for (id, right, wrong) in RESPONSES {
        with_task(id, |task, pool| {
            let question = Question::of(&pool.items[0]);
            let judged = |said: &str| {
                let response =
                    Response::Words { text: said.to_owned(), in_reasoning: false, stop: Vec::new() };
                score(task.score(), &question, &response).right
            };
            let long = format!(
                "*highlighted section 1*\n*highlighted section 2*\n*highlighted section 3*\n{}",
                "word ".repeat(300)
            );
            assert!(judged(if right.is_empty() { &long } else { right }), "{id}: {right}");
            assert!(!judged(wrong), "{id}: {wrong}");
        });
    }
}

#[test]
fn pictures_come_with_the_items_that_are_asked() {
    for (id, counts) in [
        ("mmmu", &[1, 2, 1, 1][..]),
        ("mathvista", &[1, 1, 1, 1]),
        ("realworldqa", &[1, 1]),
        ("chartqa", &[1, 1]),
        ("ocrbench", &[1, 1]),
        ("ai2d", &[1, 1]),
        ("mmstar", &[1, 1]),
    ] {
        with_task(id, |task, pool| {
            let mut items = pool.items.clone();
            assert!(items.iter().all(|item| item.images.is_empty()));
            pool.load_pictures(task, &places(), &mut items).unwrap();
            let found: Vec<usize> = items.iter().map(|item| item.images.len()).collect();
            assert_eq!(found, counts, "{id}");
            for picture in items.iter().flat_map(|item| &item.images) {
                assert_eq!(picture.rgb.len(), (picture.width * picture.height * 3) as usize, "{id}");
                let blue = picture.rgb.chunks(3).any(|pixel| pixel[2] > 150 && pixel[0] < 90);
                assert!(blue && picture.width * picture.height == 64 * 40, "{id}: the bar is drawn");
            }
        });
    }
}

#[test]
fn questions_about_one_picture_hang_together() {
    with_task("mathvista", |_, pool| {
        let clusters: Vec<_> = pool.items.iter().map(|item| item.cluster.clone().unwrap()).collect();
        assert_eq!(clusters.len(), 4);
        assert!(clusters.iter().all(|cluster| cluster.len() == 16), "{clusters:?}");
    });
    with_task("hellaswag", |_, pool| assert!(pool.items[0].cluster.as_ref().unwrap().contains('~')));
}

#[test]
fn what_is_absent_says_how_to_get_it() {
    let definitions = Definitions::embedded().unwrap();
    let nowhere = Places::default();
    for task in definitions.tasks() {
        let Source::Data(source) = &task.source else { continue };
        match Pool::of(task, &nowhere) {
            Ok(_) => assert!(source.embedded, "{}", task.id),
            Err(error) => {
                let said = error.to_string();
                for part in [
                    task.id.as_str(),
                    source.hub.as_deref().unwrap(),
                    source.revision.as_deref().unwrap(),
                    "--data",
                ] {
                    assert!(said.contains(part), "{said} lacks {part}");
                }
            }
        }
    }
}

#[test]
fn embedded_sets_are_whole() {
    with_task("gsm8k", |_, pool| assert_eq!((pool.items.len(), pool.shots.len()), (1319, 8)));
    with_task("ifeval", |_, pool| assert_eq!(pool.items.len(), 541));
}
