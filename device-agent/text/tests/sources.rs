//! The same small vocabularies from GGUF metadata and from a checkpoint folder; and what is refused.

use std::fs;

use dyno_text::{Control, GgufVocabulary, Specials, TextError, Tokenizer, render_raw};
use serde_json::json;

/// Sentence pieces with scores: the usual bytes, letters and a few words.
fn sentence_pieces() -> GgufVocabulary {
    let mut tokens: Vec<(String, f32, i32)> =
        vec![("<unk>".into(), 0.0, 2), ("<s>".into(), 0.0, 3), ("</s>".into(), 0.0, 3)];
    tokens.extend((0..=255).map(|byte| (format!("<0x{byte:02X}>"), 0.0, 6)));
    let words =
        ["▁", "h", "e", "l", "o", "w", "r", "d", "he", "ll", "hell", "hello", "▁hello", "▁w", "or", "▁wor"];
    tokens.extend(words.iter().enumerate().map(|(at, word)| ((*word).to_owned(), -(at as f32), 1)));
    GgufVocabulary {
        model: "llama".into(),
        pre: "default".into(),
        scores: tokens.iter().map(|t| t.1).collect(),
        token_type: tokens.iter().map(|t| t.2).collect(),
        tokens: tokens.into_iter().map(|t| t.0).collect(),
        bos_token_id: Some(1),
        eos_token_id: Some(2),
        unknown_token_id: Some(0),
        ..GgufVocabulary::default()
    }
}

#[test]
fn sentence_pieces_merge_by_score_and_fall_back_to_bytes() {
    let vocabulary = sentence_pieces();
    let tokenizer = Tokenizer::from_gguf(&vocabulary).unwrap();
    let ids = tokenizer.encode("hello wor é", Specials::AsText).unwrap();
    let spelled: Vec<&str> = ids.iter().map(|id| vocabulary.tokens[*id as usize].as_str()).collect();
    assert_eq!(spelled, ["▁hello", "▁wor", "▁", "<0xC3>", "<0xA9>"]);
    assert_eq!(tokenizer.decode(&ids, Control::Show).unwrap(), "hello wor é");
    assert_eq!((tokenizer.begin_id(), tokenizer.end_ids()), (Some(1), &[2][..]));
    let prompt = render_raw(&tokenizer, "hello", Specials::AsText).unwrap();
    assert_eq!(prompt.ids()[0], 1);
    assert_eq!(render_raw(&tokenizer, "<s>hello", Specials::Parse).unwrap().ids()[..1], [1]);
    assert_ne!(
        render_raw(&tokenizer, "<s>hello", Specials::Parse).unwrap().ids()[1],
        1,
        "one begin is enough"
    );
}

fn byte_level() -> GgufVocabulary {
    let mut tokens: Vec<String> =
        "abcdefghijklmnopqrstuvwxyz0123456789ĠĊ".chars().map(String::from).collect();
    tokens.extend(["Ġa", "Ġab", "12"].map(String::from));
    tokens.push("<|im_end|>".into());
    let mut token_type = vec![1; tokens.len()];
    token_type[tokens.len() - 1] = 3;
    GgufVocabulary {
        model: "gpt2".into(),
        pre: "qwen2".into(),
        merges: vec!["Ġ a".into(), "Ġa b".into(), "1 2".into()],
        token_type,
        tokens,
        ..GgufVocabulary::default()
    }
}

#[test]
fn byte_level_vocabularies_follow_their_split() {
    let words = |pre: &str| {
        let vocabulary = GgufVocabulary { pre: pre.into(), ..byte_level() };
        let tokenizer = Tokenizer::from_gguf(&vocabulary).unwrap();
        let ids = tokenizer.encode("c ab12", Specials::Parse).unwrap();
        ids.iter().map(|id| vocabulary.tokens[*id as usize].clone()).collect::<Vec<_>>()
    };
    assert_eq!(words("qwen2"), ["c", "Ġab", "1", "2"]);
    assert_eq!(words("llama-bpe"), ["c", "Ġab", "12"]);
    assert_eq!(words("smollm"), ["c", "Ġab", "1", "2"]);
}

#[test]
fn what_is_not_known_is_named() {
    let refused = |change: &dyn Fn(&mut GgufVocabulary)| {
        let mut vocabulary = byte_level();
        change(&mut vocabulary);
        Tokenizer::from_gguf(&vocabulary).unwrap_err()
    };
    let error = refused(&|v| v.pre = "viking".into());
    assert!(matches!(&error, TextError::UnknownSplit { .. }));
    assert!(error.to_string().contains("qwen35"), "{error}");
    assert!(matches!(refused(&|v| v.model = "bert".into()), TextError::UnknownModel { .. }));
    assert!(matches!(refused(&|v| v.token_type.truncate(3)), TextError::Malformed { .. }));
    assert!(matches!(refused(&|v| v.merges.push("x".into())), TextError::Malformed { .. }));
    assert!(matches!(refused(&|v| v.merges.push("zz top".into())), TextError::Malformed { .. }));
    assert!(matches!(refused(&|v| v.tokens[1] = "a".into()), TextError::Malformed { .. }));
    assert!(matches!(refused(&|v| v.tokens.clear()), TextError::Malformed { .. }));
}

#[test]
fn a_folder_gathers_its_end_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Tokenizer::from_folder(folder.path()).unwrap_err();
    assert!(missing.to_string().contains("tokenizer.json"), "{missing}");
    let token = |id: u32, text: &str| {
        json!({"id": id, "content": text, "special": true, "normalized": false,
        "single_word": false, "lstrip": false, "rstrip": false})
    };
    let mut json = json!({
        "version": "1.0", "added_tokens": [token(2, "<begin>"), token(3, "<over>"), token(4, "<done>")],
        "normalizer": null, "truncation": {"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 0},
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": true},
        "post_processor": {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<begin>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<begin>": {"id": "<begin>", "ids": [2], "tokens": ["<begin>"]}}},
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}
    });
    fs::write(folder.path().join("tokenizer.json"), json.to_string()).unwrap();
    fs::write(folder.path().join("config.json"), r#"{"text_config": {"eos_token_id": 4}}"#).unwrap();
    fs::write(folder.path().join("generation_config.json"), r#"{"eos_token_id": [3, 4, 99]}"#).unwrap();
    let tokenizer = Tokenizer::from_folder(folder.path()).unwrap();
    assert_eq!(tokenizer.end_ids(), [3, 4], "an id outside the vocabulary ends nothing");
    assert_eq!(tokenizer.begin_id(), Some(2));
    assert_eq!(
        tokenizer.encode_document("abab", Specials::AsText).unwrap(),
        [2, 0, 1, 0, 1],
        "never cut short"
    );

    // The library would silently move this token to the next free id.
    json["added_tokens"][2]["id"] = json!(7);
    assert!(matches!(Tokenizer::from_json(json.to_string().as_bytes()), Err(TextError::Malformed { .. })));
}
