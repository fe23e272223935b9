//! What counts as right, rule by rule.

use dyno_suites::task::{Expected, Extract, Rule, Score, Which};
use serde_json::{Map, Value, json};

use crate::{Question, Response, Weighed, score};

fn rule(rule: Rule, extract: Extract) -> Score {
    Score {
        id: "made".into(),
        rule,
        extract,
        pattern: None,
        which: Which::First,
        ignore: Vec::new(),
        ignore_case: false,
    }
}

fn asked(answer: Expected, options: &[&str]) -> Question {
    Question {
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        answer,
        fields: Map::new(),
    }
}

fn words(text: &str) -> Response {
    Response::Words { text: text.into(), in_reasoning: false, stop: Vec::new() }
}

/// What was read, and whether it was right.
fn found(by: &Score, question: &Question, said: &str) -> (Option<String>, bool) {
    let scored = score(by, question, &words(said));
    (scored.answer, scored.right)
}

#[test]
fn numbers_are_compared_as_numbers() {
    let last = rule(Rule::Numeric, Extract::LastNumber);
    let wanted = asked(Expected::text("1200"), &[]);
    for said in ["1200", "It is 1,200.", "3 + 4, so 1200.0", "$1,200<|im_end|>", "the answer: 1200.00"] {
        assert!(found(&last, &wanted, said).1, "{said}");
    }
    for said in ["1201", "12000", "-1200", "1200, not 1300", "none"] {
        assert!(!found(&last, &wanted, said).1, "{said}");
    }
    assert_eq!(found(&last, &wanted, "no number").0, None);
    let first = rule(Rule::Numeric, Extract::Number);
    assert!(found(&first, &asked(Expected::text("-3.5"), &[]), "x = -3.5 or 7").1);
    let relaxed = rule(Rule::Relaxed, Extract::Number);
    let wanted = asked(Expected::text("100"), &[]);
    assert!(found(&relaxed, &wanted, "104.9").1 && !found(&relaxed, &wanted, "105.1").1);
}

#[test]
fn texts_are_compared_as_the_rule_says() {
    let exact = rule(Rule::Exact, Extract::Whole);
    let wanted = asked(Expected::Texts(vec!["red".into(), "crimson".into()]), &[]);
    assert!(found(&exact, &wanted, " crimson \n").1);
    assert!(!found(&exact, &wanted, "Red").1);
    assert!(found(&Score { ignore_case: true, ..exact.clone() }, &wanted, "RED").1);
    assert!(found(&Score { ignore: vec![r"\.$".into(), "the ".into()], ..exact }, &wanted, "the red.").1);
    let contains = rule(Rule::Contains, Extract::Whole);
    assert!(found(&contains, &wanted, "It is red, I think").1 && !found(&contains, &wanted, "blue").1);
    let line = rule(Rule::Exact, Extract::LastLine);
    assert!(found(&line, &wanted, "Let me see.\n\nred\n").1);
}

#[test]
fn patterns_take_their_group_first_or_last() {
    let strict = Score { pattern: Some(r"#### (-?[0-9.,]+)".into()), ..rule(Rule::Exact, Extract::Pattern) };
    let wanted = asked(Expected::text("18"), &[]);
    assert!(found(&strict, &wanted, "so\n#### 18\n\nQuestion: #### 19").1);
    assert!(!found(&Score { which: Which::Last, ..strict.clone() }, &wanted, "#### 18 #### 19").1);
    assert_eq!(found(&strict, &wanted, "18").0, None);
}

#[test]
fn letters_are_read_where_they_are_meant() {
    let letter = rule(Rule::Letter, Extract::Letter);
    let wanted = asked(Expected::Option(1), &["w", "x", "y", "z"]);
    for said in [
        "B",
        "(B)",
        "B. because",
        "The answer is B.",
        "**B**",
        "Answer: (B) x",
        "A is wrong, so the answer is B",
    ] {
        assert_eq!(found(&letter, &wanted, said), (Some("B".into()), true), "{said}");
    }
    for said in ["C", "Because", "E", ""] {
        assert!(!found(&letter, &wanted, said).1, "{said}");
    }
}

#[test]
fn boxed_answers_keep_their_braces_and_json_is_found() {
    let boxed = rule(Rule::Exact, Extract::Boxed);
    let wanted = asked(Expected::text(r"\frac{1}{2}"), &[]);
    assert!(found(&boxed, &wanted, r"first \boxed{3}, then \boxed{\frac{1}{2}}.").1);
    assert_eq!(found(&boxed, &wanted, r"\boxed{1").0, None);
    let json = rule(Rule::Exact, Extract::Json);
    let wanted = asked(Expected::text(r#"{"a":1}"#), &[]);
    assert!(found(&json, &wanted, "```json\n{ \"a\": 1 }\n```").1);
}

#[test]
fn reasoning_is_no_answer() {
    let exact = rule(Rule::Exact, Extract::Whole);
    let wanted = asked(Expected::text("4"), &[]);
    let with = |text: &str, in_reasoning: bool| {
        let response = Response::Words { text: text.into(), in_reasoning, stop: vec!["\n\nQ:".into()] };
        let scored = score(&exact, &wanted, &response);
        (scored.answer, scored.right)
    };
    assert!(with("<think>5? no</think>\n\n4<|im_end|>", false).1);
    assert!(with("5? no</think>4", true).1);
    assert_eq!(with("4 and on and on", true), (None, false), "it never came to its answer");
    assert_eq!(with("<think>4", false), (None, false));
    assert!(with("4\n\nQ: what next? 7", false).1, "the stop text ends the answer");
}

#[test]
fn refusals_are_seen_and_right_answers_are_none() {
    let exact = rule(Rule::Contains, Extract::Whole);
    let wanted = asked(Expected::text("42"), &[]);
    let refused = |said: &str| score(&exact, &wanted, &words(said)).refused;
    assert!(refused("I\u{2019}m sorry, but I can't help with that.") && refused("As an AI model, no."));
    assert!(!refused("I cannot be sure, but 42") && !refused("It is 41."));
}

#[test]
fn the_most_likely_option_wins_and_length_may_count() {
    let weighed = |log_probs: &[f64]| Response::Weighed {
        options: log_probs
            .iter()
            .map(|log_prob| Weighed { log_prob: *log_prob, tokens: 1, greedy: false })
            .collect(),
    };
    let wanted = asked(Expected::Option(1), &["ab", "a longer one"]);
    let by = |by: Rule, log_probs: &[f64]| {
        let scored = score(&rule(by, Extract::Whole), &wanted, &weighed(log_probs));
        (scored.answer.unwrap_or_default(), scored.right)
    };
    assert_eq!(by(Rule::Choice, &[-2.0, -6.0]), ("ab".into(), false));
    assert_eq!(by(Rule::ChoiceNorm, &[-2.0, -6.0]), ("a longer one".into(), true));
    assert_eq!(by(Rule::Choice, &[-3.0, -3.0]).0, "ab", "of equal ones the first");
    assert_eq!(by(Rule::Choice, &[]), (String::new(), false));
}

#[test]
fn calls_parse_or_they_do_not() {
    let by = rule(Rule::ToolCall, Extract::ToolCall);
    let mut question = asked(Expected::Checked, &[]);
    let call = json!({"name": "add", "arguments": {"a": 2, "b": "three"}});
    question.fields.insert("call".into(), call);
    let right = |said: &str| found(&by, &question, said).1;
    let family = "<tool_call>\n<function=add>\n<parameter=a>\n2\n</parameter>\n<parameter=b>\nThree\n</parameter>\n\
                  </function>\n</tool_call><|im_end|>";
    assert!(right(family));
    assert!(right(
        "Sure. <tool_call>{\"name\": \"add\", \"arguments\": {\"a\": 2, \"b\": \"three\"}}</tool_call>"
    ));
    for broken in [
        family.replace("</function>", ""),
        family.replace("function=add", "function=sub"),
        family.replace("\n2\n", "\n4\n"),
        family.replace("</tool_call>", ""),
        "add(2, 3)".to_owned(),
    ] {
        assert!(!right(&broken), "{broken}");
    }
}

#[test]
fn what_is_stored_is_judged_as_it_was_asked() {
    let response = words("<think>x</think>B");
    let text = serde_json::to_string(&response).unwrap();
    assert_eq!(serde_json::from_str::<Response>(&text).unwrap(), response);
    let question = asked(Expected::Option(1), &["w", "x"]);
    let kept: Value = serde_json::to_value(&question).unwrap();
    assert_eq!(serde_json::from_value::<Question>(kept).unwrap(), question);
}
