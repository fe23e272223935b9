//! Engines to compare with, through the whole agent: another family by candle-transformers, and a server.
#![allow(clippy::unwrap_used, reason = "what tests share is a test")]

mod host;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;

use candle_core::Device;
use dyno_comparators::Comparator;
use dyno_protocol::{
    ComputeUnit, FailureKind, Finish, ImageData, Known, LoadSpec, ModelSource, Prompt, Record, RecordBody,
    Step, Workload,
};
use dyno_qwen35::vision::{ImageSettings, Patches, Picture};
use host::{Host, agent, ending, generate, job, once, passes};
use serde_json::{Value, json};

fn load(engine: &str, unit: ComputeUnit, source: ModelSource) -> Step {
    let load = LoadSpec {
        engine: engine.into(),
        unit,
        source,
        expect_sha256: None,
        threads: Some(1),
        vision: false,
        draft_head: false,
        memory_limit_bytes: None,
    };
    Step::Load { load, keep: false }
}

fn run(steps: Vec<Step>) -> Vec<Record> {
    let state = tempfile::tempdir().unwrap();
    Host::of(&agent(state.path())).run(job("job", steps))
}

/// A tiny checkpoint of random weights with a tokenizer beside it.
fn tiny(family: &str) -> tempfile::TempDir {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("comparators/tests/data").join(family);
    let folder = tempfile::tempdir().unwrap();
    for file in ["config.json", "model.safetensors"] {
        std::fs::copy(data.join(file), folder.path().join(file)).unwrap();
    }
    let vocab: serde_json::Map<String, Value> =
        (0..96_u32).map(|at| (char::from_u32(0x100 + at).unwrap().to_string(), json!(at))).collect();
    let bytes =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": true});
    let tokenizer = json!({"version": "1.0", "added_tokens": [], "normalizer": null, "post_processor": null,
        "pre_tokenizer": bytes, "decoder": bytes, "model": {"type": "BPE", "vocab": vocab, "merges": []}});
    std::fs::write(folder.path().join("tokenizer.json"), tokenizer.to_string()).unwrap();
    folder
}

/// A llama, a prompt, and the logits that transformers computed for it.
fn llama() -> (tempfile::TempDir, Vec<u32>, Vec<Vec<f32>>) {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("comparators/tests/data/llama");
    let folder = tiny("llama");
    let reference: Value =
        serde_json::from_str(&std::fs::read_to_string(data.join("reference.json")).unwrap()).unwrap();
    let ids = serde_json::from_value(reference["ids"].clone()).unwrap();
    (folder, ids, serde_json::from_value(reference["logits"].clone()).unwrap())
}

#[test]
fn another_family_continues_and_scores_as_its_reference_says() {
    let (folder, ids, logits) = llama();
    let source = ModelSource::Path { path: folder.path().to_string_lossy().into_owned() };
    let prompt = Prompt::new(None, ids, Vec::new());
    let last = logits.last().unwrap();
    let best = (0..last.len()).max_by(|a, b| last[*a].total_cmp(&last[*b])).unwrap() as u32;
    let score = Workload::Score { prefix: prompt.clone(), continuations: vec![vec![best], vec![best, best]] };
    let steps = vec![load("candle", ComputeUnit::Cpu, source), once(generate(prompt, 5)), once(score)];
    let records = run(steps);
    assert_eq!(ending(&records), None, "{records:?}");
    let pass = passes(&records)[0];
    assert_eq!((pass.token_ids[0], pass.token_ids.len()), (best, 5));
    assert!(pass.evidence.path.contains("Llama"));
    let scored = records.iter().find_map(|record| match &record.body {
        RecordBody::Scoring(scored) => Some(&scored.continuations),
        _ => None,
    });
    assert!(scored.unwrap()[0].greedy[0]);
    assert!((scored.unwrap()[0].token_log_probs[0] - scored.unwrap()[1].token_log_probs[0]).abs() < 1e-5);
}

/// What the comparator itself computes is held to its reference in its own tests; here it is the way to it.
#[test]
fn a_family_that_sees_is_given_the_prompt_s_picture() {
    let folder = tiny("qwen3_vl");
    let settings = json!({"size": {"shortest_edge": 64, "longest_edge": 4096}});
    std::fs::write(folder.path().join("preprocessor_config.json"), settings.to_string()).unwrap();
    let rgb: Vec<u8> = (0..24 * 16 * 3).map(|at| (at * 7 % 251) as u8).collect();
    let image = ImageData { width: 24, height: 16, rgb: rgb.clone() };
    // A picture of two by three tokens between its marks.
    let ids = [&[3, 92][..], &[90; 6], &[93, 17]].concat();

    let mut model = Comparator::open(folder.path(), &Device::Cpu).unwrap();
    let picture = Picture::new(24, 16, rgb).unwrap();
    let patches =
        Patches::image(&picture, model.vision().unwrap(), &ImageSettings::parse(&settings).unwrap()).unwrap();
    let seen = model.see(&[patches]).unwrap();
    let row = model.feed_seen(&ids, &seen).unwrap();
    let best = (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap() as u32;

    let source = ModelSource::Path { path: folder.path().to_string_lossy().into_owned() };
    let prompt = Prompt::new(None, ids.clone(), vec![image.clone()]);
    let records =
        run(vec![load("candle", ComputeUnit::Cpu, source.clone()), once(generate(prompt.clone(), 3))]);
    assert_eq!(ending(&records), None, "{records:?}");
    assert_eq!((passes(&records)[0].token_ids[0], passes(&records)[0].token_ids.len()), (best, 3));

    // Too few places for it, and a family without eyes.
    let short = Prompt::new(None, ids[..6].to_vec(), vec![image]);
    let records = run(vec![load("candle", ComputeUnit::Cpu, source), once(generate(short, 3))]);
    assert!(ending(&records).is_some());
    let blind = tiny("llama");
    let source = ModelSource::Path { path: blind.path().to_string_lossy().into_owned() };
    let records = run(vec![load("candle", ComputeUnit::Cpu, source), once(generate(prompt, 3))]);
    assert_eq!(ending(&records), Some(FailureKind::Refused));
}

/// Answers one question for each of these bodies, in their order, and keeps what it was asked.
fn server(bodies: Vec<(&'static str, String)>) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let answer = |(kind, body): (&str, String)| {
            let (mut line, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(line.try_clone().unwrap());
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let begin = head.len();
                reader.read_line(&mut head).unwrap();
                let field = head[begin..].trim().to_lowercase();
                if let Some(bytes) = field.strip_prefix("content-length:") {
                    length = bytes.trim().parse().unwrap();
                }
                if field.is_empty() {
                    break;
                }
            }
            let mut asked = vec![0; length];
            reader.read_exact(&mut asked).unwrap();
            let length = body.len();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n");
            line.write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes()).unwrap();
            String::from_utf8(asked).unwrap()
        };
        bodies.into_iter().map(answer).collect()
    });
    (url, asked)
}

const MODELS: (&str, &str) = ("application/json", r#"{"data": [{"id": "a-model"}]}"#);

fn stream(events: &[Value]) -> (&'static str, String) {
    let lines: Vec<_> = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    ("text/event-stream", lines.concat() + "data: [DONE]\n\n")
}

fn ask(events: &[Value], prompt: Prompt) -> (Vec<Record>, Value) {
    let (url, asked) = server(vec![(MODELS.0, MODELS.1.to_owned()), stream(events)]);
    let source = ModelSource::Server { url, model: "a-model".into() };
    let records = run(vec![load("openai", ComputeUnit::Remote, source), once(generate(prompt, 8))]);
    let asked = asked.join().unwrap();
    (records, serde_json::from_str(&asked[1]).unwrap())
}

#[test]
fn a_server_s_chunks_are_tokens_only_where_it_proves_it() {
    let end = json!({"choices": [{"index": 0, "text": "", "finish_reason": "length"}]});
    let named = |text: &str, ids: &[u32]| json!({"choices": [{"index": 0, "text": text, "token_ids": ids}]});
    let prompt = Prompt::new(None, vec![5, 6, 7], Vec::new());
    let (records, asked) = ask(&[named("a", &[11]), named("b", &[12]), end.clone()], prompt.clone());
    assert_eq!(ending(&records), None, "{records:?}");
    assert_eq!(asked["prompt"], json!([5, 6, 7]));
    let pass = passes(&records)[0];
    assert_eq!((pass.token_ids.as_slice(), pass.stamps_are_tokens), ([11, 12].as_slice(), true));
    assert_eq!((pass.text.as_deref(), &pass.finish), (Some("ab"), &Finish::Length));

    let unnamed = |text: &str| json!({"choices": [{"index": 0, "text": text}]});
    let (records, _) = ask(&[unnamed("several words at once"), unnamed(" and more"), end], prompt);
    assert_eq!(ending(&records), None, "{records:?}");
    assert!(!passes(&records)[0].stamps_are_tokens, "nothing proves how many tokens these were");
    let loaded = records.iter().find_map(|record| match &record.body {
        RecordBody::Loaded(loaded) => Some(loaded),
        _ => None,
    });
    assert!(matches!(loaded.unwrap().cost, Known::Unknown(_)));
}

#[test]
fn a_server_that_is_not_there_is_said_not_to_be() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let source = ModelSource::Server { url: format!("http://{gone}"), model: String::new() };
    let records = run(vec![load("openai", ComputeUnit::Remote, source)]);
    assert_eq!(ending(&records), Some(FailureKind::Refused));
}
