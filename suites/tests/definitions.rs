//! The definitions that are part of the binary: whole, versioned, and the same after a bundle kept them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::{BTreeMap, BTreeSet};

use dyno_suites::{Definitions, EvidenceKind, Test, Weights, Wording};

fn embedded() -> Definitions {
    Definitions::embedded().unwrap_or_else(|mistakes| panic!("\n{mistakes}"))
}

#[test]
fn every_version_keeps_the_content_that_it_was_released_with() {
    let ledger = include_str!("../definitions/VERSIONS.txt");
    let recorded: BTreeMap<&str, &str> = ledger
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.rsplit_once(' '))
        .collect();
    let mut missing = Vec::new();
    for (id, sha256) in embedded().versions() {
        match recorded.get(id.as_str()) {
            Some(known) => assert_eq!(known, sha256, "{id} changed: give it a new version"),
            None => missing.push(format!("{id} {sha256}")),
        }
    }
    assert!(missing.is_empty(), "append to suites/definitions/VERSIONS.txt:\n{}", missing.join("\n"));
    let lines = ledger.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(recorded.len(), lines, "an id@version stands in VERSIONS.txt once");
}

#[test]
fn the_twenty_claims_are_there_in_order() {
    let definitions = embedded();
    let numbers: Vec<_> = definitions.claims().iter().map(|claim| claim.number).collect();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
}

#[test]
fn nothing_but_a_measurement_decides_what_is_said_about_a_device() {
    for claim in embedded().claims() {
        let refuses = claim.tests.iter().all(|test| matches!(test, Test::RefusedEvidence { .. }));
        if !refuses {
            assert_eq!(claim.decided_by, [EvidenceKind::Measured], "{}", claim.id);
        }
    }
}

#[test]
fn a_quotation_names_where_it_stands_and_nothing_else_looks_like_one() {
    for claim in embedded().claims() {
        let quoted = claim.wording == Wording::Source;
        assert_eq!(claim.source.place.starts_with("https://"), quoted, "{}", claim.id);
        assert_eq!(claim.said().starts_with('“'), quoted, "{}", claim.id);
        assert_eq!(claim.said_by().ends_with("in our words"), !quoted, "{}", claim.id);
    }
}

#[test]
fn the_command_that_decides_a_claim_names_only_what_is_defined() {
    let definitions = embedded();
    for claim in definitions.claims() {
        let line = claim.decide_with();
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[..2], ["dyno", "run"], "{line}");
        let mut words = words[2..].iter().copied().peekable();
        let mut suites = 0;
        while let Some(suite) = words.next_if(|word| !word.starts_with("--")) {
            assert!(
                definitions.suite(suite).is_ok() || claim.missing_suites().iter().any(|named| named == suite)
            );
            suites += 1;
        }
        assert!(suites > 0, "{line}");
        while let Some(flag) = words.next() {
            let values = words.next().unwrap_or_default();
            for value in values.split(',') {
                let known = match flag {
                    "--model" => definitions.model(value).is_ok(),
                    "--quant" => definitions.quant(value).is_ok(),
                    "--engine" => definitions.engine(value).is_ok(),
                    "--unit" | "--device" => !value.is_empty(),
                    _ => false,
                };
                assert!(known, "{line}: {flag} {value}");
            }
        }
    }
}

#[test]
fn a_bundle_gives_back_the_definitions_that_it_kept() {
    let definitions = embedded();
    let kept = definitions.verbatim();
    let again = Definitions::from_verbatim(&kept).unwrap_or_else(|mistakes| panic!("\n{mistakes}"));
    assert_eq!(again, definitions);
    assert_eq!(again.fingerprint(), definitions.fingerprint());
    let mut other = kept.clone();
    other.values_mut().next().unwrap().push_str("# a comment\n");
    assert_ne!(Definitions::from_verbatim(&other).unwrap().fingerprint(), definitions.fingerprint());
}

#[test]
fn every_metric_that_a_case_yields_is_of_use_and_every_suite_has_work() {
    let definitions = embedded();
    for suite in definitions.suites() {
        for case in &suite.cases {
            assert!(!case.variants(None).is_empty(), "{}/{}", suite.id, case.id);
            assert!(!case.metrics.is_empty());
        }
    }
    let plan = definitions.plan("speed-short").unwrap();
    assert!(plan.short && plan.cases.len() > 3);
}

#[test]
fn what_others_call_a_model_a_format_or_an_engine_is_found_and_means_one_thing() {
    let definitions = embedded();
    let (model, quant) = definitions.model_by_name("mlx-community/Qwen3.5-2B-MLX-4bit").unwrap();
    assert_eq!((model.id.as_str(), quant.map(|quant| quant.id.as_str())), ("qwen3.5-2b", Some("4bit")));
    assert_eq!(definitions.quant_by_name("affine6-g64").unwrap().id, "6bit");
    assert_eq!(definitions.quant_by_name("Q8_0").unwrap().id, "gguf:q8_0");
    assert_eq!(definitions.engine_by_name("mlx-swift").unwrap().id, "mlx");
    assert_eq!(definitions.device_by_identifier("iPhone18,1").unwrap().marketing_name, "iPhone 17 Pro");
    assert_eq!(definitions.chip_by_name("Apple M4 Max").unwrap().id, "m4-max");
    assert!(definitions.device_by_identifier("arm64").is_none());
    let mut names = BTreeSet::new();
    for model in definitions.models() {
        for known in &model.names {
            assert!(names.insert(known.name.to_lowercase()), "{} names two models", known.name);
        }
    }
    let mut formats = BTreeSet::new();
    for quant in definitions.quants() {
        for name in std::iter::once(&quant.id).chain(&quant.aliases) {
            assert!(formats.insert(name.to_lowercase()), "{name} names two formats");
        }
    }
    let mut identifiers = BTreeSet::new();
    for identifier in definitions.devices().iter().flat_map(|device| &device.identifiers) {
        assert!(identifiers.insert(identifier), "{identifier} names two devices");
    }
}

#[test]
fn synthetic_models_have_a_shape_and_unknown_ids_come_with_a_hint() {
    let definitions = embedded();
    for model in definitions.models() {
        if let Weights::Synthetic { shape } = &model.weights {
            assert!(dyno_suites::shape::config_json(shape).is_some());
        }
    }
    let unknown = definitions.suite("sped").unwrap_err();
    assert_eq!(unknown.to_string(), "there is no suite `sped`; did you mean `speed`?");
    let unknown = definitions.plan("everything").unwrap_err();
    assert_eq!(unknown.to_string(), "there is no plan `everything`; known: speed-short");
}
