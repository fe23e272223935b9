//! Asks an OpenAI-compatible server one question and says what can be proven about the answer's tokens.
//!
//! `ask_server http://127.0.0.1:8080 MODEL "Name three fruits."`

use std::error::Error;
use std::io::Write as _;
use std::time::Instant;

use dyno_comparators::{ChatMessage, ChatRequest, Server, ServerUrl, Waits, Watch};
use dyno_text::Settings;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, model, question] = arguments.as_slice() else {
        return Err("usage: ask_server URL MODEL TEXT".into());
    };
    let server = Server::new(ServerUrl::explicit(url)?, model, None, Waits::default());
    let mut out = std::io::stdout().lock();
    writeln!(out, "models: {:?}", server.models()?)?;
    for log_probs in [true, false] {
        let request = ChatRequest {
            messages: vec![ChatMessage { role: "user".into(), text: question.clone(), pictures: Vec::new() }],
            tools: Vec::new(),
            thinking: None,
            max_tokens: 64,
            sampling: Settings::GREEDY,
            stop: Vec::new(),
            log_probs,
        };
        let mut stamps = Vec::with_capacity(64);
        let begin = Instant::now();
        let reply = server.chat(&request, &mut |_| {
            stamps.push(begin.elapsed());
            Watch::GoOn
        })?;
        writeln!(out, "{:?}", reply.text)?;
        writeln!(
            out,
            "  {} chunks, {:?}, {:?}, {:?}",
            reply.chunks, reply.counted, reply.usage, reply.finish
        )?;
        writeln!(out, "  first chunk after {:?}, last after {:?}", stamps.first(), stamps.last())?;
    }
    Ok(())
}
