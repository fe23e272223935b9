//! Our rules against verdicts that the reference implementations gave; `scripts/oracle` has the programs that asked
//! them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeMap;
use std::io::Read as _;

use dyno_answers::{ifeval, letters, math, mathvista, mmmu_open, reading, relaxed};
use flate2::read::GzDecoder;
use serde_json::{Map, Value, json};

fn lines(bytes: &[u8]) -> Vec<Vec<Value>> {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn ifeval_verdicts_are_the_references() {
    let prompts: BTreeMap<u64, Map<String, Value>> =
        include_str!("../../datasets/embedded/ifeval/input_data.jsonl")
            .lines()
            .map(|line| serde_json::from_str::<Map<String, Value>>(line).unwrap())
            .map(|row| (row["key"].as_u64().unwrap(), row))
            .collect();
    assert_eq!(prompts.len(), 541);
    let recorded = lines(include_bytes!("ifeval_verdicts.jsonl.gz"));
    assert!(recorded.len() >= 2_000);
    let mut verdicts: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in &recorded {
        let row = &prompts[&line[0].as_u64().unwrap()];
        let response = line[1].as_str().unwrap();
        let ours = ifeval::judge(&ifeval::instructions(row).unwrap(), response);
        for (what, ours, theirs) in [("strict", &ours.strict, &line[2]), ("loose", &ours.loose, &line[3])] {
            let names = row["instruction_id_list"].as_array().unwrap().iter().filter_map(Value::as_str);
            for ((name, ours), theirs) in names.zip(ours).zip(theirs.as_str().unwrap().chars()) {
                // The reference draws a letter at random where the prompt asks for a sign.
                if theirs == '?' {
                    assert_eq!(name, "keywords:letter_frequency");
                    continue;
                }
                verdicts.entry(name.to_owned()).or_default()[usize::from(theirs == '1')] += 1;
                if *ours != (theirs == '1') {
                    wrong.push(format!("{name} {what}, theirs {theirs}: {response:?} for {}", row["kwargs"]));
                }
            }
        }
    }
    assert_eq!(verdicts.len(), 25, "every kind of instruction was asked");
    for (name, [broken, followed]) in &verdicts {
        assert!(*broken >= 10 && *followed >= 10, "{name}: {broken} broken, {followed} followed");
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn texts(value: &Value) -> Vec<String> {
    value
        .as_array()
        .map_or_else(Vec::new, |list| list.iter().map(|text| text.as_str().unwrap().to_owned()).collect())
}

/// What our rule of this name says, in the reference's spelling; `None` for rules that tasks spell out as patterns.
fn ours(rule: &str, response: &str, against: &Value) -> Option<Value> {
    let right = || against.as_str().unwrap();
    Some(match rule {
        "math" => math::equivalent(response, right()).into(),
        "boxed" => math::boxed(response).into(),
        "between-dollars" => math::between_dollars(response).into(),
        "surest" => {
            letters::surest(response, &['A', 'B', 'C', 'D']).map(String::from).unwrap_or_default().into()
        }
        "mmmu" => letters::mmmu(response, &texts(against)).map(String::from).into(),
        "mmmu-open" => mmmu_open::right(response, &texts(against)).into(),
        "chartqa-final" => relaxed::final_answer(response, right()).into(),
        "chartqa-short" => relaxed::short(response, right()).into(),
        "ocrbench" => reading::ocr_bench(response, &texts(against), false).into(),
        "ocrbench-formula" => reading::ocr_bench(response, &texts(against), true).into(),
        "anls" => reading::anls(response, &texts(against)).into(),
        "mathvista-choice" => mathvista::normal(response, mathvista::Form::Choice, &texts(against)).into(),
        "mathvista-integer" => mathvista::normal(response, mathvista::Form::Integer, &[]).into(),
        "mathvista-float" => {
            let places = against.as_u64().unwrap() as usize;
            mathvista::normal(response, mathvista::Form::Float(places), &[]).into()
        }
        _ => return None,
    })
}

#[test]
fn other_answers_are_read_and_judged_as_by_the_references() {
    let recorded = lines(include_bytes!("answer_verdicts.jsonl.gz"));
    let mut results: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in &recorded {
        let (rule, response) = (line[0].as_str().unwrap(), line[1].as_str().unwrap());
        let Some(ours) = ours(rule, response, &line[2]) else { continue };
        let theirs = &line[3];
        *results.entry(rule.to_owned()).or_default().entry(theirs.to_string()).or_default() += 1;
        let close =
            ours.as_f64().zip(theirs.as_f64()).is_some_and(|(ours, theirs)| (ours - theirs).abs() < 1e-12);
        if ours != *theirs && !close {
            wrong.push(format!("{rule}: ours {ours}, theirs {theirs}: {}", json!([response, line[2]])));
        }
    }
    assert!(results.len() == 14 && results.values().all(|results| results.len() > 1), "{results:?}");
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
