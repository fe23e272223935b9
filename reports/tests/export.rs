//! Exports: complete, unrounded, with the unit in the column's name.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]
#![allow(clippy::float_cmp, reason = "values are taken over as they stand, to the last digit")]

mod constructed;

use dyno_reports::export::{ExportTable, Field, csv, json, tables};
use dyno_reports::import::embedded_evidence;
use dyno_suites::Definitions;

fn exported() -> Vec<ExportTable> {
    let definitions = Definitions::embedded().unwrap();
    let mut analysis = constructed::ordinary();
    analysis.foreign = embedded_evidence(&definitions).unwrap();
    tables(&analysis, &definitions)
}

fn table<'a>(tables: &'a [ExportTable], name: &str) -> &'a ExportTable {
    tables.iter().find(|table| table.name == name).unwrap()
}

#[test]
fn columns_of_metrics_end_with_their_unit() {
    let tables = exported();
    let summaries = table(&tables, "summaries");
    for column in ["decode_rate_token_per_s", "decode_rate_low_token_per_s", "ttft_ms", "peak_footprint_byte"]
    {
        assert!(
            summaries.columns.iter().any(|known| known == column),
            "{column} is missing: {:?}",
            summaries.columns
        );
    }
    for table in &tables {
        assert!(table.rows.iter().all(|row| row.len() == table.columns.len()), "{}", table.name);
        let mut names = table.columns.clone();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), table.columns.len(), "{} names a column twice", table.name);
    }
}

#[test]
fn nothing_is_left_out_and_nothing_is_rounded() {
    let tables = exported();
    let analysis = constructed::ordinary();
    assert_eq!(table(&tables, "trials").rows.len(), analysis.trials.len());
    assert_eq!(table(&tables, "third_party").rows.len(), 21);
    let text = csv(table(&tables, "third_party")).unwrap();
    assert!(text.contains("27.899960878695268"));
    let outcomes: Vec<&Field> = table(&tables, "trials").rows.iter().map(|row| &row[5]).collect();
    for outcome in ["done", "failed", "invalid", "cut", "never-begun"] {
        assert!(outcomes.contains(&&Field::from(outcome)), "{outcome}");
    }
}

#[test]
fn csv_and_json_say_the_same() {
    let tables = exported();
    let all: serde_json::Value = serde_json::from_str(&json(&tables).unwrap()).unwrap();
    for table in &tables {
        let text = csv(table).unwrap();
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().unwrap().clone();
        let rows: Vec<::csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let listed = all[table.name].as_array().unwrap();
        assert_eq!(rows.len(), listed.len());
        for (row, object) in rows.iter().zip(listed) {
            for (column, text) in header.iter().zip(row) {
                match &object[column] {
                    serde_json::Value::Null => assert_eq!(text, ""),
                    serde_json::Value::Number(number) => {
                        assert_eq!(number.as_f64().unwrap(), text.parse::<f64>().unwrap(), "{column}");
                    }
                    other => assert_eq!(other.as_str().unwrap(), text.trim_start_matches('\''), "{column}"),
                }
            }
        }
    }
}

#[test]
fn a_spreadsheet_does_not_run_what_a_device_is_called() {
    let analysis = constructed::hostile("=HYPERLINK(\"x\")");
    let tables = tables(&analysis, &Definitions::embedded().unwrap());
    for table in &tables {
        let text = csv(table).unwrap();
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        for row in reader.records() {
            assert!(row.unwrap().iter().all(|field| !field.starts_with('=')), "{}", table.name);
        }
    }
}
