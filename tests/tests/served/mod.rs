//! A server of a few lines on loopback, in the manner of `llama-server`: it says the same to every question.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

pub(crate) struct Double {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Double {
    /// Serves until the test's process ends.
    pub(crate) fn start(says: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for line in listener.incoming().flatten() {
                answer(line, says, &kept);
            }
        });
        Self { url, asked }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Paths with the bodies that came to them.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(mut line: TcpStream, says: &str, asked: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(line.try_clone().unwrap());
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut field = String::new();
        reader.read_line(&mut field).unwrap();
        if let Some(bytes) = field.to_lowercase().strip_prefix("content-length:") {
            length = bytes.trim().parse().unwrap();
        }
        if field.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    asked.lock().unwrap().push(format!("{path} {}", String::from_utf8_lossy(&body)));
    let (kind, text) = if path.ends_with("/models") {
        ("application/json", r#"{"object":"list","data":[{"id":"some-model","object":"model"}]}"#.to_owned())
    } else {
        ("text/event-stream", events(says, path.ends_with("/chat/completions")))
    };
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n", text.len());
    let _gone = line.write_all(format!("{head}connection: close\r\n\r\n{text}").as_bytes());
}

/// Word by word, as servers do.
fn events(says: &str, is_chat: bool) -> String {
    let mut events = String::new();
    for word in says.split_inclusive(' ') {
        let choice = if is_chat {
            format!(r#"{{"index":0,"delta":{{"content":"{word}"}},"finish_reason":null}}"#)
        } else {
            format!(r#"{{"index":0,"text":"{word}","finish_reason":null}}"#)
        };
        events.push_str(&format!("data: {{\"choices\":[{choice}]}}\n\n"));
    }
    let end = if is_chat { r#""delta":{}"# } else { r#""text":"""# };
    events.push_str(&format!("data: {{\"choices\":[{{\"index\":0,{end},\"finish_reason\":\"stop\"}}]}}\n\n"));
    events + "data: [DONE]\n\n"
}
