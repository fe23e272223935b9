//! Answers JSON requests about one task, so that a script can hold its prompts and verdicts against another harness.
//!
//! `task_lines TASK DATA_FOLDER`. Requests, one per line: `{"op": "items", "most": N}` gives the first items with their
//! prompts and continuations; `{"op": "score", "item": N, "text": ..}` and `{"op": "score", "item": N, "log_probs": [..]}`
//! give what each of the task's rules makes of a response.

use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;

use dyno_datasets::{Places, Pool};
use dyno_scoring::{Question, Response, Weighed, score};
use dyno_suites::task::{Ask, Item};
use dyno_suites::{Definitions, Task};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("usage: task_lines TASK DATA_FOLDER".into());
    };
    let definitions = Definitions::embedded()?;
    let task = definitions.task(&name)?;
    let places = Places { given: vec![PathBuf::from(folder)], caches: Vec::new() };
    let pool = Pool::of(task, &places)?;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let answer =
            answer(task, &pool, &request).unwrap_or_else(|error| json!({"error": error.to_string()}));
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn answer(task: &Task, pool: &Pool, request: &Value) -> Result<Value, Box<dyn Error>> {
    if request["op"] == "items" {
        let most = request["most"].as_u64().unwrap_or(u64::MAX) as usize;
        return pool.items.iter().take(most).map(|item| asked(task, pool, item)).collect();
    }
    let place = request["item"].as_u64().ok_or("which item?")? as usize;
    let item = pool.items.get(place).ok_or("there is no such item")?;
    let response = match (request["text"].as_str(), request["log_probs"].as_array()) {
        (Some(text), _) => {
            let stop = if let Ask::Generate { stop, .. } = &task.ask { stop.clone() } else { Vec::new() };
            Response::Words { text: text.to_owned(), in_reasoning: false, stop }
        }
        (None, Some(given)) => {
            let weighed = |log_prob: &Value| Weighed {
                log_prob: log_prob.as_f64().unwrap_or(f64::NAN),
                tokens: 1,
                greedy: false,
            };
            Response::Weighed { options: given.iter().map(weighed).collect() }
        }
        (None, None) => return Err("what was the response?".into()),
    };
    let question = Question::of(item);
    let scored = task.scores.iter().map(|rule| {
        let scored = score(rule, &question, &response);
        (rule.id.clone(), json!({"read": scored.answer, "right": scored.right}))
    });
    Ok(Value::Object(scored.collect()))
}

fn asked(task: &Task, pool: &Pool, item: &Item) -> Result<Value, Box<dyn Error>> {
    let said = |option: Option<&str>| {
        task.wording(item, &pool.shots, option).map(|wording| format!("{}{}", wording.user, wording.lead))
    };
    let (mut prompts, mut continuations) = (Vec::new(), Vec::new());
    for option in &item.options {
        if let Some(text) = task.continuation(item, option) {
            prompts.push(said(task.asks_each_option().then_some(option))?);
            continuations.push(text?);
        }
    }
    if prompts.is_empty() {
        prompts.push(said(None)?);
    }
    Ok(json!({"id": item.id, "prompts": prompts, "continuations": continuations, "answer": item.answer}))
}
