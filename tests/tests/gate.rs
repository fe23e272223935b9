//! The release gate, scenario by scenario: which exit code, and what every output says. The runs never happened, so
//! that every answer is known beforehand.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod sided;

use std::process::Command;

use dyno_protocol::{Failure, FailureKind, Finish, Known, RecordBody, ThermalState};
use dyno_reports::bundle::{ItemAnswer, Outcome};
use dyno_reports::cell::Side;
use dyno_reports::derive::testing::{Told, phone};
use dyno_tests::cli::{Answer, Desk};
use sided::{Bench, decode, in_turn, one_side};

const DYNO: &str = env!("CARGO_BIN_EXE_dyno-under-test");

/// Without confirmation by a fresh run, so that a scenario needs one run only.
const POLICY: &str = r#"format = 1
[[policy]]
id = "strict"
title = "For tests"
false_alarms = 0.05
confirm = false
top_up = { rounds = 4, runs = 1 }
metric = [{ metric = "decode_rate" }, { metric = "peak_footprint" }]
quality = [{ metric = "accuracy", margin = 0.05 }]
require = [{ cases = ["speed/decode"], models = ["tiny-1m"] }]
"#;

const OUTPUTS: [&str; 9] = [
    "--junit",
    "gate.xml",
    "--markdown",
    "gate.md",
    "--sarif",
    "gate.sarif",
    "--gitlab",
    "gate.json",
    "--json",
];

/// The gate over runs, every output written and held to its schema.
fn gate(desk: &Desk, runs: &[&str], more: &[&str], exit: i32) -> Said {
    desk.write("gate.toml", POLICY);
    let args = [&["gate"], runs, &["--policy", "gate.toml"], &OUTPUTS, more].concat();
    let answer = desk.run(DYNO, &args).expect(exit);
    let said = Said::read(desk, &answer);
    said.fits_the_schema(desk);
    said
}

struct Said {
    verdict: String,
    gate: serde_json::Value,
    junit: String,
    markdown: String,
    sarif: serde_json::Value,
    gitlab: serde_json::Value,
}

impl Said {
    fn read(desk: &Desk, answer: &Answer) -> Self {
        let file = |name: &str| std::fs::read_to_string(desk.path(name)).unwrap();
        let gate: serde_json::Value = serde_json::from_str(&answer.out).unwrap();
        Self {
            verdict: gate["verdict"].as_str().unwrap().to_owned(),
            gate,
            junit: file("gate.xml"),
            markdown: file("gate.md"),
            sarif: serde_json::from_str(&file("gate.sarif")).unwrap(),
            gitlab: serde_json::from_str(&file("gate.json")).unwrap(),
        }
    }

    fn fits_the_schema(&self, desk: &Desk) {
        let schema = dyno_tests::root().join("reports/tests/published/junit-10.xsd");
        let checked = Command::new("xmllint")
            .args(["--noout", "--nonet", "--schema"])
            .arg(schema)
            .arg(desk.path("gate.xml"))
            .output()
            .expect("xmllint is there: `cargo run -p scripts -- test` installs libxml2-utils");
        assert!(checked.status.success(), "{}\n{}", String::from_utf8_lossy(&checked.stderr), self.junit);
        // SARIF and GitLab's format are held to their schemas beside the page's, by `tests/browser`.
    }

    /// The row of a metric of a case.
    fn row(&self, case: &str, metric: &str) -> &serde_json::Value {
        let rows = self.gate["rows"].as_array().unwrap();
        let found = rows.iter().find(|row| row["cell"]["case"] == case && row["metric"] == metric);
        found.unwrap_or_else(|| panic!("{metric} of {case} is not among {rows:?}"))
    }

    /// What every output has to agree on.
    fn stops(&self, failures: usize, errors: usize) {
        assert!(
            self.junit.contains(&format!("failures=\"{failures}\" errors=\"{errors}\"")),
            "{}",
            self.junit
        );
        let results = self.sarif["runs"][0]["results"].as_array().unwrap();
        assert_eq!(results.len(), failures + errors, "{results:?}");
        assert_eq!(self.gitlab.as_array().unwrap().len(), failures + errors, "{}", self.gitlab);
        assert!(self.markdown.contains(self.gate["headline"].as_str().unwrap()), "{}", self.markdown);
    }
}

#[test]
fn nothing_changed() {
    let desk = Desk::new();
    in_turn(&desk, "run", &Bench::default(), |_, told| told);
    let said = gate(&desk, &["run"], &[], 0);
    assert_eq!(said.verdict, "passes");
    assert_eq!(said.row("decode", "decode_rate")["verdict"], "same");
    said.stops(0, 0);
}

#[test]
fn a_true_regression() {
    let desk = Desk::new();
    in_turn(&desk, "run", &Bench { candidate_rate: 0.94, ..Bench::default() }, |_, told| told);
    let said = gate(&desk, &["run"], &[], 1);
    assert_eq!(said.verdict, "regressed");
    let row = said.row("decode", "decode_rate");
    assert_eq!(row["verdict"], "regressed");
    let change = row["effect"]["change"].as_f64().unwrap();
    assert!((change + 0.06).abs() < 0.01, "{change}");
    said.stops(1, 0);
    let github = desk.run(DYNO, &["gate", "run", "--policy", "gate.toml", "--github"]).expect(1).out;
    assert!(github.starts_with("::error title=dyno gate::regressed"), "{github}");
}

#[test]
fn a_regression_is_confirmed_before_it_is_reported() {
    let desk = Desk::new();
    let slower = Bench { candidate_rate: 0.94, ..Bench::default() };
    in_turn(&desk, "run", &slower, |_, told| told);
    in_turn(&desk, "again", &Bench { seed: 7, ..slower }, |_, told| told);
    in_turn(&desk, "calm", &Bench { seed: 8, ..Bench::default() }, |_, told| told);
    // The embedded policy asks for a fresh run.
    let owed = desk.run(DYNO, &["gate", "run"]).expect(3).out;
    assert!(
        owed.contains("has not confirmed it yet") && owed.contains("to confirm: dyno gate run"),
        "{owed}"
    );
    let confirmed = desk.run(DYNO, &["gate", "run", "--confirm", "again"]).expect(1).out;
    assert!(confirmed.contains("a fresh run confirmed it"), "{confirmed}");
    let refuted = desk.run(DYNO, &["gate", "run", "--confirm", "calm"]).expect(3).out;
    assert!(refuted.contains("a fresh run did not show it again"), "{refuted}");
}

#[test]
fn an_improvement() {
    let desk = Desk::new();
    in_turn(&desk, "run", &Bench { candidate_rate: 1.08, ..Bench::default() }, |_, told| told);
    let said = gate(&desk, &["run"], &[], 0);
    assert_eq!(said.row("decode", "decode_rate")["verdict"], "improved");
    said.stops(0, 0);
}

#[test]
fn a_crash_of_every_cell_in_the_candidate() {
    let desk = Desk::new();
    let crashed = |side, told: Told| match side {
        Side::Base => told,
        Side::Candidate => {
            let failure = Failure::new(FailureKind::AgentDied, "the agent ended (signal 11)");
            Told { bodies: vec![], outcome: Some(Outcome::Failed { failure }), ..told }
        }
    };
    in_turn(&desk, "run", &Bench::default(), crashed);
    let said = gate(&desk, &["run"], &[], 4);
    assert_eq!(said.verdict, "trouble");
    assert_eq!(said.row("decode", "decode_rate")["problem"], "crashed");
    assert!(said.junit.contains("signal 11"), "{}", said.junit);
    said.stops(0, 4);
}

#[test]
fn one_missing_cell() {
    let desk = Desk::new();
    let bench = Bench { left_out: Some("chat"), ..Bench::default() };
    in_turn(&desk, "run", &bench, |_, told| told);
    let said = gate(&desk, &["run"], &[], 3);
    assert_eq!(said.row("chat", "decode_rate")["problem"], "missing");
    assert_eq!(said.row("decode", "decode_rate")["verdict"], "same");
    said.stops(0, 2);
}

#[test]
fn a_required_cell_that_nobody_measured() {
    let desk = Desk::new();
    let bench = Bench { model: "tiny-5m", ..Bench::default() };
    in_turn(&desk, "run", &bench, |_, told| told);
    let said = gate(&desk, &["run"], &[], 3);
    assert!(said.gate["unmet"][0].as_str().unwrap().contains("tiny-1m"), "{}", said.gate["unmet"]);
    said.stops(0, 1);
}

#[test]
fn a_device_that_was_swapped() {
    let desk = Desk::new();
    one_side(&desk, "base", &phone(), 20.0);
    let mut other = phone();
    other.device_id = "another-phone".into();
    one_side(&desk, "candidate", &other, 20.0);
    let said = gate(&desk, &["base", "candidate"], &[], 3);
    let row = said.row("decode", "decode_rate");
    assert_eq!(row["problem"], "mismatched");
    assert!(
        row["why"][0].as_str().unwrap().contains("another device (test-phone against another-phone)"),
        "{row}"
    );
}

#[test]
fn a_system_that_was_updated_in_between() {
    let desk = Desk::new();
    one_side(&desk, "base", &phone(), 20.0);
    let mut updated = phone();
    updated.os_build = Known::Is("23T2".into());
    one_side(&desk, "candidate", &updated, 20.0);
    let said = gate(&desk, &["base", "candidate"], &[], 3);
    assert_eq!(said.row("decode", "decode_rate")["problem"], "mismatched");
    assert!(said.markdown.contains("OS build"), "{}", said.markdown);
}

#[test]
fn a_hot_start() {
    let desk = Desk::new();
    let hot = |side, mut told: Told| {
        if side == Side::Candidate {
            told.conditions.thermal = Known::Is(ThermalState::Fair);
        }
        told
    };
    in_turn(&desk, "run", &Bench::default(), hot);
    let said = gate(&desk, &["run"], &[], 3);
    assert_eq!(said.row("decode", "decode_rate")["problem"], "hot");
}

#[test]
fn garbage_output_that_is_fast() {
    let desk = Desk::new();
    let garbage = |side, mut told: Told| {
        if side == Side::Candidate {
            for body in &mut told.bodies {
                if let RecordBody::Generation(pass) = body {
                    pass.finish = Finish::Loop { from_token: 3, what: "newlines".into() };
                }
            }
        }
        told
    };
    in_turn(&desk, "run", &Bench { candidate_rate: 3.0, ..Bench::default() }, garbage);
    let said = gate(&desk, &["run"], &[], 1);
    assert_eq!(said.row("decode", "decode_rate")["problem"], "wrong-output");
    assert!(said.markdown.contains("round in circles"), "{}", said.markdown);
    said.stops(4, 0);
}

#[test]
fn a_quality_loss_hidden_by_a_gain_in_speed() {
    let desk = Desk::new();
    // Of 400 items the base has 280 right; the candidate loses 60 of them and wins 5.
    let answers = |side| -> Vec<ItemAnswer> {
        let right = |item: u32| match side {
            Side::Base => item < 280,
            Side::Candidate => (60..280).contains(&item) || (300..305).contains(&item),
        };
        (0..400).map(|item| sided::answer(&format!("item-{item}"), right(item))).collect()
    };
    let bench = Bench { candidate_rate: 1.1, items: true, ..Bench::default() };
    in_turn(&desk, "run", &bench, |side, told| {
        let asked = told.cell.case == "items";
        Told { answers: if asked { answers(side) } else { vec![] }, ..told }
    });
    let said = gate(&desk, &["run"], &[], 1);
    assert_eq!(said.row("decode", "decode_rate")["verdict"], "improved");
    let accuracy = said.row("items", "accuracy");
    assert_eq!(accuracy["verdict"], "regressed", "{accuracy}");
    said.stops(1, 0);
}

#[test]
fn too_little_cannot_tell_and_says_what_would() {
    let desk = Desk::new();
    in_turn(&desk, "run", &Bench { rounds: 3, noise: 0.05, ..Bench::default() }, |_, told| told);
    let said = gate(&desk, &["run"], &[], 3);
    assert_eq!(said.row("decode", "decode_rate")["problem"], "undecided");
    let needed = &said.gate["needed"][0];
    assert_eq!((&needed["purpose"], &needed["rounds"]), (&"top-up".into(), &4.into()));
    // Another run of the same kind, given by hand, adds its pairs.
    in_turn(&desk, "more", &Bench { rounds: 30, seed: 9, ..Bench::default() }, |_, told| told);
    let said = gate(&desk, &["run"], &["--with", "more"], 0);
    assert_eq!(said.row("decode", "decode_rate")["effect"]["repetitions"], 33);
}

#[test]
fn a_waiver_counts_until_its_day_and_no_longer() {
    let desk = Desk::new();
    in_turn(&desk, "run", &Bench { candidate_rate: 0.9, ..Bench::default() }, |_, told| told);
    let with = |until: &str| {
        format!(
            "{POLICY}\n[[policy.waiver]]\nwho = \"Ada\"\nwhy = \"known, mended next week\"\nuntil = {until}\ncases = [\"speed/decode\", \"speed/chat\"]\n"
        )
    };
    desk.write("waived.toml", &with("2999-12-31"));
    let said = desk.run(DYNO, &["gate", "run", "--policy", "waived.toml"]).expect(0).out;
    assert!(said.contains("waived by Ada until 2999-12-31: known, mended next week"), "{said}");
    desk.write("expired.toml", &with("2020-01-01"));
    let said = desk.run(DYNO, &["gate", "run", "--policy", "expired.toml"]).expect(1).out;
    assert!(said.contains("the waiver of Ada ended on 2020-01-01"), "{said}");
}

#[test]
fn a_broken_policy_names_its_line() {
    let desk = Desk::new();
    in_turn(&desk, "run", &Bench::default(), |_, told| told);
    desk.write("broken.toml", &POLICY.replace("decode_rate", "decode_rat"));
    let answer = desk.run(DYNO, &["gate", "run", "--policy", "broken.toml"]).expect(2);
    answer.says("broken.toml:8").says("did you mean `decode_rate`?");
    desk.run(DYNO, &["gate", "run", "--policy", "no-such"]).expect(2).says("neither a file nor a policy");
    one_side(&desk, "base", &phone(), 20.0);
    desk.run(DYNO, &["gate", "base"]).expect(2).says("measured one side only");
}

#[test]
fn sessions_apart_need_a_known_noise_floor() {
    let desk = Desk::new();
    one_side(&desk, "base", &phone(), 20.0);
    one_side(&desk, "candidate", &phone(), 16.0);
    let said = gate(&desk, &["base", "candidate"], &[], 3);
    assert_eq!(said.row("decode", "decode_rate")["problem"], "unpaired");
    // Sessions of one build that stray by two percent or so: a fifth is far outside.
    for (number, rate) in [20.0, 20.4, 19.7, 20.2, 19.9].into_iter().enumerate() {
        let name = format!("past-{number}");
        one_side(&desk, &name, &phone(), rate);
        desk.run(DYNO, &["history", "add", &name]).expect(0);
    }
    let said = gate(&desk, &["base", "candidate"], &[], 1);
    let row = said.row("decode", "decode_rate");
    assert_eq!(row["verdict"], "regressed", "{row}");
    assert!(row["effect"]["floor"].as_f64().unwrap() > 0.0);
    assert_eq!(decode("tiny-1m").case, "decode");
}
