//! `MLPerf` Mobile: the result file of the app, with one entry for each benchmark.

use dyno_protocol::{ComputeUnit, Known};
use serde_json::Value;

use crate::foreign::ForeignRow;

use super::error::Mistake;
use super::{blank, gaps, lenient};

const TOOL: &str = "mlperf-mobile";

pub(super) fn is(value: &Value) -> bool {
    value.get("results").is_some_and(Value::is_array)
        && value.get("environment_info").is_some()
        && value.get("build_info").is_some()
}

pub(super) fn read(value: &Value) -> Result<Vec<ForeignRow>, Mistake> {
    let results = value.get("results").and_then(Value::as_array);
    let results = results.ok_or_else(|| {
        Mistake::new(1, "`results` is no list", "is this really a result of MLPerf Mobile?")
    })?;
    results.iter().enumerate().map(|(index, result)| read_row(index + 1, value, result)).collect()
}

/// `number` is the place in the list: the file is one JSON text.
fn read_row(number: usize, file: &Value, result: &Value) -> Result<ForeignRow, Mistake> {
    let id = lenient::text(result, &["benchmark_id"]).ok_or_else(|| {
        Mistake::new(
            number,
            format!("result {number} has no `benchmark_id`"),
            "is this really MLPerf Mobile?",
        )
    })?;
    let mut row = blank::row(number, TOOL);
    row.model = lenient::text(result, &["backend_settings", "model_path"]).unwrap_or_else(|| id.clone());
    row.task = id;
    let backend = lenient::text(result, &["backend_info", "backend_name"]).unwrap_or_default();
    let framework = lenient::text(result, &["backend_settings", "framework"]).unwrap_or_default();
    row.engine =
        [backend, framework].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    if row.engine.is_empty() {
        TOOL.clone_into(&mut row.engine);
    }
    row.unit = unit(&lenient::text(result, &["backend_settings", "accelerator_code"]).unwrap_or_default());
    row.measured_at =
        Known::from_option(lenient::text(result, &["performance_run", "start_datetime"]), "not stated");
    device(&mut row, file);
    figures(&mut row, result);
    if lenient::flag(result, &["performance_run", "loadgen_info", "validity"]) == Some(false) {
        row.flags.push("the load generator calls the run invalid".to_owned());
    }
    if lenient::flag(file, &["build_info", "official_release_flag"]) == Some(false) {
        row.flags.push("not an official release of the app".to_owned());
    }
    gaps::flag(&mut row);
    Ok(row)
}

/// The throughput of a language benchmark is in tokens; of any other it has no metric here.
fn figures(row: &mut ForeignRow, result: &Value) {
    let throughput = lenient::number(result, &["performance_run", "throughput"])
        .or_else(|| lenient::number(result, &["performance_run", "throughput", "value"]));
    if let Some(throughput) = throughput {
        row.flags.push(format!("its throughput, {throughput:.2}, has no counterpart among Dyno's metrics"));
    }
    let tokens = lenient::number(result, &["performance_run", "loadgen_info", "token_throughput"]);
    if let Some(rate) = tokens.filter(|rate| *rate >= 0.0) {
        row.values.insert("decode_rate".to_owned(), rate);
        row.flags.push("its token throughput covers prompt and generation together".to_owned());
    }
    let accuracy = lenient::number(result, &["accuracy_run", "accuracy", "normalized"]);
    if let Some(accuracy) = accuracy.filter(|share| (0.0..=1.0).contains(share)) {
        row.values.insert("accuracy".to_owned(), accuracy);
        row.flags.push("accuracy is normalised by the benchmark's own target".to_owned());
    }
}

fn unit(accelerator: &str) -> Known<ComputeUnit> {
    match accelerator {
        "cpu" => Known::Is(ComputeUnit::Cpu),
        "gpu" | "gpu_f16" | "metal" => Known::Is(ComputeUnit::Gpu),
        "ane" => Known::Is(ComputeUnit::NeuralEngine),
        "" => Known::unknown("no accelerator is stated"),
        other => Known::unknown(format!("the accelerator is called {other}")),
    }
}

fn device(row: &mut ForeignRow, file: &Value) {
    let Some(platform) = lenient::text(file, &["environment_info", "platform"]) else { return };
    let stated = |key: &str| lenient::text(file, &["environment_info", "value", &platform, key]);
    row.device_identifier = Known::from_option(stated("model_code"), "not stated");
    row.device_name =
        Known::from_option(stated("model_name").or_else(|| stated("cpu_full_name")), "not stated");
    row.os_version =
        Known::from_option(stated("os_version").map(|version| format!("{platform} {version}")), "not stated");
}
