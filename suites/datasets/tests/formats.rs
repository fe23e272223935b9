//! Every file format with the same rows in it, and what each makes of damage: an error with the file in it, never a
//! panic.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use dyno_datasets::{DataError, Places, Pool};
use dyno_suites::{Definitions, Task};
use proptest::prelude::*;

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples")
}

/// A task over a file of a folder.
fn task(file: &str, format: &str, fields: &str) -> Task {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    let text = format!(
        "format = 1\n[[task]]\nid = \"mine\"\nversion = 1\ntitle = \"Mine\"\nabout = \"Mine.\"\nsubject = \"text\"\n\
         prompt = \"{{{{ question }}}}\"\nchat = true\nask = {{ kind = \"generate\", tokens = 8 }}\n\
         score = [{{ id = \"exact\", rule = \"exact\" }}]\n[task.source]\nkind = \"data\"\nfile = \"{file}\"\n\
         format = \"{format}\"\nlicence = \"MIT\"\nfields = {fields}\n"
    );
    fs::write(&path, text).unwrap();
    let definitions = Definitions::load(&[path]).unwrap_or_else(|error| panic!("{error}"));
    definitions.task("mine").unwrap().clone()
}

const ARC: &str = r#"{ id = "id", options = ["choices.text"], labels = "choices.label", answer = "answerKey", answer_as = "label" }"#;
const TABLE: &str =
    r#"{ id = "id", options = ["a", "b", "c", "d"], answer = "answer", answer_as = "letter" }"#;

/// Files of the same three rows, as (file, format, columns).
const FILES: [(&str, &str, &str); 9] = [
    ("stream.arrow", "arrow", ARC),
    ("file.arrow", "arrow", ARC),
    ("packed.arrow", "arrow", ARC),
    ("none.parquet", "parquet", ARC),
    ("gzip.parquet", "parquet", ARC),
    ("lz4.parquet", "parquet", ARC),
    ("rows.jsonl.gz", "jsonl", ARC),
    ("rows.csv", "csv", TABLE),
    ("rows.tsv", "tsv", TABLE),
];

fn read(folder: &Path, file: &str, format: &str, fields: &str) -> Result<Pool, DataError> {
    of(&task(file, format, fields), folder)
}

fn of(task: &Task, folder: &Path) -> Result<Pool, DataError> {
    Pool::of(task, &Places { given: vec![folder.to_owned()], caches: Vec::new() })
}

/// The tasks over `FILES`: definitions are read once, not for every damaged file.
static TASKS: LazyLock<Vec<Task>> =
    LazyLock::new(|| FILES.iter().map(|(file, format, fields)| task(file, format, fields)).collect());

const STAR: &str = "Lin-Chen/MMStar/mmstar.parquet";
static STARS: LazyLock<Task> = LazyLock::new(|| {
    task(STAR, "parquet", r#"{ answer = "answer", answer_as = "text", images = ["image"] }"#)
});

#[test]
fn every_format_gives_the_same_items() {
    let all: Vec<Pool> = FILES
        .iter()
        .map(|(file, format, fields)| {
            read(&samples().join("formats"), file, format, fields)
                .unwrap_or_else(|error| panic!("{file}: {error}"))
        })
        .collect();
    for (pool, (file, ..)) in all.iter().zip(FILES) {
        let told = |pool: &Pool| -> Vec<_> {
            let item =
                |item: &dyno_suites::Item| (item.id.clone(), item.options.clone(), item.answer.clone());
            pool.items.iter().map(item).collect()
        };
        assert_eq!(told(pool), told(&all[0]), "{file}");
        assert_eq!(pool.items.len(), 3);
        assert!(pool.files[0].sha256.len() == 64 && !pool.files[0].pinned);
    }
}

#[test]
fn a_codec_that_is_left_out_is_named() {
    let error = read(&samples().join("formats"), "zstd.parquet", "parquet", ARC).unwrap_err().to_string();
    assert!(error.contains("zstd.parquet") && error.contains("ZSTD") && error.contains("snappy"), "{error}");
}

#[test]
fn pictures_beside_are_read_and_kept_inside() {
    let fields = r#"{ answer = "answer", answer_as = "text", images = ["picture"] }"#;
    let task = task("beside.jsonl", "jsonl", fields);
    let places = Places { given: vec![samples().join("formats")], caches: Vec::new() };
    let pool = Pool::of(&task, &places).unwrap();
    let mut first = pool.items[..1].to_vec();
    pool.load_pictures(&task, &places, &mut first).unwrap();
    assert_eq!(first[0].images.len(), 1);
    let mut second = pool.items[1..].to_vec();
    let error = pool.load_pictures(&task, &places, &mut second).unwrap_err().to_string();
    assert!(error.contains("row 2") && error.contains("outside"), "{error}");
}

#[test]
fn mistakes_in_rows_name_file_and_row() {
    let folder = tempfile::tempdir().unwrap();
    let told = |text: &str, fields: &str| {
        fs::write(folder.path().join("rows.jsonl"), text).unwrap();
        read(folder.path(), "rows.jsonl", "jsonl", fields).unwrap_err().to_string()
    };
    let text = r#"{ answer = "answer", answer_as = "text" }"#;
    let index = r#"{ options = ["options"], answer = "answer", answer_as = "index" }"#;
    for (rows, fields, said) in [
        ("{\"answer\": \"a\"}\n{\"answer\"}\n", text, "row 2: is no JSON object"),
        ("{\"answer\": \"a\"}\n\n[1]\n", text, "row 3: is no JSON object"),
        ("{\"question\": 1}\n", text, "row 1: has no column `answer`; its columns are question"),
        ("{\"answer\": null}\n", text, "row 1: column `answer` holds no text"),
        ("{\"options\": [\"a\"], \"answer\": 1}\n", index, "option 2 is right, and there are 1"),
        ("{\"options\": [\"a\"], \"answer\": \"x\"}\n", index, "says `x`, which is no place"),
        ("{\"options\": [{}], \"answer\": 0}\n", index, "something that is no text in its list"),
    ] {
        let error = told(rows, fields);
        assert!(error.contains("rows.jsonl") && error.contains(said), "{error} lacks {said}");
    }
}

#[test]
fn another_file_under_the_same_name_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rows.jsonl"), "{\"answer\": \"a\"}\n").unwrap();
    let mut mine = task("rows.jsonl", "jsonl", r#"{ answer = "answer", answer_as = "text" }"#);
    let dyno_suites::task::Source::Data(source) = &mut mine.source else { panic!("it is data") };
    source.sha256 = Some("0".repeat(64));
    let error =
        Pool::of(&mine, &Places { given: vec![folder.path().to_owned()], caches: Vec::new() }).unwrap_err();
    assert!(matches!(error, DataError::OtherFile { .. }), "{error}");
}

/// Damages a file: bytes overwritten, a piece cut out, an end cut off.
fn damaged(mut bytes: Vec<u8>, at: usize, with: &[u8], cut: usize) -> Vec<u8> {
    if bytes.is_empty() {
        return bytes;
    }
    let at = at % bytes.len();
    for (place, byte) in with.iter().enumerate() {
        if let Some(there) = bytes.get_mut(at + place) {
            *there = *byte;
        }
    }
    match cut % 4 {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..(at + cut / 4 % 64).min(bytes.len()))),
        _ => {}
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn damage_is_an_error_or_nothing(
        file in 0..FILES.len(),
        at in any::<usize>(),
        with in prop::collection::vec(any::<u8>(), 0..12),
        cut in any::<usize>(),
    ) {
        let (name, ..) = FILES[file];
        let folder = tempfile::tempdir().unwrap();
        let bytes = fs::read(samples().join("formats").join(name)).unwrap();
        fs::write(folder.path().join(name), damaged(bytes, at, &with, cut)).unwrap();
        if let Err(error) = of(&TASKS[file], folder.path()) {
            prop_assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn damaged_pictures_are_errors_or_pictures(at in any::<usize>(), with in prop::collection::vec(any::<u8>(), 0..12), cut in any::<usize>()) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("Lin-Chen/MMStar")).unwrap();
        let bytes = fs::read(samples().join(STAR)).unwrap();
        fs::write(folder.path().join(STAR), damaged(bytes, at, &with, cut)).unwrap();
        let places = Places { given: vec![folder.path().to_owned()], caches: Vec::new() };
        if let Ok(pool) = Pool::of(&STARS, &places) {
            let mut items = pool.items.clone();
            if let Err(error) = pool.load_pictures(&STARS, &places, &mut items) {
                prop_assert!(error.to_string().contains("mmstar"), "{error}");
            }
        }
    }
}
