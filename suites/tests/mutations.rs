//! Whatever is done to the files, the loader never panics: it gives a set, or mistakes that say where they are.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeMap;

use dyno_suites::Definitions;
use proptest::prelude::*;

fn embedded() -> BTreeMap<String, String> {
    Definitions::embedded().unwrap().verbatim()
}

/// One thing that a hand or a bad merge does to a file.
#[derive(Debug, Clone)]
enum Slip {
    Cut { at: usize, length: usize },
    Insert { at: usize, text: String },
    SwapLines { one: usize, other: usize },
    RepeatLine { line: usize, to: usize },
    DropLine { line: usize },
}

fn slip() -> impl Strategy<Value = Slip> {
    let bits = prop_oneof![
        Just("\""),
        Just("="),
        Just("["),
        Just("]"),
        Just("[["),
        Just("{"),
        Just("}"),
        Just("#"),
        Just("\n"),
        Just("'''"),
        Just("\"\"\""),
        Just("-1"),
        Just("nan"),
        Just("1e400"),
        Just("0x_"),
        Just("99999999999999999999"),
        Just("1979-05-27"),
        Just("\u{0}"),
        Just("\u{feff}"),
        Just("ä"),
        Just("."),
        Just("id = \"x\"\n"),
        Just("a.b.c = 1\n"),
        Just("[[claim.test]]\n"),
        Just("format = 1\n"),
    ];
    prop_oneof![
        (any::<usize>(), 1_usize..40).prop_map(|(at, length)| Slip::Cut { at, length }),
        (any::<usize>(), bits).prop_map(|(at, text)| Slip::Insert { at, text: text.to_owned() }),
        (any::<usize>(), ".{0,12}").prop_map(|(at, text)| Slip::Insert { at, text }),
        (any::<usize>(), any::<usize>()).prop_map(|(one, other)| Slip::SwapLines { one, other }),
        (any::<usize>(), any::<usize>()).prop_map(|(line, to)| Slip::RepeatLine { line, to }),
        any::<usize>().prop_map(|line| Slip::DropLine { line }),
    ]
}

fn apply(text: &str, slip: &Slip) -> String {
    let place = |at: usize| text.floor_char_boundary(at % (text.len() + 1));
    let mut lines: Vec<&str> = text.lines().collect();
    let count = lines.len().max(1);
    match slip {
        Slip::Cut { at, length } => {
            let from = place(*at);
            let to = text.floor_char_boundary((from + length).min(text.len()));
            format!("{}{}", &text[..from], &text[to.max(from)..])
        }
        Slip::Insert { at, text: piece } => format!("{}{piece}{}", &text[..place(*at)], &text[place(*at)..]),
        _ if lines.is_empty() => text.to_owned(),
        Slip::SwapLines { one, other } => {
            lines.swap(one % count, other % count);
            lines.join("\n")
        }
        Slip::RepeatLine { line, to } => {
            lines.insert(to % count, lines[line % count]);
            lines.join("\n")
        }
        Slip::DropLine { line } => {
            lines.remove(line % count);
            lines.join("\n")
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn slips_give_a_valid_set_or_located_mistakes(file in any::<usize>(), slips in prop::collection::vec(slip(), 1..4)) {
        let mut files = embedded();
        let name = files.keys().nth(file % files.len()).unwrap().clone();
        let text = slips.iter().fold(files[&name].clone(), |text, slip| apply(&text, slip));
        files.insert(name.clone(), text);
        match Definitions::from_verbatim(&files) {
            Ok(definitions) => prop_assert!(Definitions::from_verbatim(&definitions.verbatim()).is_ok()),
            Err(found) => {
                prop_assert!(!found.mistakes().is_empty());
                prop_assert_eq!(found.to_string().lines().count(), found.mistakes().len());
                for mistake in found.mistakes() {
                    let text = files.get(&mistake.file);
                    prop_assert!(text.is_some(), "{mistake}");
                    let lines = text.map_or(0, |text| text.matches('\n').count() as u32 + 1);
                    prop_assert!((1..=lines).contains(&mistake.line) && mistake.column >= 1, "{mistake} of {lines} lines");
                    prop_assert!(!mistake.what.is_empty());
                }
            }
        }
    }

    #[test]
    fn any_text_at_all_gives_an_answer(text in "\\PC{0,200}") {
        let files = BTreeMap::from([("0/any.toml".to_owned(), text)]);
        if let Err(found) = Definitions::from_verbatim(&files) {
            prop_assert!(found.mistakes().iter().all(|mistake| mistake.line >= 1));
        }
    }
}
