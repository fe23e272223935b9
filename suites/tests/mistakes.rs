//! Every mistake of all files is found at once, named with its place and, where one is near, with a hint.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use dyno_suites::{DefinitionErrors, Definitions};

/// A small valid file; the tests break it.
const METRICS: &str = r#"format = 1
[[metric]]
id = "rate"
version = 1
title = "Rate"
unit = "token/s"
direction = "higher-is-better"
per = "pass"
definition = "Tokens over seconds."
relevant = { relative = 0.05 }
digits = 1
"#;

const SUITE: &str = r#"format = 1
[[suite]]
id = "small"
version = 1
title = "Small"
about = "For tests."
refuses = ["debug-build"]
flags = ["charging"]
[suite.rules]
full = { warm_up_min = 1, warm_up_max = 4, agree_within = 0.05, passes_min = 2, passes_max = 5, half_width = 0.1, budget_s = 5 }
short = { warm_up_min = 0, warm_up_max = 0, agree_within = 0.0, passes_min = 1, passes_max = 1, half_width = 0.0, budget_s = 1 }
[[suite.case]]
id = "write"
version = 1
title = "Writing"
place = "anywhere"
metrics = ["rate"]
work = { kind = "decode", depths = [0, 8], tokens = 4, seed = 1 }
"#;

const CLAIM: &str = r#"format = 1
[[claim]]
id = "fast"
number = 1
version = 1
title = "Fast"
statement = "It is fast."
wording = "ours"
false_when = "It is slow."
decided_by = ["measured"]
indicated_by = ["third-party"]
source = { who = "Somebody", place = "somewhere" }
decide = { suites = ["small"], devices = ["local"] }
[[claim.test]]
kind = "rate_about"
metric = "rate"
case = "small/write"
axes = { depth = 0 }
value = 48
unit = "token/s"
tolerance = 0.1
because = "It was said."
"#;

fn load(files: &[(&str, &str)]) -> Result<Definitions, DefinitionErrors> {
    let files: BTreeMap<String, String> =
        files.iter().map(|(name, text)| (format!("0/{name}"), (*text).to_owned())).collect();
    Definitions::from_verbatim(&files)
}

fn mistakes(files: &[(&str, &str)]) -> Vec<String> {
    load(files).expect_err("it has mistakes").to_string().lines().map(str::to_owned).collect()
}

/// The mistakes of the valid set with one piece of one file replaced.
fn broken(file: &str, from: &str, to: &str) -> Vec<String> {
    let files = [("claim.toml", CLAIM), ("metrics.toml", METRICS), ("suite.toml", SUITE)];
    assert!(files.iter().any(|(name, text)| *name == file && text.contains(from)), "{file} has no {from}");
    let changed: Vec<(&str, String)> = files
        .iter()
        .map(|(name, text)| {
            (*name, if *name == file { text.replacen(from, to, 1) } else { (*text).to_owned() })
        })
        .collect();
    let changed: Vec<(&str, &str)> = changed.iter().map(|(name, text)| (*name, text.as_str())).collect();
    mistakes(&changed)
}

#[test]
fn the_small_set_is_valid() {
    let definitions =
        load(&[("claim.toml", CLAIM), ("metrics.toml", METRICS), ("suite.toml", SUITE)]).unwrap();
    assert_eq!(definitions.claims()[0].decide_with(), "dyno run small --device local");
}

/// File, what is replaced by what, and what is said about it.
const SLIPS: &[(&str, &str, &str, &str)] = &[
    (
        "metrics.toml",
        "digits = 1",
        "digit = 1",
        "0/metrics.toml:11:1: metric `rate` has an unknown key `digit` (did you mean `digits`?)",
    ),
    (
        "metrics.toml",
        "digits = 1",
        "digits = \"1\"",
        "0/metrics.toml:11:10: `digits` of metric `rate` must be a whole number from 0 to 6, not \"1\"",
    ),
    (
        "metrics.toml",
        "digits = 1",
        "digits = 99",
        "0/metrics.toml:11:10: `digits` of metric `rate` must be a whole number from 0 to 6, not 99",
    ),
    (
        "metrics.toml",
        "\"token/s\"",
        "\"tokens/s\"",
        "0/metrics.toml:6:8: `unit` of metric `rate` must be one of",
    ),
    ("metrics.toml", "\"token/s\"", "\"tokens/s\"", "did you mean `token/s`?"),
    (
        "metrics.toml",
        "format = 1",
        "format = 2",
        "0/metrics.toml:1:10: `format` of this file must be 1, not 2 (a newer Dyno may read it)",
    ),
    (
        "metrics.toml",
        "relative = 0.05",
        "relative = -1.0",
        "`relative` of `relevant` of metric `rate` must be a number from 0.0001 to 1",
    ),
    ("metrics.toml", "relative = 0.05", "relative = nan", "must be a number from 0.0001 to 1, not nan"),
    ("metrics.toml", "title = \"Rate\"\n", "", "metric `rate` has no `title` (add `title`, a text)"),
    (
        "suite.toml",
        "\"rate\"",
        "\"rat\"",
        "0/suite.toml:17:12: there is no metric `rat` (did you mean `rate`?)",
    ),
    ("suite.toml", "\"charging\"", "\"debug-build\"", "`debug-build` is refused and cannot also be flagged"),
    ("suite.toml", "warm_up_min = 1", "warm_up_min = 9", "`warm_up_max` is below `warm_up_min`"),
    ("suite.toml", "[0, 8]", "[0, 0]", "must be a list without repetitions, not 0"),
    ("suite.toml", "[0, 8]", "[]", "needs at least one `depths`"),
    ("suite.toml", "[0, 8]", "8", "must be a list, not 8 (put it in brackets)"),
    ("suite.toml", "seed = 1", "sed = 1", "did you mean `seed`?"),
    (
        "claim.toml",
        "unit = \"token/s\"",
        "unit = \"ms\"",
        "0/claim.toml:20:8: the unit `ms` does not fit (`rate` is measured in `token/s`)",
    ),
    (
        "claim.toml",
        "small/write",
        "small/writ",
        "0/claim.toml:17:8: there is no case `small/writ` (did you mean `small/write`?)",
    ),
    (
        "claim.toml",
        "depth = 0",
        "prompt = 0",
        "the case `small/write` does not vary along `prompt` (its axis is `depth`)",
    ),
    (
        "claim.toml",
        "depth = 0",
        "dept = 0",
        "`axes` of test `without id` has no `dept` (did you mean `depth`?)",
    ),
    ("claim.toml", "rate_about", "rate_abut", "did you mean `rate_about`?"),
    ("claim.toml", "\"third-party\"", "\"measured\"", "`measured` already decides"),
    (
        "claim.toml",
        "decided_by = [\"measured\"]",
        "decided_by = [\"third-party\"]",
        "results of other tools never decide a claim",
    ),
    (
        "claim.toml",
        "suites = [\"small\"]",
        "suites = [\"smal\"]",
        "there is no suite `smal` (did you mean `small`?)",
    ),
    (
        "claim.toml",
        "kind = \"rate_about\"",
        "kind = \"needs_suite\"\nsuite = \"small\"",
        "the suite `small` is there (test what it measures instead)",
    ),
    ("claim.toml", "value = 48", "value = inf", "must be a number from"),
    ("claim.toml", "id = \"fast\"", "id = \"Fast One\"", "must be a name of small letters"),
];

#[test]
fn mistakes_are_located_and_hinted() {
    for (file, from, to, expected) in SLIPS {
        let found = broken(file, from, to);
        assert!(
            found.iter().any(|line| line.contains(expected)),
            "{to}: expected\n{expected}\nfound\n{}",
            found.join("\n")
        );
    }
}

#[test]
fn one_mistake_is_reported_once() {
    for (file, from, to) in [
        ("metrics.toml", "digits = 1", "digits = 99"),
        ("suite.toml", "\"rate\"", "\"rat\""),
        ("claim.toml", "unit = \"token/s\"", "unit = \"ms\""),
        ("claim.toml", "rate_about", "rate_abut"),
        ("claim.toml", "small/write", "small/writ"),
    ] {
        let found = broken(file, from, to);
        assert_eq!(found.len(), 1, "{to}:\n{}", found.join("\n"));
    }
}

#[test]
fn all_mistakes_of_all_files_come_together() {
    let metrics = METRICS.replace("digits = 1", "digits = 99").replace("per = \"pass\"", "per = \"pas\"");
    let suite = SUITE.replace("\"anywhere\"", "\"anywere\"");
    let found = mistakes(&[("claim.toml", CLAIM), ("metrics.toml", &metrics), ("suite.toml", &suite)]);
    assert_eq!(found.len(), 3, "{}", found.join("\n"));
    assert!(found[0].starts_with("0/metrics.toml:8:") && found[1].starts_with("0/metrics.toml:11:"));
    assert!(found[2].starts_with("0/suite.toml:16:"));
}

#[test]
fn broken_syntax_hides_neither_its_neighbours_nor_itself() {
    let broken = METRICS.replace("per = \"pass\"", "per = \"pass").replace("digits = 1", "digits = = 1");
    let suite = SUITE.replace("\"anywhere\"", "\"anywere\"");
    let found = mistakes(&[("metrics.toml", &broken), ("suite.toml", &suite)]);
    assert!(
        found.iter().any(|line| line.starts_with("0/metrics.toml:8:") && line.contains("not TOML")),
        "{found:?}"
    );
    assert!(found.iter().any(|line| line.starts_with("0/metrics.toml:11:")), "{found:?}");
    assert!(found.iter().any(|line| line.contains("`anywhere`")), "{found:?}");
    assert!(!found.iter().any(|line| line.contains("no metric `rate`")), "{found:?}");
}

#[test]
fn an_id_stands_once_in_a_layer_and_a_claim_number_once_at_all() {
    let found = mistakes(&[("a.toml", METRICS), ("b.toml", METRICS)]);
    assert_eq!(found, ["0/b.toml:3:6: metric `rate` is defined twice (the other one is at 0/a.toml:3)"]);
    let other = CLAIM.replace("\"fast\"", "\"quick\"");
    let found =
        mistakes(&[("a.toml", CLAIM), ("b.toml", &other), ("metrics.toml", METRICS), ("suite.toml", SUITE)]);
    assert!(
        found.iter().any(|line| line.contains("claim 1 is `fast` already (take the next free number)")),
        "{found:?}"
    );
}

fn layered(upper: &str) -> Result<Definitions, DefinitionErrors> {
    let files = BTreeMap::from([
        ("0/metrics.toml".to_owned(), METRICS.to_owned()),
        ("0/suite.toml".to_owned(), SUITE.to_owned()),
        ("1/mine.toml".to_owned(), upper.to_owned()),
    ]);
    Definitions::from_verbatim(&files)
}

#[test]
fn a_later_layer_replaces_only_under_a_new_version() {
    let changed = SUITE.replace("tokens = 4", "tokens = 8");
    let found = layered(&changed).unwrap_err().to_string();
    assert!(
        found.contains("case `small/write` differs from the one it replaces under the same version"),
        "{found}"
    );
    assert!(found.contains("give it version 2 or another id"), "{found}");
    let versioned = changed.replace("id = \"write\"\nversion = 1", "id = \"write\"\nversion = 2");
    let definitions = layered(&versioned).unwrap();
    assert_eq!(definitions.case("small/write").unwrap().1.version, 2);
    assert_eq!(definitions.suites().len(), 1);
    let reworded = SUITE.replace("title = \"Writing\"", "title = \"Writing a little\"");
    assert_eq!(layered(&reworded).unwrap().case("small/write").unwrap().1.title, "Writing a little");
}

#[test]
fn a_changed_rule_of_a_suite_changes_its_cases() {
    let found = layered(&SUITE.replace("passes_min = 2", "passes_min = 3")).unwrap_err().to_string();
    assert!(found.contains("case `small/write` differs"), "{found}");
}

#[test]
fn text_that_breaks_lines_does_not_break_the_report() {
    let found = broken("suite.toml", "\"rate\"", "\"ra\\nte\"");
    assert!(found[0].contains("there is no metric `ra\\nte`"), "{found:?}");
}

#[test]
fn an_embedded_case_does_not_change_under_its_version() {
    let mut files = Definitions::embedded().unwrap().verbatim();
    let speed = files.get_mut("0/suites/speed.toml").unwrap();
    *speed = speed.replace("tokens = 128, seed = 20_260_102", "tokens = 64, seed = 20_260_102");
    let found = Definitions::from_verbatim(&files).unwrap_err().to_string();
    assert!(found.contains("case `speed/decode` changed under version 1 (raise its version"), "{found}");
}

#[test]
fn files_and_folders_of_the_users_own_are_layered_over_the_embedded_ones() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("deeper")).unwrap();
    fs::write(folder.path().join("deeper/metrics.toml"), METRICS).unwrap();
    fs::write(folder.path().join("suite.toml"), SUITE).unwrap();
    fs::write(folder.path().join("notes.txt"), "not a definition").unwrap();
    let definitions =
        Definitions::load(&[folder.path().to_owned()]).unwrap_or_else(|found| panic!("{found}"));
    assert!(definitions.suite("small").is_ok() && definitions.suite("speed").is_ok());
    let kept = definitions.verbatim();
    assert!(
        kept.keys().all(|name| !name.contains("..") && !name.contains(&*folder.path().to_string_lossy()))
    );
    assert_eq!(Definitions::from_verbatim(&kept).unwrap().suites(), definitions.suites());
}

#[test]
fn what_cannot_be_read_is_a_mistake_beside_the_others() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    fs::write(folder.path().join("latin1.toml"), b"title = \"\xe4\"\n").unwrap();
    fs::write(folder.path().join("bad.toml"), "format = 1\n[[metrics]]\n").unwrap();
    let paths: Vec<PathBuf> = ["missing.toml", "empty", "latin1.toml", "bad.toml"]
        .iter()
        .map(|name| folder.path().join(name))
        .collect();
    let found = Definitions::load(&paths).unwrap_err();
    let has = |file: &str, what: &str| {
        found
            .mistakes()
            .iter()
            .any(|mistake| mistake.file.ends_with(file) && mistake.to_string().contains(what))
    };
    assert!(has("missing.toml", "cannot be read"), "{found}");
    assert!(has("empty", "holds no definition file"), "{found}");
    assert!(has("latin1.toml", "cannot be read"), "{found}");
    assert!(
        has("bad.toml", ":2:3: this file has an unknown key `metrics` (did you mean `metric`?)"),
        "{found}"
    );
}
