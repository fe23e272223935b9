//! Hosts that come, go, come back, lie, and speak something else.
#![allow(clippy::unwrap_used, reason = "what tests share is a test")]

mod host;

use std::io::{Read, Write};

use dyno_protocol::codec::{MAX_FRAME_BYTES, read_message, read_preamble, write_message, write_preamble};
use dyno_protocol::{
    Answer, BuildProfile, FailureKind, FromAgent, Hello, JobId, Message, MessagePart, PROTOCOL_VERSION,
    Question, RenderRequest, Role, StoreAnswer, StoreQuestion, Thinking, ToAgent,
};
use host::{Host, SECRET, agent, ending, endless, generate, job, line, load, once, passes, prompt};

fn is_closed(mut line: impl Read) -> bool {
    matches!(line.read(&mut [0]), Ok(0) | Err(_))
}

#[test]
fn a_host_learns_which_device_and_which_build_it_speaks_to() {
    let state = tempfile::tempdir().unwrap();
    let agent = agent(state.path());
    let welcome = Host::over(line(&agent)).greet();
    let facts = welcome.facts;
    assert_eq!(facts.device_id.len(), 16);
    assert_eq!(facts.device_id, Host::over(line(&agent)).greet().facts.device_id);
    assert_eq!(facts.build.binary_sha256.value().map(String::len), Some(64));
    let built = if cfg!(debug_assertions) { BuildProfile::Debug } else { BuildProfile::Release };
    assert_eq!(facts.build.profile, built);
    assert!(facts.engines.iter().any(|engine| engine.name == "scripted"));
    assert!(facts.sensors.iter().all(|sensor| sensor.source.starts_with('/')));
    assert!(welcome.state.jobs.is_empty());
}

#[test]
fn without_the_secret_nothing_is_answered() {
    let state = tempfile::tempdir().unwrap();
    let agent = agent(state.path());
    let longer = format!("{SECRET} ");
    let wrong = ["", "a secret of sixteen lettert", "A secret of sixteen letters", &longer]
        .map(|secret| Question::Hello(Hello { secret: secret.to_owned(), host_version: String::new() }));
    for first in
        wrong.into_iter().chain([Question::Status, Question::Shutdown, Question::Submit(job("j", vec![]))])
    {
        let mut host = Host::over(line(&agent));
        let refusal = host.ask(first).unwrap_err();
        assert_eq!(refusal.kind, FailureKind::Unauthorised);
        assert!(is_closed(&host.line), "then silence");
    }
    assert!(Host::over(line(&agent)).greet().state.jobs.is_empty());
}

#[test]
fn a_host_of_another_version_learns_ours_and_is_left() {
    let state = tempfile::tempdir().unwrap();
    let agent = agent(state.path());
    let mut line = line(&agent);
    line.write_all(&[b"DYNO".as_slice(), &(PROTOCOL_VERSION + 1).to_le_bytes()].concat()).unwrap();
    read_preamble(&mut line).unwrap();
    assert!(is_closed(&line));
}

#[test]
fn a_host_that_breaks_the_protocol_loses_its_line_and_nobody_else_does() {
    let state = tempfile::tempdir().unwrap();
    let agent = agent(state.path());
    let mut good = Host::of(&agent);
    let giant = (MAX_FRAME_BYTES + 1).to_le_bytes().to_vec();
    let garbage = [3_u32.to_le_bytes().as_slice(), b"{]}"].concat();
    let cut = [100_u32.to_le_bytes().as_slice(), b"{\"id\":"].concat();
    for bytes in [giant, garbage, cut] {
        let bad = Host::of(&agent);
        (&bad.line).write_all(&bytes).unwrap();
        bad.line.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(is_closed(&bad.line));
        assert!(matches!(good.ask(Question::Status), Ok(Answer::Status(_))));
    }
    let mut not_dyno = line(&agent);
    not_dyno.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    read_preamble(&mut not_dyno).unwrap();
    assert!(is_closed(&not_dyno));
}

#[test]
fn a_job_outlives_its_host_and_is_collected_from_where_it_was_left() {
    let state = tempfile::tempdir().unwrap();
    let agent = agent(state.path());
    let mut first = Host::of(&agent);
    let steps = vec![load(&[7], None), once(generate(prompt(), 40)), once(generate(prompt(), 40))];
    assert_eq!(first.ask(Question::Submit(job("long", steps))).unwrap(), Answer::Accepted);
    first.send(Question::Follow { job: JobId("long".into()), from_record: 0 });
    let mut seen = Vec::new();
    while seen.len() < 2 {
        if let FromAgent::Record { record, .. } = first.hear() {
            seen.push(record);
        }
    }
    drop(first);
    let mut second = Host::of(&agent);
    let rest = second.follow("long", seen.len() as u64);
    seen.extend(rest);
    let whole = second.follow("long", 0);
    assert_eq!(seen, whole, "exactly what was missing came");
    assert_eq!(ending(&whole), None);
    assert_eq!(passes(&whole).len(), 2);
    assert!(second.follow("long", whole.len() as u64).is_empty());
}

#[test]
fn two_hosts_share_one_device_one_job_at_a_time() {
    let state = tempfile::tempdir().unwrap();
    let agent = agent(state.path());
    let (mut one, mut other) = (Host::of(&agent), Host::of(&agent));
    one.ask(Question::Submit(job("first", vec![load(&[7], None), endless()]))).unwrap();
    let busy = other.ask(Question::Submit(job("second", vec![load(&[7], None)]))).unwrap_err();
    assert_eq!(busy.kind, FailureKind::Busy);
    assert!(busy.what.contains("first"), "{busy}");
    let Ok(Answer::Status(state)) = other.ask(Question::Status) else { panic!("no state") };
    assert!(state.jobs.iter().any(|status| status.job.0 == "first" && status.running));
    assert_eq!(
        other.ask(Question::Forget { job: JobId("first".into()) }).unwrap_err().kind,
        FailureKind::UnknownJob
    );
    assert_eq!(other.ask(Question::Cancel { job: JobId("first".into()) }).unwrap(), Answer::Cancelled);
    assert_eq!(ending(&one.follow("first", 0)), Some(FailureKind::Cancelled));
    // The bench is free the moment that a job's last record is out.
    for round in 0..20 {
        let id = format!("after {round}");
        assert_eq!(ending(&other.run(job(&id, vec![load(&[7], None)]))), None);
        assert_eq!(other.ask(Question::Forget { job: JobId(id) }).unwrap(), Answer::Forgotten);
    }
}

#[test]
fn a_job_s_name_is_used_once_while_its_journal_is_kept() {
    let state = tempfile::tempdir().unwrap();
    let agent = agent(state.path());
    let mut host = Host::of(&agent);
    let name = "../../etc/passwd \u{0} name";
    host.run(job(name, vec![]));
    let again = host.ask(Question::Submit(job(name, vec![]))).unwrap_err();
    assert_eq!(again.kind, FailureKind::Refused);
    assert_eq!(host.ask(Question::Forget { job: JobId(name.into()) }).unwrap(), Answer::Forgotten);
    host.run(job(name, vec![]));
    let unknown = host.ask(Question::Follow { job: JobId("nobody's".into()), from_record: 0 }).unwrap_err();
    assert_eq!(unknown.kind, FailureKind::UnknownJob);
    assert_eq!(
        host.ask(Question::Cancel { job: JobId(name.into()) }).unwrap_err().kind,
        FailureKind::UnknownJob
    );
}

fn request(text: &str) -> RenderRequest {
    let parts = vec![MessagePart::Text { text: text.into() }];
    RenderRequest {
        messages: Some(vec![Message { role: Role::User, parts }]),
        raw_text: None,
        append_text: Some(" and".into()),
        thinking: Thinking::Default,
        tools_json: Vec::new(),
        images: Vec::new(),
    }
}

#[test]
fn words_become_a_prompt_once_a_model_is_loaded_and_that_prompt_runs() {
    let state = tempfile::tempdir().unwrap();
    let agent = agent(state.path());
    let mut host = Host::of(&agent);
    assert_eq!(host.ask(Question::Render(request("hi"))).unwrap_err().kind, FailureKind::Refused);
    host.run(job("load", vec![load(&[65, 66], None)]));
    let Ok(Answer::Rendered(rendered)) = host.ask(Question::Render(request("hi"))) else {
        panic!("no prompt")
    };
    assert!(rendered.prompt.is_whole());
    assert!(rendered.prompt.text.as_ref().is_some_and(|text| text.ends_with(" and")));
    let records = host.run(job("run", vec![once(generate(rendered.prompt.clone(), 4))]));
    let passes = passes(&records);
    assert_eq!(passes[0].token_ids, [65, 66, 65, 66]);
    assert_eq!(passes[0].text.as_deref(), Some("ABAB"));
    assert_eq!(passes[0].prompt_sha256, rendered.prompt.sha256);
    host.ask(Question::Submit(job("long", vec![endless()]))).unwrap();
    assert_eq!(host.ask(Question::Render(request("hi"))).unwrap_err().kind, FailureKind::Busy);
}

#[test]
fn a_model_arrives_in_the_store_over_the_line() {
    use sha2::{Digest, Sha256};
    let state = tempfile::tempdir().unwrap();
    let agent = agent(state.path());
    let mut host = Host::of(&agent);
    let content = vec![3_u8; 100_000];
    let sha256 = dyno_protocol::codec::hex(&Sha256::digest(&content));
    let mut at = 0;
    for piece in content.chunks(30_000) {
        let put = StoreQuestion::Put {
            sha256: sha256.clone(),
            total_bytes: 100_000,
            offset: at,
            piece: piece.into(),
        };
        let answer = host.ask(Question::Store(put)).unwrap();
        at += piece.len() as u64;
        let Answer::Store(StoreAnswer::Have { bytes, complete, free_bytes }) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!((bytes, complete), (at, at == 100_000));
        assert!(free_bytes.is_some());
    }
    let files = vec![("model.gguf".to_owned(), sha256)];
    let answer = host.ask(Question::Store(StoreQuestion::Assemble { files })).unwrap();
    let Answer::Store(StoreAnswer::Assembled { model_sha256 }) = answer else { panic!("{answer:?}") };
    let list = host.ask(Question::Store(StoreQuestion::List)).unwrap();
    assert_eq!(list, Answer::Store(StoreAnswer::Models { models: vec![model_sha256] }));
    let bad = StoreQuestion::Have { sha256: "../../etc/passwd".into() };
    assert_eq!(host.ask(Question::Store(bad)).unwrap_err().kind, FailureKind::Refused);
}

#[test]
fn shutting_down_ends_the_job_in_its_journal_first() {
    let state = tempfile::tempdir().unwrap();
    let agent = agent(state.path());
    let mut host = Host::of(&agent);
    host.ask(Question::Submit(job("long", vec![load(&[7], None), endless()]))).unwrap();
    assert_eq!(host.ask(Question::Shutdown).unwrap(), Answer::Bye);
    assert!(is_closed(&host.line));
    assert_eq!(ending(&Host::of(&agent).follow("long", 0)), Some(FailureKind::Cancelled));
}

#[test]
fn questions_are_answered_while_a_job_is_followed() {
    let state = tempfile::tempdir().unwrap();
    let agent = agent(state.path());
    let mut raw = line(&agent);
    write_preamble(&mut raw).unwrap();
    read_preamble(&mut raw).unwrap();
    let send = |id: u64, question: Question| write_message(&mut &raw, &ToAgent { id, question }).unwrap();
    send(1, Question::Hello(Hello { secret: SECRET.into(), host_version: String::new() }));
    send(2, Question::Submit(job("long", vec![load(&[7], None), endless()])));
    send(3, Question::Follow { job: JobId("long".into()), from_record: 0 });
    send(4, Question::Conditions);
    send(5, Question::Cancel { job: JobId("long".into()) });
    let mut answered = Vec::new();
    while !answered.contains(&3) {
        if let FromAgent::Reply { id, answer } = read_message(&mut &raw).unwrap() {
            assert!(answer.is_ok(), "{answer:?}");
            answered.push(id);
        }
    }
    answered.sort_unstable();
    assert_eq!(answered, [1, 2, 3, 4, 5]);
}
