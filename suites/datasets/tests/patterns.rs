//! The rules that tasks spell out as patterns, held to what the references read out of recorded responses.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeMap;
use std::io::Read as _;

use dyno_scoring::{Question, Response, Scored, score};
use dyno_suites::Definitions;
use dyno_suites::task::Expected;
use flate2::read::GzDecoder;
use serde_json::{Map, Value};

/// Which score of which task a recorded rule is.
fn score_of(rule: &str) -> Option<(String, &str)> {
    Some(match rule {
        "gsm8k-cot" => ("gsm8k".to_owned(), "strict"),
        "flexible" => ("gsm8k".to_owned(), "flexible"),
        "mmlu-pro" => ("mmlu-pro".to_owned(), "harness"),
        _ => (rule.starts_with("mgsm-").then(|| rule.to_owned())?, "strict"),
    })
}

fn judged(definitions: &Definitions, task: &str, id: &str, right: &str, said: &str) -> Scored {
    let task = definitions.task(task).unwrap();
    let rule = task.scores.iter().find(|score| score.id == id).unwrap();
    let question = Question { options: Vec::new(), answer: Expected::text(right), fields: Map::new() };
    score(rule, &question, &Response::Words { text: said.to_owned(), in_reasoning: false, stop: Vec::new() })
}

#[test]
fn what_is_read_out_is_what_the_harness_reads_out() {
    let definitions = Definitions::embedded().unwrap();
    let mut text = String::new();
    GzDecoder::new(&include_bytes!("../../answers/tests/answer_verdicts.jsonl.gz")[..])
        .read_to_string(&mut text)
        .unwrap();
    let mut rules: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in text.lines() {
        let line: Vec<Value> = serde_json::from_str(line).unwrap();
        let (rule, response, result) = (line[0].as_str().unwrap(), line[1].as_str().unwrap(), &line[3]);
        let found = score_of(rule)
            .map(|(task, id)| (judged(&definitions, &task, id, "", response).answer, rule.to_owned()));
        if let Some((found, rule)) = found {
            let theirs = result.as_str().filter(|read| *read != "[invalid]").filter(|read| !read.is_empty());
            rules.entry(rule.clone()).or_default()[usize::from(theirs.is_some())] += 1;
            if found.as_deref() != theirs {
                wrong.push(format!("{rule}: ours {found:?}, theirs {theirs:?}: {response:?}"));
            }
        }
        // Equality is the same rule for every task of its kind: an answer is put where the pattern finds it.
        let equality = match rule {
            "same-gsm8k" => ("gsm8k", "flexible"),
            "same-without-punctuation" => ("mgsm-de", "flexible"),
            _ => continue,
        };
        let right = line[2].as_str().unwrap();
        let scored = judged(&definitions, equality.0, equality.1, right, response);
        if scored.answer.as_deref() == Some(response) {
            rules.entry(rule.to_owned()).or_default()[usize::from(result.as_bool().unwrap())] += 1;
            if Some(scored.right) != result.as_bool() {
                wrong.push(format!(
                    "{rule}: ours {}, theirs {result}: {response:?} for {right:?}",
                    scored.right
                ));
            }
        }
    }
    assert_eq!(rules.len(), 16, "{rules:?}");
    assert!(rules.values().all(|[none, some]| *none > 0 && *some > 0), "{rules:?}");
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
