//! The cache of answers: what it keeps, what it refuses to give, and under which key.

use dyno_protocol::{
    BuildFacts, BuildProfile, DeviceKind, EngineFacts, Known, LoadRegime, Memory, UnitEvidence,
};
use dyno_reports::bundle::Asked as AskedItem;
use dyno_scoring::{Question, Response};
use dyno_suites::task::Expected;

use super::*;

fn unknown<T>() -> Known<T> {
    Known::unknown("a test")
}

fn loaded() -> Loaded {
    Loaded {
        begin_ns: 0,
        end_ns: 1,
        spans: Vec::new(),
        regime: LoadRegime::Cold,
        model_sha256: "a".repeat(64),
        engine: "dyno".to_owned(),
        unit: ComputeUnit::Cpu,
        format: "bf16".to_owned(),
        parameters: 1,
        weight_bytes: 1,
        vocabulary: 1,
        context_limit: 1,
        vision: false,
        cost: unknown(),
        evidence: UnitEvidence {
            path: "cpu".to_owned(),
            operations: unknown(),
            dispatches_per_token: unknown(),
            notes: Vec::new(),
        },
        memory: Memory {
            footprint_bytes: unknown(),
            peak_footprint_bytes: unknown(),
            resident_bytes: unknown(),
            peak_resident_bytes: unknown(),
        },
    }
}

fn device() -> DeviceFacts {
    DeviceFacts {
        device_id: "d".to_owned(),
        name: "d".to_owned(),
        kind: DeviceKind::Linux,
        model_identifier: unknown(),
        marketing_name: unknown(),
        chip: unknown(),
        logical_cores: 1,
        memory_bytes: unknown(),
        os_name: "x".to_owned(),
        os_version: unknown(),
        os_build: unknown(),
        build: BuildFacts {
            version: "1".to_owned(),
            binary_sha256: Known::Is("b".to_owned()),
            profile: BuildProfile::Release,
            target: "t".to_owned(),
        },
        engines: vec![EngineFacts {
            name: "dyno".to_owned(),
            version: "1".to_owned(),
            units: vec![ComputeUnit::Cpu],
        }],
        sensors: Vec::new(),
    }
}

fn key(change: impl FnOnce(&mut Loaded, &mut DeviceFacts, &mut String, &mut String)) -> String {
    let (mut loaded, mut device) = (loaded(), device());
    let (mut prompt, mut settings) = ("p".to_owned(), "s".to_owned());
    change(&mut loaded, &mut device, &mut prompt, &mut settings);
    Asked { loaded: &loaded, device: &device, prompt_sha256: &prompt, settings: &settings }.key()
}

#[test]
fn everything_that_an_answer_depends_on_is_in_its_key() {
    let keys = [
        key(|_, _, _, _| {}),
        key(|loaded, _, _, _| loaded.model_sha256 = "c".repeat(64)),
        key(|loaded, _, _, _| loaded.engine = "other".to_owned()),
        key(|loaded, _, _, _| loaded.unit = ComputeUnit::Gpu),
        key(|loaded, _, _, _| loaded.format = "affine-4bit-g64".to_owned()),
        key(|loaded, _, _, _| loaded.evidence.path = "cpu avx512".to_owned()),
        key(|_, device, _, _| device.engines[0].version = "2".to_owned()),
        key(|_, device, _, _| device.build.binary_sha256 = Known::Is("c".to_owned())),
        key(|_, _, prompt, _| prompt.push('p')),
        key(|_, _, _, settings| settings.push('s')),
        // What ends one part cannot begin the next.
        key(|_, _, prompt, settings| {
            prompt.push('s');
            settings.clear();
        }),
    ];
    let different: std::collections::BTreeSet<&String> = keys.iter().collect();
    assert_eq!(different.len(), keys.len());
    assert_eq!(key(|_, _, _, _| {}), keys[0]);
}

fn answer(model_sha256: &str, text: &str) -> ItemAnswer {
    ItemAnswer {
        item: "i".to_owned(),
        cluster: None,
        answer: Some(text.to_owned()),
        right: true,
        truncated: false,
        looped: false,
        tokens: 1,
        asked: Some(Box::new(AskedItem {
            task: "t".to_owned(),
            task_version: 1,
            question: Question {
                options: Vec::new(),
                answer: Expected::text("x"),
                fields: serde_json::Map::new(),
            },
            response: Response::Words { text: text.to_owned(), in_reasoning: false, stop: Vec::new() },
            chance: None,
            prompt: None,
            prompt_sha256: "p".to_owned(),
            template: "none".to_owned(),
            model_sha256: model_sha256.to_owned(),
            token_ids: vec![1],
            took_ns: Some(1),
            cached: false,
        })),
    }
}

#[test]
fn one_model_s_answers_are_never_another_s_even_under_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut cache = AnswerCache::in_folder(folder.path().to_owned());
    cache.keep("k", &answer("one", "of one")).unwrap();
    cache.keep("k", &answer("two", "of two")).unwrap();
    // A line in the wrong file is no answer of that file's model.
    let mut line = serde_json::to_vec(&Line { key: "l".to_owned(), answer: answer("two", "stray") }).unwrap();
    line.extend(b"\n{\"key\": \"cut");
    let path = folder.path().join("one.jsonl");
    OpenOptions::new().append(true).open(path).unwrap().write_all(&line).unwrap();
    let mut cache = AnswerCache::in_folder(folder.path().to_owned());
    for model in ["one", "two", "three"] {
        cache.open(model);
    }
    let found = |model: &str, key: &str| cache.find(model, key).and_then(|found| found.answer.clone());
    assert_eq!(found("one", "k").as_deref(), Some("of one"));
    assert_eq!(found("two", "k").as_deref(), Some("of two"));
    assert_eq!((found("three", "k"), found("one", "l")), (None, None));
}

#[test]
fn a_server_s_answers_are_not_kept() {
    let server = Loaded { unit: ComputeUnit::Remote, ..loaded() };
    assert!(may_keep(&loaded()) && !may_keep(&server));
}
