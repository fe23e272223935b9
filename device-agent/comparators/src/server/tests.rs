//! A server of a few lines on loopback that says what real ones said.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use dyno_text::Settings;
use serde_json::json;

use super::*;

const LLAMA_CHAT: &str = include_str!("recorded/llama_chat_logprobs.sse");
const LLAMA_COMPLETION: &str = include_str!("recorded/llama_completion.sse");
const VLLM_CHAT: &str = include_str!("recorded/vllm_chat_token_ids.sse");
const STREAM: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

/// Serves one connection: hands out what was asked and plays `answer` on the socket.
fn serve(answer: impl FnOnce(&mut TcpStream) + Send + 'static) -> (Server, Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (asked, seen) = mpsc::channel();
    thread::spawn(move || {
        let Ok((mut socket, _)) = listener.accept() else { return };
        let mut reader = BufReader::new(socket.try_clone().expect("a socket can be cloned"));
        let (mut head, mut length) = (String::new(), 0);
        while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
        for line in head.lines() {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        let _short = reader.read_exact(&mut body);
        let _gone = asked.send((head, serde_json::from_slice(&body).unwrap_or_default()));
        answer(&mut socket);
    });
    let waits = Waits { read: Duration::from_secs(20), answer: Duration::from_secs(20), ..Waits::default() };
    (Server::new(ServerUrl::loopback(port), "m", Some("secret".into()), waits), seen)
}

fn plays(text: &str) -> impl FnOnce(&mut TcpStream) + Send + 'static {
    let text = text.to_owned();
    move |socket| {
        let _gone = socket.write_all(text.as_bytes());
    }
}

fn question() -> ChatRequest {
    ChatRequest {
        messages: vec![ChatMessage { role: "user".into(), text: "Say hi".into(), pictures: Vec::new() }],
        tools: Vec::new(),
        thinking: None,
        max_tokens: 6,
        sampling: Settings::GREEDY,
        stop: Vec::new(),
        log_probs: true,
    }
}

fn continuation(prompt: CompletionPrompt) -> CompletionRequest {
    CompletionRequest {
        prompt,
        max_tokens: 5,
        sampling: Settings::GREEDY,
        stop: vec!["\n\n".into()],
        log_probs: false,
        ignore_end: true,
    }
}

fn chat(answer: &str) -> Result<Reply, ServerError> {
    serve(plays(answer)).0.chat(&question(), &mut |_| Watch::GoOn)
}

#[test]
fn llama_server_proves_every_token_with_log_probabilities() {
    let (server, seen) = serve(plays(&format!("{STREAM}{LLAMA_CHAT}")));
    let mut chunks = Vec::new();
    let reply = server.chat(&question(), &mut |chunk| {
        chunks.push((chunk.index, chunk.text.clone(), chunk.tokens));
        Watch::GoOn
    });
    let reply = reply.unwrap();
    assert_eq!(reply.text, "I'm glad you're here");
    assert_eq!(reply.ids, [57, 5248, 18948, 346, 2316, 1535]);
    assert_eq!(reply.counted, Counted::ByChunk { tokens: 6, one_each: true });
    assert_eq!(reply.finish, FinishReason::Length);
    assert_eq!(reply.usage, Some(Usage { prompt_tokens: 34, completion_tokens: 6, cached_tokens: Some(0) }));
    assert!((reply.log_probs[1].log_prob - -0.520_395).abs() < 1e-5);
    assert_eq!(chunks.len(), 6);
    assert_eq!(chunks[2], (2, " glad".into(), Some(1)));
    let (head, body) = seen.recv().unwrap();
    assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1"), "{head}");
    assert!(head.to_ascii_lowercase().contains("authorization: bearer secret"));
    assert_eq!(body["messages"], json!([{"role": "user", "content": "Say hi"}]));
    assert_eq!((body["cache_prompt"].as_bool(), body["logprobs"].as_bool()), (Some(false), Some(true)));
}

#[test]
fn llama_server_without_log_probabilities_is_counted_by_its_total() {
    let (server, seen) = serve(plays(&format!("{STREAM}{LLAMA_COMPLETION}")));
    let prompt = CompletionPrompt::Ids(vec![504, 3575]);
    let reply = server.complete(&continuation(prompt), &mut |_| Watch::GoOn).unwrap();
    assert_eq!(reply.text, " Paris.\n\nThe");
    assert_eq!(reply.counted, Counted::ByUsage { tokens: 5, one_each: true });
    let (head, body) = seen.recv().unwrap();
    assert!(head.starts_with("POST /v1/completions "));
    assert_eq!(body["prompt"], json!([504, 3575]));
    assert_eq!((body["stop"].clone(), body["ignore_eos"].as_bool()), (json!(["\n\n"]), Some(true)));
}

#[test]
fn vllm_chunks_may_hold_several_tokens() {
    let reply = chat(&format!("{STREAM}{VLLM_CHAT}")).unwrap();
    assert_eq!(reply.ids, [28292, 4, 2645, 1539, 1]);
    assert_eq!(reply.counted, Counted::ByChunk { tokens: 5, one_each: false });
    assert!(!reply.counted.stamps_are_tokens());
    assert_eq!((reply.text.as_str(), reply.finish), ("target\" model then", FinishReason::Stop));
}

#[test]
fn a_stream_that_is_cut_is_no_answer() {
    for end in [
        LLAMA_CHAT.find("here").unwrap(),
        LLAMA_CHAT.find("data: {\"choices\":[{\"finish_reason\":\"length\"").unwrap(),
    ] {
        let error = chat(&format!("{STREAM}{}", &LLAMA_CHAT[..end])).unwrap_err();
        assert!(matches!(error, ServerError::Cut { chunks: 5 | 6 }), "{error}");
    }
    let chunked = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\ndata: {\"cho";
    assert!(matches!(chat(chunked), Err(ServerError::Broken { .. } | ServerError::Cut { .. })));
}

#[test]
fn an_end_without_its_mark_but_with_a_reason_is_one() {
    let end = LLAMA_COMPLETION.find("data: [DONE]").unwrap();
    assert_eq!(chat(&format!("{STREAM}{}", &LLAMA_COMPLETION[..end])).unwrap().chunks, 5);
}

#[test]
fn errors_are_told_before_and_inside_a_stream() {
    let body = r#"{"error":{"code":400,"message":"the request exceeds the context","type":"exceed_context_size_error"}}"#;
    let error = chat(&format!("HTTP/1.1 400 Bad Request\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
        .unwrap_err();
    assert_eq!(
        error,
        ServerError::Refused { status: 400, message: "the request exceeds the context".into() }
    );
    let middle = LLAMA_CHAT
        .find("data: {\"choices\":[{\"finish_reason\":null,\"index\":0,\"delta\":{\"content\":\" glad\"")
        .unwrap();
    for field in ["data", "error"] {
        let failed = format!(
            "{STREAM}{}{field}: {{\"error\": {{\"message\": \"out of memory\"}}}}\n\n",
            &LLAMA_CHAT[..middle]
        );
        assert_eq!(
            chat(&failed).unwrap_err(),
            ServerError::Failed { chunks: 2, message: "out of memory".into() }
        );
    }
    let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<h1>";
    assert!(matches!(chat(page), Err(ServerError::Unreadable { .. })));
    assert!(matches!(chat(&format!("{STREAM}data: {{nonsense\n\n")), Err(ServerError::Unreadable { .. })));
}

#[test]
fn comments_pings_and_reasoning_are_understood() {
    let events = concat!(
        ": ping\n\nevent: message\ndata: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"yes\",\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\"\"}}]}}]}\r\n\r\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\":1}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\n",
        "data: [DONE]\n\n",
    );
    let reply = chat(&format!("{STREAM}{events}")).unwrap();
    assert_eq!((reply.reasoning.as_str(), reply.text.as_str()), ("hm", "yes"));
    assert_eq!(reply.tool_calls, [("f".to_owned(), "{\"a\":1}".to_owned())]);
    assert_eq!((reply.finish, reply.counted), (FinishReason::ToolCalls, Counted::Unknown));
}

#[test]
fn slow_chunks_arrive_one_by_one_and_a_silent_server_is_left() {
    let (go_on, wait) = mpsc::channel::<()>();
    let (server, _) = serve(move |socket| {
        let _gone = socket.write_all(STREAM.as_bytes());
        for event in LLAMA_COMPLETION.split_inclusive("\n\n") {
            let _gone = socket.write_all(event.as_bytes());
            // The next one is written only once this one was seen.
            if event.contains("\"finish_reason\":null") && wait.recv().is_err() {
                return;
            }
        }
    });
    let reply = server.chat(&question(), &mut |_| {
        go_on.send(()).expect("the server listens");
        Watch::GoOn
    });
    assert_eq!(reply.unwrap().chunks, 5);

    let (hold, held) = mpsc::channel::<()>();
    let (mut server, _) = serve(move |socket| {
        let _gone = socket.write_all(format!("{STREAM}{}", &LLAMA_COMPLETION[..400]).as_bytes());
        let _until_dropped = held.recv();
    });
    let waits = Waits { read: Duration::from_millis(50), ..Waits::default() };
    server = Server::new(server.url.clone(), "m", None, waits);
    let error = server.chat(&question(), &mut |_| Watch::GoOn).unwrap_err();
    assert!(matches!(error, ServerError::TimedOut { .. }), "{error}");
    drop(hold);
}

#[test]
fn the_caller_may_hang_up() {
    let (server, _) = serve(plays(&format!("{STREAM}{LLAMA_CHAT}")));
    let reply =
        server.chat(&question(), &mut |chunk| if chunk.index == 1 { Watch::Stop } else { Watch::GoOn });
    let reply = reply.unwrap();
    assert_eq!((reply.text.as_str(), reply.finish), ("I'm", FinishReason::HungUp));
}

#[test]
fn nobody_there_is_said_so() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Server::new(ServerUrl::loopback(free), "m", None, Waits::default());
    assert!(matches!(server.chat(&question(), &mut |_| Watch::GoOn), Err(ServerError::Unreachable { .. })));
}

#[test]
fn models_are_listed_and_pictures_travel_inside() {
    let list = r#"{"object":"list","data":[{"id":"a"},{"id":"b"}]}"#;
    let (server, _) =
        serve(plays(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{list}", list.len())));
    assert_eq!(server.models().unwrap(), ["a", "b"]);
    let mut request = question();
    request.messages[0].pictures = vec![Picture(vec![0xff, 0xd8, 0xff]), Picture(vec![0x89, b'P'])];
    request.thinking = Some(false);
    let body = request.to_json("m");
    assert_eq!(body["messages"][0]["content"][0]["image_url"]["url"], "data:image/jpeg;base64,/9j/");
    assert_eq!(body["messages"][0]["content"][1]["image_url"]["url"], "data:image/png;base64,iVA=");
    assert_eq!(body["messages"][0]["content"][2], json!({"type": "text", "text": "Say hi"}));
    assert_eq!(body["chat_template_kwargs"], json!({"enable_thinking": false}));
}
