//! The gate as SARIF 2.1.0: one rule for each metric, one result for each number that stops the release or is waived.

use serde_json::{Value, json};

use super::gitlab::fingerprint;
use super::{Gate, GateRow, Stop, words};
use crate::readable::clean;

const SCHEMA: &str =
    "https://raw.githubusercontent.com/oasis-tcs/sarif-spec/master/Schemata/sarif-schema-2.1.0.json";

/// `path` is the file that results are shown at, relative to the repository: the policy's own.
pub fn sarif(gate: &Gate, version: &str, path: &str) -> Result<String, serde_json::Error> {
    let mut rules: Vec<String> = gate.rows.iter().map(|row| rule(&row.row.metric)).collect();
    rules.extend([rule("required"), rule("gate")]);
    rules.sort();
    rules.dedup();
    let mut results: Vec<Value> = gate
        .rows
        .iter()
        .filter(|row| row.stop != Stop::Passes || row.waived.is_some())
        .map(|row| of_row(row, path))
        .collect();
    results.extend(gate.unmet.iter().map(|what| result(&rule("required"), "error", what, what, path)));
    if results.is_empty() && gate.verdict != Stop::Passes {
        results.push(result(&rule("gate"), "error", &gate.headline, "", path));
    }
    let rules: Vec<Value> = rules.iter().map(|id| json!({ "id": id })).collect();
    serde_json::to_string_pretty(&json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "dyno", "version": version, "rules": rules } },
            "results": results,
        }],
    }))
}

fn rule(metric: &str) -> String {
    format!("dyno/{metric}")
}

fn of_row(row: &GateRow, path: &str) -> Value {
    let cell = words::cell(&row.row.cell);
    let level = if row.waived.is_some() { "note" } else { "error" };
    let said = format!("{cell}: {}", words::sentence(row));
    let mut result = result(&rule(&row.row.metric), level, &said, &cell, path);
    if let Some(waived) = &row.waived {
        result["suppressions"] = json!([{ "kind": "external", "justification": clean(&format!("{}: {}", waived.who, waived.why)) }]);
    }
    result
}

fn result(rule: &str, level: &str, said: &str, place: &str, path: &str) -> Value {
    json!({
        "ruleId": rule,
        "level": level,
        "message": { "text": clean(said) },
        "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(path) }, "region": { "startLine": 1 } } }],
        "partialFingerprints": { "dyno/v1": fingerprint(rule, place) },
    })
}

/// A path as a relative reference: whatever has a meaning in one is written by its code.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
