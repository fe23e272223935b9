//! What is accepted, what is refused, and that no file whatever can do harm.

use dyno_weights::shapes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn published(size: &str) -> Value {
    shapes::config(size).expect("a published size")
}

/// The published 2B with one key of `text_config` replaced, or removed where `value` is null.
fn with(key: &str, value: Value) -> Value {
    let mut json = published("2b");
    json["text_config"][key] = value;
    json
}

fn problem(json: &Value) -> String {
    Config::parse(json).expect_err("must be refused").to_string()
}

#[test]
fn every_published_size_parses() -> Result<()> {
    for size in shapes::sizes() {
        let config = Config::parse(&published(&size))?;
        let full = config.text.layers_with(Mixer::Full);
        assert_eq!(full * 4, config.text.mixers.len(), "{size}");
        assert_eq!(config.text.rope.sections, [11, 11, 10], "{size}");
        let moe = matches!(config.text.feed_forward, FeedForward::Experts(_));
        assert_eq!(moe, size.contains("-a"), "{size}");
    }
    Ok(())
}

#[test]
fn layer_types_rule_over_the_interval_and_the_interval_stands_in_for_them() -> Result<()> {
    let by_list = Config::parse(&published("2b"))?;
    let mut json = with("layer_types", Value::Null);
    json["text_config"]["full_attention_interval"] = 4.into();
    assert_eq!(Config::parse(&json)?.text.mixers, by_list.text.mixers);
    json["text_config"]["full_attention_interval"] = 2.into();
    assert_eq!(Config::parse(&json)?.text.layers_with(Mixer::Full), 12);
    let mut json = published("2b");
    json["text_config"]["full_attention_interval"] = 2.into();
    assert_eq!(Config::parse(&json)?.text.mixers, by_list.text.mixers);
    Ok(())
}

#[test]
fn rotary_settings_are_found_wherever_repacks_put_them() -> Result<()> {
    let expected = Config::parse(&published("2b"))?.text.rope;
    let mut scaling = with("rope_parameters", Value::Null);
    scaling["text_config"]["rope_scaling"] = json!({"type": "mrope", "mrope_section": [11, 11, 10]});
    scaling["text_config"]["rope_theta"] = json!(10_000_000);
    scaling["text_config"]["partial_rotary_factor"] = json!(0.25);
    assert_eq!(Config::parse(&scaling)?.text.rope, expected);
    let mut flat = with("rope_parameters", Value::Null);
    flat["text_config"]["rope_theta"] = json!(1e7);
    assert_eq!(Config::parse(&flat)?.text.rope, Rope { sections: [32, 0, 0], ..expected });
    Ok(())
}

#[test]
fn tying_is_read_at_either_place_and_the_top_rules() -> Result<()> {
    for (top, text, expected) in [
        (json!(true), json!(true), Some(true)),
        (json!(null), json!(true), Some(true)),
        (json!(false), json!(null), Some(false)),
        (json!(false), json!(true), Some(false)),
        (json!(null), json!(null), None),
    ] {
        let mut json = with("tie_word_embeddings", text);
        json["tie_word_embeddings"] = top;
        assert_eq!(Config::parse(&json)?.tied, expected);
    }
    Ok(())
}

#[test]
fn either_spelling_of_the_vision_type_and_a_text_only_export_parse() -> Result<()> {
    for name in ["qwen3_5", "qwen3_5_vision"] {
        let mut json = published("2b");
        json["vision_config"]["model_type"] = name.into();
        assert!(Config::parse(&json)?.vision.is_some());
    }
    let flat = published("2b")["text_config"].clone();
    let config = Config::parse(&flat)?;
    assert!(config.vision.is_none() && config.media.is_none());
    assert_eq!(config.text, Config::parse(&published("2b"))?.text);
    let mut unmarked = published("2b");
    for key in ["image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id"] {
        unmarked[key] = Value::Null;
    }
    assert!(Config::parse(&unmarked)?.media.is_none());
    unmarked["video_token_id"] = 5.into();
    assert!(problem(&unmarked).contains("image_token_id"));
    Ok(())
}

/// A later relative states a gate type that every engine ignores.
#[test]
fn an_ignored_key_stays_ignored() -> Result<()> {
    let json = with("output_gate_type", "swish".into());
    assert_eq!(Config::parse(&json)?, Config::parse(&published("2b"))?);
    Ok(())
}

#[test]
fn every_refusal_names_its_key() {
    let rope = |key: &str, value: Value| {
        let mut rope = published("2b")["text_config"]["rope_parameters"].clone();
        rope[key] = value;
        rope
    };
    for (key, value, named) in [
        ("hidden_size", json!(null), "text_config.hidden_size"),
        ("hidden_size", json!("2048"), "text_config.hidden_size"),
        ("hidden_size", json!(-1), "text_config.hidden_size"),
        ("vocab_size", json!(0), "text_config.vocab_size"),
        ("num_key_value_heads", json!(0), "text_config.num_key_value_heads"),
        ("num_key_value_heads", json!(3), "text_config.num_key_value_heads"),
        ("linear_num_value_heads", json!(17), "text_config.linear_num_value_heads"),
        ("num_hidden_layers", json!(25), "text_config.layer_types"),
        ("layer_types", json!(vec!["sliding_attention"; 24]), "text_config.layer_types"),
        ("hidden_act", json!("gelu"), "text_config.hidden_act"),
        ("attention_bias", json!(true), "text_config.attention_bias"),
        ("attn_output_gate", json!(false), "text_config.attn_output_gate"),
        ("mtp_num_hidden_layers", json!(2), "text_config.mtp_num_hidden_layers"),
        ("rms_norm_eps", json!("small"), "text_config.rms_norm_eps"),
        ("eos_token_id", json!(1_000_000), "text_config.eos_token_id"),
        ("rope_parameters", rope("rope_type", json!("yarn")), "text_config.rope_parameters.rope_type"),
        ("rope_parameters", rope("mrope_section", json!([11, 11])), "mrope_section"),
        ("rope_parameters", rope("mrope_section", json!([11, 11, 11])), "mrope_section"),
        ("rope_parameters", rope("mrope_interleaved", json!(false)), "mrope_interleaved"),
        ("rope_parameters", rope("partial_rotary_factor", json!(0.0)), "partial_rotary_factor"),
        ("rope_parameters", json!(7), "text_config.rope_parameters"),
    ] {
        let message = problem(&with(key, value.clone()));
        assert!(message.contains(named), "{key} = {value}: {message}");
    }
    let mut moe = published("35b-a3b");
    moe["text_config"]["num_experts_per_tok"] = json!(257);
    assert!(problem(&moe).contains("num_experts_per_tok"));
    let mut deep = published("2b");
    deep["vision_config"]["deepstack_visual_indexes"] = json!([5]);
    assert!(problem(&deep).contains("vision_config.deepstack_visual_indexes"));
    let mut narrow = published("2b");
    narrow["vision_config"]["out_hidden_size"] = json!(1);
    assert!(problem(&narrow).contains("vision_config.out_hidden_size"));
    assert!(problem(&json!({"model_type": "llama"})).contains("model_type"));
    assert!(problem(&json!([])).contains("object"));
}

fn hostile_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (0u64..5).prop_map(Value::from),
        (0u32..63).prop_map(|bits| Value::from(1u64 << bits)),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z_]{0,12}".prop_map(Value::from),
        proptest::collection::vec(any::<u64>(), 0..40).prop_map(Value::from),
        Just(json!({})),
    ]
}

proptest! {
    /// Whatever a few keys are replaced by, parsing neither panics nor lets a size through whose memory
    /// cannot be stated.
    #[test]
    fn hostile_files_do_no_harm(
        size in prop::sample::select(shapes::sizes()),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), hostile_value()), 1..4),
    ) {
        let mut json = published(&size);
        let mut places = Vec::new();
        for part in ["", "/text_config", "/vision_config", "/text_config/rope_parameters"] {
            let keys = json.pointer(part).and_then(Value::as_object).into_iter().flat_map(|map| map.keys());
            places.extend(keys.map(|key| format!("{part}/{key}")));
        }
        for (place, value) in changes {
            if let Some(slot) = json.pointer_mut(place.get::<String>(&places)) {
                *slot = value;
            }
        }
        if let Ok(config) = Config::parse(&json) {
            let text = &config.text;
            prop_assert!(text.vocab_size * text.hidden_size <= 1 << 34);
            prop_assert_eq!(text.attention.heads % text.attention.kv_heads, 0);
            prop_assert_eq!(text.linear.value_heads % text.linear.key_heads, 0);
            prop_assert_eq!(text.rope.sections.iter().sum::<usize>(), text.rope.dim / 2);
            prop_assert!(crate::memory_bytes(&config, text.max_positions) > 0);
        }
    }
}
