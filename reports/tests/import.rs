//! Importers against real files, made-up ones of every format, and files that were damaged on the way.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]
#![allow(clippy::float_cmp, reason = "values are taken over as they stand, to the last digit")]

use std::collections::BTreeSet;

use dyno_protocol::{ComputeUnit, Known, PowerSource, ThermalState};
use dyno_reports::foreign::ForeignRow;
use dyno_reports::import::{Format, detect, detect_and_read, embedded_evidence};
use dyno_suites::Definitions;
use proptest::prelude::*;

const POWER: &str = include_str!("../evidence/powermetrics/m4-macos15.log");
const LLAMA_DECODE: &str = include_str!("../evidence/llama-bench/lcpp_qwen3-4b_q4k_taskset_decode.txt");
const LLAMA_PREFILL: &str = include_str!("../evidence/llama-bench/lcpp_qwen3-4b_q4k_default_prefill.txt");
const YARDSTICK: &str =
    include_str!("../evidence/yardstick/iphone17pro-coreml-llm-qwen3.5-2b-short-chat-run1.jsonl");
const LLAMA_CSV: &str = include_str!("imports/llama-bench.csv");
const LLAMA_MARKDOWN: &str = include_str!("imports/llama-bench.md");
const LLAMA_SQL: &str = include_str!("imports/llama-bench.sql");
const LLAMA_LINES: &str = include_str!("imports/llama-bench.jsonl");
const MLX_LM: &str = include_str!("imports/mlx-lm.txt");
const LM_EVAL: &str = include_str!("imports/lm-eval-results.json");
const LM_EVAL_SAMPLES: &str = include_str!("imports/lm-eval-samples.jsonl");
const MLPERF: &str = include_str!("imports/mlperf-mobile.json");

const ALL: [(&str, Format); 12] = [
    (YARDSTICK, Format::YardstickLines),
    (LLAMA_DECODE, Format::LlamaBenchJson),
    (LLAMA_PREFILL, Format::LlamaBenchJson),
    (LLAMA_CSV, Format::LlamaBenchCsv),
    (LLAMA_MARKDOWN, Format::LlamaBenchMarkdown),
    (LLAMA_SQL, Format::LlamaBenchSql),
    (LLAMA_LINES, Format::LlamaBenchLines),
    (MLX_LM, Format::MlxLmText),
    (LM_EVAL, Format::LmEvalResults),
    (LM_EVAL_SAMPLES, Format::LmEvalSamples),
    (MLPERF, Format::MlperfMobile),
    (POWER, Format::Powermetrics),
];

fn rows(text: &str) -> Vec<ForeignRow> {
    let mut read = detect_and_read("file", text.as_bytes()).unwrap();
    assert_eq!(read.len(), 1);
    read.pop().unwrap().1
}

fn flagged(row: &ForeignRow, what: &str) -> bool {
    row.flags.iter().any(|flag| flag.contains(what))
}

fn evidence() -> Vec<ForeignRow> {
    let definitions = Definitions::embedded().unwrap();
    embedded_evidence(&definitions).unwrap().into_iter().flat_map(|(_, rows)| rows).collect()
}

fn spread<'a>(rows: impl Iterator<Item = &'a ForeignRow>) -> (usize, String, String) {
    let rates: Vec<f64> = rows.map(|row| row.values["decode_rate"]).collect();
    let low = rates.iter().copied().fold(f64::INFINITY, f64::min);
    let high = rates.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (rates.len(), format!("{low:.1}"), format!("{high:.1}"))
}

#[test]
fn what_was_measured_on_a_phone_is_read_as_it_stands() {
    let rows = evidence();
    let phone = |row: &&ForeignRow| row.device_name == Known::Is("iPhone 17 Pro".to_owned());
    let two = |row: &&ForeignRow| row.model_id.as_deref() == Some("qwen3.5-2b");
    let neural: Vec<&ForeignRow> = rows
        .iter()
        .filter(phone)
        .filter(two)
        .filter(|row| row.unit == Known::Is(ComputeUnit::NeuralEngine))
        .collect();
    assert_eq!(spread(neural.iter().copied()), (3, "26.9".into(), "28.1".into()));
    for row in &neural {
        assert_eq!(row.debug_build, Known::Is(true));
        assert_eq!(row.power, Known::Is(PowerSource::Charging));
        assert_eq!(row.thermal_start, Known::Is(ThermalState::Fair));
        assert!(row.os_build.value().is_none());
        for flag in
            ["no OS build", "Debug build", "charging", "thermal state fair", "the engine's own figure"]
        {
            assert!(flagged(row, flag), "{flag} is missing among {:?}", row.flags);
        }
    }
    let mlx = rows.iter().filter(phone).filter(two).filter(|row| row.engine == "mlx-swift");
    assert_eq!(spread(mlx), (3, "60.7".into(), "61.6".into()));
    assert!(!rows.iter().filter(phone).any(|row| row.model_id.as_deref() == Some("qwen3.5-0.8b")));
}

#[test]
fn rows_of_the_mac_keep_their_gaps() {
    let rows = evidence();
    let mac: Vec<&ForeignRow> =
        rows.iter().filter(|row| row.model_id.as_deref() == Some("qwen3.5-0.8b")).collect();
    assert_eq!(mac.len(), 9);
    for row in mac {
        assert_eq!(row.os_build, Known::Is("25A354".to_owned()));
        assert_eq!(row.debug_build, Known::Is(false));
        assert!(row.device_identifier.value().is_none(), "arm64 is no device");
        assert!(flagged(row, "power source not stated"));
        assert_eq!(flagged(row, "untemplated prompt"), row.engine == "llama.cpp");
    }
}

#[test]
fn one_step_of_a_battery_gauge_is_no_energy() {
    let rows = evidence();
    let energy: Vec<&ForeignRow> = rows.iter().filter(|row| row.task == "energy").collect();
    assert_eq!(energy.len(), 3);
    for row in energy {
        assert!(flagged(row, "1 step of a battery gauge"));
        assert!(!row.values.keys().any(|metric| metric.contains("energy") || metric.contains("joule")));
        assert!(row.series["decode_rate"].len() > 400);
    }
}

#[test]
fn every_row_names_what_keeps_it_from_being_clean_and_where_it_stands() {
    for (text, format) in ALL {
        assert_eq!(detect(text), Some(format));
        for row in rows(text) {
            assert!(!row.flags.is_empty(), "{format:?}");
            assert!(
                row.line >= 1 && row.line as usize <= text.lines().count(),
                "{format:?}: line {}",
                row.line
            );
            assert!(row.values.values().chain(row.series.values().flatten()).all(|value| value.is_finite()));
        }
    }
}

#[test]
fn llama_bench_says_the_same_in_every_format() {
    let decode = rows(LLAMA_DECODE);
    assert_eq!(decode.len(), 6);
    assert_eq!(decode[0].task, "tg256 @ d128");
    assert_eq!(decode[0].quant, Known::Is("Q4_K - Medium".into()));
    assert_eq!(decode[0].unit, Known::Is(ComputeUnit::Cpu));
    assert_eq!(decode[0].series["decode_rate"], [36.9262, 36.9036]);
    assert_eq!(LLAMA_DECODE.lines().nth(decode[1].line as usize - 1).unwrap().trim(), "{");
    assert_eq!(rows(LLAMA_PREFILL)[1].values["prefill_rate"], 90.577_75);
    for text in [LLAMA_CSV, LLAMA_MARKDOWN, LLAMA_SQL, LLAMA_LINES] {
        let found = rows(text);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].task.as_str(), found[1].task.as_str()), ("pp512", "tg128 @ d4096"));
        assert!((found[0].values["prefill_rate"] - 90.58).abs() < 0.01);
        assert!((found[1].values["decode_rate"] - 22.05).abs() < 0.01);
        assert_eq!(found[1].unit, Known::Is(ComputeUnit::Cpu));
        assert!(flagged(&found[0], "random tokens"));
    }
}

#[test]
fn other_tools_are_read_in_our_units() {
    let mlx = &rows(MLX_LM)[0];
    assert_eq!((mlx.values["decode_rate"], mlx.values["prefill_rate"]), (287.5, 4_105.25));
    assert_eq!(mlx.values["peak_footprint"], 1.279e9);
    assert_eq!(mlx.series["decode_rate"], [287.0, 288.0]);
    let harness = rows(LM_EVAL);
    let tasks: BTreeSet<&str> = harness.iter().map(|row| row.task.as_str()).collect();
    assert_eq!(tasks, BTreeSet::from(["arc_easy", "gsm8k"]));
    assert!(harness.iter().all(|row| flagged(row, "untemplated prompt")));
    let samples = &rows(LM_EVAL_SAMPLES)[0];
    assert_eq!(samples.series["accuracy"], [1.0, 0.0, 1.0, 1.0]);
    assert_eq!(samples.values["accuracy"], 0.75);
    let mobile = &rows(MLPERF)[0];
    assert_eq!(mobile.device_name, Known::Is("iPhone XS".into()));
    assert_eq!(mobile.unit, Known::Is(ComputeUnit::NeuralEngine));
    let power = &rows(POWER)[0];
    assert_eq!(power.values["power_combined_watts"], 0.983);
    assert_eq!(power.os_build, Known::Is("24F74".into()));
}

#[test]
fn unknown_fields_do_not_disturb() {
    let more = YARDSTICK.replacen('{', "{\"a_new_field\":{\"deep\":[1,2]},", 1);
    assert_eq!(rows(&more)[0].values, rows(YARDSTICK)[0].values);
    let source = detect_and_read("x", more.as_bytes()).unwrap().remove(0).0;
    assert!(source.verbatim.contains("a_new_field"), "what is not understood is still kept");
}

#[test]
fn a_file_that_is_not_what_it_says_is_refused_with_its_line() {
    let second_is_cut = format!("{}{}", YARDSTICK, &YARDSTICK[..200]);
    let no_rate = YARDSTICK.replace("decodeTokensPerSecond", "tokens");
    let text_rate = YARDSTICK.replace("27.899960878695268", "\"fast\"");
    let cases = [
        ("just some text", 1, "no kind that is known"),
        ("", 1, "no kind that is known"),
        (second_is_cut.as_str(), 2, "not JSON"),
        (no_rate.as_str(), 1, "missing or no number"),
        (text_rate.as_str(), 1, "missing or no number"),
    ];
    for (text, line, what) in cases {
        let error = detect_and_read("results.jsonl", text.as_bytes()).unwrap_err();
        assert_eq!((error.file.as_str(), error.line), ("results.jsonl", line), "{error}");
        assert!(error.what.contains(what), "{error}");
        assert!(!error.hint.is_empty());
    }
    let binary = detect_and_read("x", b"{\"a\":1}\n\xff\xfe").unwrap_err();
    assert_eq!(binary.line, 2);
    let large = vec![b' '; dyno_reports::import::MAX_FILE_BYTES + 1];
    assert!(detect_and_read("x", &large).unwrap_err().what.contains("over the limit"));
    let partial = LLAMA_DECODE.split("\"n_gen\": 256").next().unwrap();
    assert!(detect_and_read("x", partial.as_bytes()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever happens to a file on its way, it is read or refused; it never stops the program.
    #[test]
    fn damaged_files_are_read_or_refused(
        which in 0..ALL.len(),
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), 0..40_usize, any::<Vec<u8>>()), 1..6),
    ) {
        let mut bytes = ALL[which].0.as_bytes().to_vec();
        for (at, length, put) in cuts {
            let at = at.index(bytes.len() + 1).min(bytes.len());
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, put.into_iter().take(24));
        }
        if let Ok(read) = detect_and_read("damaged", &bytes) {
            for (_, rows) in read {
                for row in rows {
                    prop_assert!(row.values.values().all(|value| value.is_finite()));
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>(), start in 0..4_usize) {
        let mut all = ["{", "[\n", "| model | test | t/s |\n", "model_type,n_prompt,avg_ts\n"][start].as_bytes().to_vec();
        all.extend(bytes);
        let _ = detect_and_read("any", &all);
    }
}
