//! Answers JSON requests about one model, so that a script can compare it with another engine.
//!
//! `model_lines MODEL` where MODEL is a `.gguf` file or a folder of safetensors. Requests, one per line:
//! `{"op": "encode", "text": ..}`, `{"op": "render", "text": ..}` (one user message through the model's template),
//! `{"op": "greedy", "ids": [..], "count": N}`, `{"op": "score", "prefix": [..], "continuations": [[..], ..]}`,
//! `{"op": "about"}`.

use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::path::Path;

use candle_core::Device;
use dyno_comparators::{Comparator, LanguageModel};
use dyno_text::{Control, Conversation, MediaTokens, Message, Role, Specials, render, render_raw, score};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: model_lines MODEL")?;
    let mut model = Comparator::open(Path::new(&path), &Device::Cpu)?;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let answer = answer(&mut model, &request).unwrap_or_else(|error| json!({"error": error.to_string()}));
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn answer(model: &mut Comparator, request: &Value) -> Result<Value, Box<dyn Error>> {
    let text = request["text"].as_str().unwrap_or_default();
    match request["op"].as_str().unwrap_or_default() {
        "about" => Ok(json!({
            "model": format!("{model:?}"), "cost": model.cost(0), "vocab": model.vocab(),
            "ends": model.tokenizer().end_ids(),
        })),
        "encode" => {
            let prompt = render_raw(model.tokenizer(), text, Specials::Parse)?;
            Ok(json!({"ids": prompt.ids(), "plain": model.tokenizer().encode(text, Specials::AsText)?}))
        }
        "render" => {
            let template = model.template().ok_or("the model has no template")?;
            let conversation = Conversation::new(vec![Message::text(Role::User, text)]);
            let prompt = render(model.tokenizer(), template, &conversation, &MediaTokens::default(), "")?;
            Ok(json!({"text": prompt.text(), "ids": prompt.ids()}))
        }
        "greedy" => greedy(model, &serde_json::from_value::<Vec<u32>>(request["ids"].clone())?, request),
        "score" => {
            let prefix: Vec<u32> = serde_json::from_value(request["prefix"].clone())?;
            let continuations: Vec<Vec<u32>> = serde_json::from_value(request["continuations"].clone())?;
            let scores: Result<Vec<_>, _> =
                continuations.iter().map(|continuation| score_one(model, &prefix, continuation)).collect();
            Ok(json!({"log_probs": scores?}))
        }
        other => Err(format!("unknown op {other:?}").into()),
    }
}

/// Greedy ids, and by how much each led the second best.
fn greedy(model: &mut Comparator, ids: &[u32], request: &Value) -> Result<Value, Box<dyn Error>> {
    model.reset();
    let mut logits = model.feed(ids)?;
    let (mut out, mut margins) = (Vec::new(), Vec::new());
    for _ in 0..request["count"].as_u64().unwrap_or(32) {
        let (mut best, mut second) = (0, f32::NEG_INFINITY);
        for (id, logit) in logits.iter().enumerate().skip(1) {
            if *logit > logits[best] {
                second = logits[best];
                best = id;
            } else if *logit > second {
                second = *logit;
            }
        }
        margins.push(logits[best] - second);
        out.push(best as u32);
        if model.tokenizer().end_ids().contains(&(best as u32)) {
            break;
        }
        logits = model.feed(&[best as u32])?;
    }
    let text = model.tokenizer().decode(&out, Control::Show)?;
    Ok(json!({"ids": out, "margins": margins, "text": text}))
}

fn score_one(
    model: &mut Comparator,
    prefix: &[u32],
    continuation: &[u32],
) -> Result<Vec<f32>, Box<dyn Error>> {
    model.reset();
    let id_count = model.tokenizer().id_count();
    let mut logits = model.feed(prefix)?;
    let mut out = Vec::new();
    for (at, id) in continuation.iter().enumerate() {
        out.push(score(&logits, id_count, *id)?.log_prob);
        if at + 1 < continuation.len() {
            logits = model.feed(&[*id])?;
        }
    }
    Ok(out)
}
