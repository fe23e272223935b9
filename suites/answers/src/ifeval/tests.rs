//! What the recorded verdicts cannot show: particulars that are missing, and hostile responses.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

fn row(instructions: &Value, kwargs: &Value) -> Map<String, Value> {
    let row = json!({"instruction_id_list": instructions, "kwargs": kwargs});
    row.as_object().cloned().unwrap_or_default()
}

#[test]
fn what_cannot_be_checked_is_named() {
    let message = |row: &Map<String, Value>| instructions(row).unwrap_err().to_string();
    assert!(message(&Map::new()).contains("`instruction_id_list`"));
    assert!(message(&row(&json!(["a:b"]), &json!([]))).contains("as many entries"));
    assert!(message(&row(&json!(["a:b"]), &json!([{}]))).contains("no instruction `a:b`"));
    let words =
        row(&json!(["length_constraints:number_words"]), &json!([{"num_words": 0, "relation": "at least"}]));
    assert!(message(&words).contains("`num_words`"), "{}", message(&words));
}

#[test]
fn nulls_and_numbers_with_a_point_are_read() {
    let kwargs = json!([{"num_bullets": 3.0, "relation": null}]);
    let read = instructions(&row(&json!(["detectable_format:number_bullet_lists"]), &kwargs)).unwrap();
    assert_eq!(read, [Instruction::NumberBulletLists { bullets: 3 }]);
}

#[test]
fn a_sign_instead_of_a_letter_is_counted() {
    let kwargs = json!([{"letter": "!", "let_frequency": 2, "let_relation": "at least"}]);
    let asked = instructions(&row(&json!(["keywords:letter_frequency"]), &kwargs)).unwrap();
    assert!(judge(&asked, "Yes! Yes!").all_strict() && !judge(&asked, "Yes!").all_strict());
}

#[test]
fn a_stored_answer_gets_the_same_verdict_every_time() {
    let asked = [Instruction::ResponseLanguage { language: "it".to_owned() }];
    let first = judge(&asked, "Domani piove, I think so.");
    assert!((0..20).all(|_| judge(&asked, "Domani piove, I think so.") == first));
}

fn every_kind() -> Vec<Instruction> {
    let text = String::from("a.b");
    let relation = Relation::AtLeast;
    vec![
        Instruction::KeywordsExist { keywords: vec![text.clone()] },
        Instruction::KeywordFrequency { keyword: "é(".to_owned(), frequency: 1, relation },
        Instruction::ForbiddenWords { words: vec!["*".to_owned(), text.clone(), "ß".to_owned()] },
        Instruction::LetterFrequency { letter: 'e', frequency: 2, relation },
        Instruction::ResponseLanguage { language: "en".to_owned() },
        Instruction::NumberSentences { sentences: 2, relation },
        Instruction::NumberParagraphs { paragraphs: 2 },
        Instruction::NumberWords { words: 2, relation },
        Instruction::NthParagraphFirstWord { paragraphs: 2, nth: 2, word: text.clone() },
        Instruction::NumberPlaceholders { placeholders: 1 },
        Instruction::Postscript { marker: "[".to_owned() },
        Instruction::NumberBulletLists { bullets: 1 },
        Instruction::NumberHighlightedSections { highlights: 1 },
        Instruction::MultipleSections { splitter: "(§".to_owned(), sections: 1 },
        Instruction::JsonFormat,
        Instruction::Title,
        Instruction::TwoResponses,
        Instruction::RepeatPrompt { prompt: text.clone() },
        Instruction::EndChecker { phrase: text },
        Instruction::CapitalWordFrequency { frequency: 1, relation },
        Instruction::EnglishCapital,
        Instruction::EnglishLowercase,
        Instruction::NoComma,
        Instruction::Quotation,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn no_response_breaks_a_checker(response in "(?s).{0,60}", signs in "[-*.,'\"<>\\[\\]{}:#!? \n\u{1c}aAßİ0]{0,60}") {
        for response in [&response, &signs] {
            let judged = judge(&every_kind(), response);
            for (strict, loose) in judged.strict.iter().zip(&judged.loose) {
                prop_assert!(*loose || !*strict, "what is followed strictly is followed loosely");
            }
        }
    }
}
