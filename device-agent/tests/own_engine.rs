//! Our own engine through the whole agent, on a checkpoint that was really trained: its words, its ids as another
//! implementation computed them, and every way of generating that must not change them.
#![allow(clippy::unwrap_used, reason = "what tests share is a test")]

mod host;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dyno_agent::Agent;
use dyno_protocol::{
    Answer, ComputeUnit, FailureKind, Finish, GenerationPass, ImageData, Known, LoadSpec, Message,
    MessagePart, ModelSource, Prompt, Question, RecordBody, RenderRequest, RepeatRule, Role, Sampling, Step,
    StopRule, Thinking, WarmUpRule, Workload,
};
use host::{Host, agent, ending, job, passes};
use serde_json::Value;

fn checkpoint() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../suites/embedded/tiny-1m")
}

fn load() -> LoadSpec {
    LoadSpec {
        engine: "dyno".into(),
        unit: ComputeUnit::Cpu,
        source: ModelSource::Path { path: checkpoint().to_string_lossy().into_owned() },
        expect_sha256: None,
        threads: Some(1),
        vision: false,
        draft_head: false,
        memory_limit_bytes: None,
    }
}

fn loading(load: LoadSpec) -> Step {
    Step::Load { load, keep: false }
}

struct Case {
    name: String,
    request: RenderRequest,
    rendered: String,
    ids: Vec<u32>,
    expected_ids: Vec<u32>,
    /// Recordings stop at a length; most answers end before it.
    finish: Finish,
}

/// The recorded cases without pictures.
fn cases() -> Vec<Case> {
    recorded().into_iter().filter(|case| case.request.images.is_empty()).collect()
}

fn picture(described: &Value) -> ImageData {
    let file = checkpoint().join(described["file"].as_str().unwrap());
    let decoded = image::open(file).unwrap().into_rgb8();
    ImageData { width: decoded.width(), height: decoded.height(), rgb: decoded.into_raw() }
}

fn recorded() -> Vec<Case> {
    let text = std::fs::read_to_string(checkpoint().join("expected.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let ids =
        |value: &Value| value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect();
    let words = |value: &Value| value.as_str().unwrap().to_owned();
    let case = |case: &Value| {
        let images: Vec<ImageData> =
            case["picture"].is_object().then(|| picture(&case["picture"])).into_iter().collect();
        let mut parts: Vec<MessagePart> = images.iter().map(|_| MessagePart::Image).collect();
        parts.push(MessagePart::Text { text: words(&case["user"]) });
        Case {
            name: words(&case["name"]),
            request: RenderRequest {
                messages: Some(vec![Message { role: Role::User, parts }]),
                raw_text: None,
                append_text: None,
                thinking: if case["thinking"] == true { Thinking::On } else { Thinking::Off },
                tools_json: Vec::new(),
                images,
            },
            rendered: words(&case["rendered"]),
            ids: ids(&case["ids"]),
            expected_ids: ids(&case["expected_ids"]),
            finish: if words(&case["expected_text"]).ends_with("<|im_end|>") {
                Finish::End
            } else {
                Finish::Length
            },
        }
    };
    json["cases"].as_array().unwrap().iter().map(case).collect()
}

fn generate(prompt: &Prompt, max_tokens: usize, reuse_prefix: u32, speculate: bool) -> Step {
    let stop = StopRule {
        max_tokens: max_tokens as u32,
        ignore_end: false,
        stop_on_loop: true,
        thinking_budget: None,
    };
    let workload = Workload::Generate {
        prompt: prompt.clone(),
        sampling: Sampling::GREEDY,
        stop,
        reuse_prefix,
        allocate_context: Some(256),
        speculate,
    };
    let repeat = RepeatRule { min_passes: 2, max_passes: 2, ..RepeatRule::ONCE };
    Step::Run { workload, warm_up: WarmUpRule::NONE, repeat }
}

fn rendered(host: &mut Host, case: &Case) -> Prompt {
    match host.ask(Question::Render(case.request.clone())) {
        Ok(Answer::Rendered(rendered)) => rendered.prompt,
        other => panic!("{}: {other:?}", case.name),
    }
}

fn begin(state: &Path, load: LoadSpec) -> (Arc<Agent>, Host) {
    let agent = agent(state);
    let mut host = Host::of(&agent);
    let records = host.run(job("load", vec![loading(load)]));
    assert_eq!(ending(&records), None, "{records:?}");
    (agent, host)
}

fn assert_stamped(pass: &GenerationPass) {
    assert_eq!(pass.token_ids.len(), pass.token_at_ns.len());
    let read: u32 = pass.prefill.iter().map(|chunk| chunk.tokens).sum();
    assert_eq!(read + pass.reused_tokens, pass.prompt_tokens);
    assert!(pass.token_at_ns.is_sorted());
    assert!(pass.prefill.last().unwrap().end_ns <= pass.token_at_ns[0]);
}

#[test]
fn what_was_recorded_elsewhere_comes_out_here() {
    let state = tempfile::tempdir().unwrap();
    let (_agent, mut host) = begin(state.path(), load());
    let cases = cases();
    assert!(cases.len() >= 2);
    for case in &cases {
        let prompt = rendered(&mut host, case);
        assert_eq!(prompt.text.as_deref(), Some(case.rendered.as_str()), "{}", case.name);
        assert_eq!(prompt.ids, case.ids, "{}", case.name);
        let most = case.expected_ids.len();
        let reuse = case.ids.len() as u32 / 2;
        let steps = vec![generate(&prompt, most, 0, false), generate(&prompt, most, reuse, false)];
        let records = host.run(job(&case.name, steps));
        assert_eq!(ending(&records), None, "{}", case.name);
        let passes = passes(&records);
        for pass in &passes {
            assert_eq!(pass.token_ids, case.expected_ids, "{}", case.name);
            assert_eq!(pass.finish, case.finish, "{}", case.name);
            assert_stamped(pass);
        }
        let reused: Vec<_> = passes.iter().map(|pass| pass.reused_tokens).collect();
        assert_eq!(reused, [0, 0, 0, reuse], "a snapshot serves from the second pass on");
    }
}

#[test]
fn drafting_changes_nothing_but_says_what_it_did() {
    let state = tempfile::tempdir().unwrap();
    let (_agent, mut host) = begin(state.path(), LoadSpec { draft_head: true, ..load() });
    for case in cases() {
        let prompt = rendered(&mut host, &case);
        let records = host.run(job(&case.name, vec![generate(&prompt, case.expected_ids.len(), 0, true)]));
        assert_eq!(ending(&records), None, "{}", case.name);
        for pass in passes(&records) {
            assert_eq!(pass.token_ids, case.expected_ids, "{}", case.name);
            let figures = pass.speculation.unwrap();
            assert!(figures.accepted <= figures.drafted && figures.drafted > 0);
        }
    }
}

#[test]
fn pictures_are_seen_and_their_tower_is_stamped_by_itself() {
    let state = tempfile::tempdir().unwrap();
    let (_agent, mut host) = begin(state.path(), LoadSpec { vision: true, ..load() });
    let cases: Vec<_> = recorded().into_iter().filter(|case| !case.request.images.is_empty()).collect();
    assert!(!cases.is_empty());
    for case in &cases {
        let prompt = rendered(&mut host, case);
        assert_eq!(prompt.ids, case.ids, "{}", case.name);
        let records = host.run(job(&case.name, vec![generate(&prompt, case.expected_ids.len(), 0, false)]));
        assert_eq!(ending(&records), None, "{}", case.name);
        for pass in passes(&records) {
            assert_eq!(pass.token_ids, case.expected_ids, "{}", case.name);
            let vision = pass.vision.unwrap();
            assert!(vision.tokens > 0 && vision.begin_ns >= pass.begin_ns);
            assert!(vision.end_ns <= pass.prefill[0].begin_ns);
            assert_stamped(pass);
        }
    }
}

/// The tower's arithmetic is held to its reference elsewhere; here it is the way of frames and times to it.
#[test]
fn a_video_s_frames_are_seen_with_their_times() {
    let state = tempfile::tempdir().unwrap();
    let (_agent, mut host) = begin(state.path(), LoadSpec { vision: true, ..load() });
    let recorded: Vec<_> = recorded().into_iter().filter(|case| !case.request.images.is_empty()).collect();
    let image = recorded[0].request.images[0].clone();
    let video = |at_ms: &[u64]| {
        let question = MessagePart::Text { text: "what?".into() };
        let parts = vec![MessagePart::Image, MessagePart::Video { at_ms: at_ms.to_vec() }, question];
        let messages = Some(vec![Message { role: Role::User, parts }]);
        let images = vec![image.clone(); 1 + at_ms.len()];
        RenderRequest { messages, images, ..recorded[0].request.clone() }
    };
    // Two frames are one temporal patch; an odd last one is one by itself.
    let prompt = match host.ask(Question::Render(video(&[0, 500, 1000]))) {
        Ok(Answer::Rendered(rendered)) => rendered.prompt,
        other => panic!("{other:?}"),
    };
    let text = prompt.text.as_deref().unwrap();
    assert!(text.contains("<0.2 seconds><|vision_start|><|video_pad|>"), "{text}");
    assert!(text.contains("<1.0 seconds><|vision_start|><|video_pad|>"), "{text}");
    assert!(prompt.is_whole() && prompt.videos.len() == 1 && prompt.images.len() == 4);
    let records = host.run(job("video", vec![generate(&prompt, 4, 0, false)]));
    assert_eq!(ending(&records), None);
    let pads = text.matches("<|image_pad|>").count() + text.matches("<|video_pad|>").count();
    assert_eq!(passes(&records)[0].vision.unwrap().tokens as usize, pads);
    // More times than pictures.
    let short = RenderRequest { images: vec![image.clone(); 2], ..video(&[0, 500, 1000]) };
    assert!(host.ask(Question::Render(short)).is_err());
}

#[test]
fn what_was_loaded_is_named_and_what_is_not_it_is_refused() {
    let state = tempfile::tempdir().unwrap();
    let agent = agent(state.path());
    let mut host = Host::of(&agent);
    let records = host.run(job("load", vec![loading(load())]));
    let loaded = records.iter().find_map(|record| match &record.body {
        RecordBody::Loaded(loaded) => Some(loaded),
        _ => None,
    });
    let loaded = loaded.unwrap();
    assert_eq!(loaded.model_sha256.len(), 64);
    assert!(loaded.parameters > 100_000 && loaded.weight_bytes > 100_000);
    assert!(
        matches!(&loaded.cost, Known::Is(cost) if cost.read_bytes > 0 && cost.flops > cost.read_bytes / 8)
    );
    assert!(loaded.begin_ns < loaded.end_ns);
    assert!(loaded.spans.iter().all(|span| span.begin_ns <= span.end_ns && span.end_ns <= loaded.end_ns));
    let same = LoadSpec { expect_sha256: Some(loaded.model_sha256.clone()), ..load() };
    assert_eq!(ending(&host.run(job("same", vec![loading(same)]))), None);
    let refused = [
        (LoadSpec { expect_sha256: Some("0".repeat(64)), ..load() }, FailureKind::Model),
        (LoadSpec { memory_limit_bytes: Some(1000), ..load() }, FailureKind::Memory),
        (LoadSpec { unit: ComputeUnit::NeuralEngine, ..load() }, FailureKind::Refused),
        (LoadSpec { source: ModelSource::Path { path: "/nowhere".into() }, ..load() }, FailureKind::Model),
        (
            LoadSpec { source: ModelSource::Stored { model_sha256: "0".repeat(64) }, ..load() },
            FailureKind::Model,
        ),
    ];
    for (at, (load, kind)) in refused.into_iter().enumerate() {
        assert_eq!(ending(&host.run(job(&at.to_string(), vec![loading(load)]))), Some(kind), "case {at}");
    }
}

#[test]
fn likely_continuations_score_higher_than_unlikely_ones() {
    let state = tempfile::tempdir().unwrap();
    let (_agent, mut host) = begin(state.path(), load());
    let case = &cases()[0];
    let prefix = rendered(&mut host, case);
    let right = case.expected_ids.clone();
    let wrong = right.iter().rev().copied().collect();
    let workload = Workload::Score { prefix, continuations: vec![right.clone(), wrong] };
    let step = Step::Run { workload, warm_up: WarmUpRule::NONE, repeat: RepeatRule::ONCE };
    let records = host.run(job("score", vec![step]));
    let scored = records.iter().find_map(|record| match &record.body {
        RecordBody::Scoring(scored) => Some(&scored.continuations),
        _ => None,
    });
    let scored = scored.unwrap();
    assert_eq!(scored[0].greedy, vec![true; right.len()]);
    let sum = |at: usize| scored[at].token_log_probs.iter().sum::<f32>();
    assert!(sum(0) > sum(1));
    assert!(scored.iter().flat_map(|one| &one.token_log_probs).all(|p| p.is_finite() && *p <= 0.0));
}
