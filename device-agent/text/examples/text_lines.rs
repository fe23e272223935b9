//! Answers JSON requests, one per line, so that a script in another language can compare this crate with others.
//!
//! `text_lines tokenizer.json`, `text_lines ranks.tiktoken SPLIT added.json`, or `text_lines -` for templates alone.
//! Requests: `{"op": "encode", "text": ..}`, `{"op": "decode", "ids": [..]}`, `{"op": "pieces", "text": ..}`,
//! `{"op": "loop", "text": ..}`, `{"op": "render", "template": .., "conversation": {..}}`.

use std::error::Error;
use std::io::{BufRead as _, Write as _};

#[path = "../tests/support/conversation.rs"]
mod support;

use dyno_text::{AddedToken, ChatTemplate, Control, LoopDetector, Specials, StreamDecoder, Tokenizer};
use serde_json::{Value, json};
use support::conversation;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let tokenizer = match arguments.as_slice() {
        [dash] if dash == "-" => None,
        [json] => Some(Tokenizer::from_json(&std::fs::read(json)?)?),
        [ranks, split, added] => Some(from_ranks(ranks, split, added)?),
        _ => return Err("usage: text_lines (- | TOKENIZER_JSON | RANKS SPLIT ADDED_JSON)".into()),
    };
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let answer = match answer(tokenizer.as_ref(), &request) {
            Ok(answer) => answer,
            Err(error) => json!({"error": error.to_string()}),
        };
        writeln!(out, "{answer}")?;
    }
    Ok(())
}

fn from_ranks(ranks: &str, split: &str, added: &str) -> Result<Tokenizer, Box<dyn Error>> {
    let added: Vec<(u32, String, bool)> = serde_json::from_slice(&std::fs::read(added)?)?;
    let added: Vec<_> =
        added.into_iter().map(|(id, text, control)| AddedToken { id, text, control }).collect();
    Ok(Tokenizer::from_ranks(&std::fs::read_to_string(ranks)?, split, &added)?)
}

fn answer(tokenizer: Option<&Tokenizer>, request: &Value) -> Result<Value, Box<dyn Error>> {
    let text = request["text"].as_str().unwrap_or_default();
    let op = request["op"].as_str().unwrap_or_default();
    if op == "render" {
        let template = request["template"].as_str().ok_or("a template is needed")?;
        let template = match template {
            "built-in" => ChatTemplate::qwen35(request["thinks"].as_bool().unwrap_or(true))?,
            source => ChatTemplate::from_source(source, Some("<s>"), Some("</s>"))?,
        };
        return Ok(json!({"text": template.render(&conversation(&request["conversation"])?)?}));
    }
    let tokenizer = tokenizer.ok_or("no tokenizer was loaded")?;
    Ok(match op {
        "encode" => json!({
            "ids": tokenizer.encode(text, Specials::Parse)?,
            "plain": tokenizer.encode(text, Specials::AsText)?,
        }),
        "decode" => {
            let ids: Vec<u32> = serde_json::from_value(request["ids"].clone())?;
            let mut stream = StreamDecoder::new(Control::Show);
            let mut pieces = String::new();
            for id in &ids {
                stream.push(tokenizer, *id, &mut pieces)?;
            }
            stream.finish(&mut pieces);
            json!({"text": tokenizer.decode(&ids, Control::Show)?, "streamed": pieces})
        }
        "pieces" => json!({"pieces": tokenizer.pieces(text)?}),
        "loop" => {
            let mut detector = LoopDetector::new();
            let mut verdict = None;
            for id in tokenizer.encode(text, Specials::AsText)? {
                let blank = tokenizer.token_bytes(id)?.iter().all(u8::is_ascii_whitespace);
                verdict = verdict.or_else(|| detector.push(id, blank));
            }
            json!({"loop": verdict.map(|verdict| verdict.to_string())})
        }
        other => return Err(format!("unknown op {other:?}").into()),
    })
}
