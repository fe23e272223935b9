//! Everything that can be sent comes back as it was, whatever it holds; what cannot is refused before it is sent.

use proptest::prelude::*;

use crate::codec::{CodecError, MAX_DEPTH, read_message, write_message};
use crate::{
    Answer, ComputeUnit, Conditions, FromAgent, Gap, JobId, Known, Reading, Record, RecordBody, RepeatRule,
    Sampling, ScoredContinuation, SensorSample, ToAgent, UnitEvidence, WarmUpRule,
};

fn there_and_back<T: serde::Serialize + serde::de::DeserializeOwned>(message: &T) -> T {
    let mut frame = Vec::new();
    write_message(&mut frame, message).expect("a message can be written");
    let mut rest = frame.as_slice();
    let back = read_message(&mut rest).expect("a written message can be read");
    assert!(rest.is_empty(), "a frame is read to its end and no further");
    back
}

fn depth(message: &impl serde::Serialize) -> u32 {
    let value = serde_json::to_value(message).expect("a message is JSON");
    levels(&value)
}

fn levels(value: &serde_json::Value) -> u32 {
    match value {
        serde_json::Value::Array(values) => 1 + values.iter().map(levels).max().unwrap_or(0),
        serde_json::Value::Object(fields) => 1 + fields.values().map(levels).max().unwrap_or(0),
        _ => 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_a_host_asks_comes_back(message: ToAgent) {
        prop_assert_eq!(&there_and_back(&message), &message);
        prop_assert!(depth(&message) <= MAX_DEPTH / 2);
    }

    #[test]
    fn whatever_an_agent_says_comes_back(message: FromAgent) {
        prop_assert_eq!(&there_and_back(&message), &message);
        prop_assert!(depth(&message) <= MAX_DEPTH / 2);
    }

    #[test]
    fn a_record_is_one_line(record: Record) {
        let line = serde_json::to_string(&record).expect("a record is JSON");
        prop_assert!(!line.contains('\n'));
        prop_assert_eq!(serde_json::from_str::<Record>(&line).expect("and back"), record);
    }

    #[test]
    fn any_log_probability_keeps_every_bit(token_log_probs: Vec<f32>) {
        let scored = ScoredContinuation { greedy: vec![false; token_log_probs.len()], token_log_probs };
        let back = there_and_back(&scored);
        let bits = |scored: &ScoredContinuation| scored.token_log_probs.iter().map(|p| p.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&back), bits(&scored));
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes: Vec<u8>) {
        let _ = read_message::<ToAgent>(&mut bytes.as_slice());
        let _ = read_message::<FromAgent>(&mut bytes.as_slice());
    }
}

fn assert_refused(message: &impl serde::Serialize) {
    let mut sent = Vec::new();
    assert!(matches!(write_message(&mut sent, message), Err(CodecError::Malformed(_))));
    assert!(sent.is_empty(), "nothing of a refused message is sent");
}

#[test]
fn a_number_that_is_none_is_refused_wherever_it_could_stand() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let narrow = bad as f32;
        assert_refused(&Reading { sensor: 0, value: bad });
        assert_refused(&WarmUpRule { agree_within: bad, ..WarmUpRule::NONE });
        assert_refused(&RepeatRule { half_width: bad, ..RepeatRule::ONCE });
        assert_refused(&ScoredContinuation {
            token_log_probs: vec![-1.0, narrow],
            greedy: vec![true, false],
        });
        assert_refused(&Sampling { temperature: narrow, ..Sampling::GREEDY });
        assert_refused(&Sampling { top_p: narrow, ..Sampling::GREEDY });
        assert_refused(&Sampling { min_p: narrow, ..Sampling::GREEDY });
        assert_refused(&Sampling { presence_penalty: narrow, ..Sampling::GREEDY });
        assert_refused(&Sampling { repetition_penalty: narrow, ..Sampling::GREEDY });
        assert_refused(&Conditions { battery_percent: Known::Is(bad), ..nothing_known() });
        assert_refused(&Conditions { other_load: Known::Is(bad), ..nothing_known() });
        assert_refused(&UnitEvidence {
            path: String::new(),
            operations: Known::Is(vec![(ComputeUnit::Cpu, 1)]),
            dispatches_per_token: Known::Is(bad),
            notes: Vec::new(),
        });
        // Deep inside a message as well as by itself.
        let samples = vec![SensorSample { at_ns: 1, readings: vec![Reading { sensor: 0, value: bad }] }];
        let record = Record { record: 0, at_ns: 1, body: RecordBody::Sensors { samples } };
        assert_refused(&FromAgent::Record { job: JobId("j".into()), record });
    }
}

#[test]
fn unknown_is_a_reason_and_never_a_zero() {
    let known: Known<u64> = Known::Is(0);
    let unknown: Known<u64> = Known::unknown("no counter");
    assert_eq!(serde_json::to_string(&known).unwrap(), "0");
    assert_eq!(serde_json::to_string(&unknown).unwrap(), r#"{"unknown":"no counter"}"#);
    assert_eq!(serde_json::from_str::<Known<u64>>(r#"{"unknown":"why"}"#).unwrap(), Known::unknown("why"));
    // A sentence is a name where a name is expected, and a gap only where it says that it is one.
    assert_eq!(
        serde_json::from_str::<Known<String>>(r#""unknown""#).unwrap(),
        Known::Is("unknown".to_owned())
    );
    assert_eq!(Known::<u8>::Unknown(Gap { unknown: "why".into() }).value(), None);
    assert!(serde_json::from_str::<Known<u64>>("null").is_err());
}

#[test]
fn a_field_or_a_variant_that_is_not_known_is_refused() {
    let unknown = [
        r#"{"id":1,"question":{"ask":"status"},"extra":0}"#,
        r#"{"id":1,"question":{"ask":"reboot"}}"#,
        r#"{"id":1,"question":{"ask":"hello","with":{"secret":"s","host_version":"1","more":1}}}"#,
        r#"{"id":1,"question":{"ask":"store","with":{"store":"have","sha256":"0","path":"/etc/passwd"}}}"#,
    ];
    for text in unknown {
        assert!(serde_json::from_str::<ToAgent>(text).is_err(), "{text}");
    }
    assert!(serde_json::from_str::<Answer>(r#"{"answer":"accepted","with":{"a":1}}"#).is_err());
}

fn nothing_known() -> Conditions {
    let why = "a test";
    Conditions {
        at_ns: 0,
        power: Known::unknown(why),
        battery_percent: Known::unknown(why),
        low_power_mode: Known::unknown(why),
        thermal: Known::unknown(why),
        foreground: Known::unknown(why),
        unlocked_for_ns: Known::unknown(why),
        free_memory_bytes: Known::unknown(why),
        other_load: Known::unknown(why),
    }
}
