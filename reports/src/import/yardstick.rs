//! Yardstick (edge-llm-bench): one JSON object a line, written by an app on the device.

use dyno_protocol::{ComputeUnit, Known, PowerSource, ThermalState};
use serde_json::Value;

use crate::foreign::ForeignRow;

use super::error::Mistake;
use super::{blank, gaps, lenient};

const TOOL: &str = "yardstick";
/// The phone's battery gauge moves in steps of five percent.
const GAUGE_STEP_PERCENT: f64 = 5.0;
/// Its stock question has 19 to 23 tokens with a chat template and 11 or 12 without.
const SHORT_CHAT_UNTEMPLATED_BELOW: u32 = 15;
/// Its own rate and ours may differ by this share before the row says so.
const SAME_RATE: f64 = 0.01;

pub(super) fn is(value: &Value) -> bool {
    ["device", "metrics", "model"].iter().all(|key| value.get(key).is_some_and(Value::is_object))
        && value.get("runtime").is_some_and(Value::is_string)
}

pub(super) fn read(text: &str) -> Result<Vec<ForeignRow>, Mistake> {
    lenient::json_lines(text)?.iter().map(|(line, value)| read_row(*line, value)).collect()
}

fn read_row(line: usize, value: &Value) -> Result<ForeignRow, Mistake> {
    if !is(value) {
        let hint = "every line needs `device`, `metrics`, `model` and `runtime`";
        return Err(Mistake::new(line, "this line is not a result of Yardstick", hint));
    }
    let rate = lenient::needed_rate(value, &["metrics", "decodeTokensPerSecond"], line, "Yardstick")?;
    let mut row = blank::row(line, TOOL);
    let runtime = lenient::text(value, &["runtime"]).unwrap_or_default();
    row.task = lenient::text(value, &["task"]).unwrap_or_default();
    row.model = lenient::text(value, &["model", "id"])
        .or_else(|| lenient::text(value, &["model", "displayName"]))
        .ok_or_else(|| Mistake::new(line, "`model.id` is missing", "a rate without a model says nothing"))?;
    row.unit = unit(&runtime, &lenient::text(value, &["model", "displayName"]).unwrap_or_default());
    row.engine = runtime;
    row.quant = Known::from_option(lenient::text(value, &["model", "quantization"]), "the row does not say");
    row.measured_at = Known::from_option(lenient::text(value, &["timestamp"]), "the row does not say");
    row.values.insert("decode_rate".to_owned(), rate);
    device(&mut row, value);
    figures(&mut row, value, rate);
    energy(&mut row, value);
    gaps::flag(&mut row);
    Ok(row)
}

/// Which unit a runtime used is not in the row itself, but for the Neural Engine in the display name.
fn unit(runtime: &str, display_name: &str) -> Known<ComputeUnit> {
    match runtime {
        "coreml-llm" if display_name.contains("ANE") => Known::Is(ComputeUnit::NeuralEngine),
        // MLX has no other back end on these devices.
        "mlx-swift" => Known::Is(ComputeUnit::Gpu),
        _ => Known::unknown("the row does not say which unit the runtime used"),
    }
}

fn device(row: &mut ForeignRow, value: &Value) {
    let identifier = lenient::text(value, &["device", "modelIdentifier"]);
    row.device_identifier = match identifier.as_deref() {
        None => Known::unknown("the row does not say"),
        Some("arm64" | "x86_64") => Known::unknown("the row names a processor family, not a device"),
        Some(name) => Known::Is(name.to_owned()),
    };
    let system = lenient::text(value, &["device", "systemName"]).unwrap_or_default();
    let version = lenient::text(value, &["device", "systemVersion"]).unwrap_or_default();
    let (version, build) = split_version(&version);
    if !version.is_empty() {
        row.os_version = Known::Is(format!("{system} {version}").trim().to_owned());
    }
    row.os_build = Known::from_option(build, "the row gives the version without the build");
    row.debug_build = match lenient::text(value, &["device", "buildConfiguration"]).as_deref() {
        Some("Debug") => Known::Is(true),
        Some("Release") => Known::Is(false),
        _ => Known::unknown("the row does not say"),
    };
    row.power = match lenient::text(value, &["device", "batteryState"]).as_deref() {
        Some("charging") => Known::Is(PowerSource::Charging),
        Some("unplugged") => Known::Is(PowerSource::Battery),
        Some("full") => Known::Is(PowerSource::Mains),
        _ => Known::unknown("the row gives no battery state"),
    };
    row.low_power_mode = Known::from_option(
        lenient::flag(value, &["device", "isLowPowerModeEnabled"]),
        "the row does not say",
    );
    row.thermal_start = thermal(value, "initialThermalState");
    row.thermal_peak = thermal(value, "peakThermalState");
}

/// `Version 26.0 (Build 25A354)` on a Mac, `26.4.2` on a phone.
fn split_version(text: &str) -> (String, Option<String>) {
    let Some((before, after)) = text.split_once("(Build ") else { return (text.to_owned(), None) };
    let version = before.trim().trim_start_matches("Version").trim().to_owned();
    (version, after.strip_suffix(')').map(str::to_owned))
}

fn thermal(value: &Value, key: &str) -> Known<ThermalState> {
    match lenient::text(value, &["metrics", key]).as_deref() {
        Some("nominal") => Known::Is(ThermalState::Nominal),
        Some("fair") => Known::Is(ThermalState::Fair),
        Some("serious") => Known::Is(ThermalState::Serious),
        Some("critical") => Known::Is(ThermalState::Critical),
        _ => Known::unknown("the row does not say"),
    }
}

fn figures(row: &mut ForeignRow, value: &Value, rate: f64) {
    let metric = |name: &str| lenient::number(value, &["metrics", name]);
    for (ours, theirs, scale) in [
        ("ttft", "firstTokenLatencyMS", 1.0),
        ("prefill_rate", "promptTokensPerSecond", 1.0),
        ("inter_token_p50", "interTokenLatencyP50MS", 1.0),
        ("inter_token_p95", "interTokenLatencyP95MS", 1.0),
        ("inter_token_p99", "interTokenLatencyP99MS", 1.0),
        // Sixty-fourths of a unit, one for each 16 KiB page: their MB are MiB.
        ("peak_footprint", "memoryPeakDuringDecodeMB", 1_048_576.0),
    ] {
        if let Some(figure) = metric(theirs).filter(|figure| *figure > 0.0) {
            row.values.insert(ours.to_owned(), figure * scale);
        }
    }
    if row.values.contains_key("peak_footprint") {
        row.flags.push("which memory counter its peak is, the row does not say".to_owned());
    }
    if lenient::flag(value, &["metrics", "coldRun"]) == Some(true)
        && let Some(seconds) = metric("loadTimeSeconds").filter(|seconds| *seconds > 0.0)
    {
        row.values.insert("load_cold".to_owned(), seconds);
        row.flags.push("its load time does not tell first-ever from cold".to_owned());
    }
    let curve = lenient::numbers(value, &["metrics", "decodeRateRollingWindow"]);
    if !curve.is_empty() {
        row.series.insert("decode_rate".to_owned(), curve);
    }
    tokens(row, value);
    let generated = row.generated_tokens.value().copied();
    if let (Some(count), Some(total), Some(first)) =
        (generated, metric("totalGenerationTimeSeconds"), metric("firstTokenLatencyMS"))
    {
        flag_definition(row, rate, f64::from(count) - 1.0, total - first / 1e3);
    }
}

/// Dyno's decode rate is tokens after the first over the time after the first; theirs is the engine's word.
fn flag_definition(row: &mut ForeignRow, rate: f64, tokens: f64, seconds: f64) {
    if tokens < 1.0 || seconds <= 0.0 || rate <= 0.0 {
        return;
    }
    let ours = tokens / seconds;
    let off = (rate - ours) / ours;
    if off.abs() > SAME_RATE {
        let direction = if off > 0.0 { "higher" } else { "lower" };
        row.flags.push(format!(
            "its decode rate is the engine's own figure, {:.0} % {direction} than tokens after the first over the \
             time from the first token to the end ({ours:.1})",
            off.abs() * 100.0
        ));
    }
}

fn tokens(row: &mut ForeignRow, value: &Value) {
    let generated = lenient::whole(value, &["metrics", "generatedTokenCount"]).filter(|count| *count > 0);
    row.generated_tokens = Known::from_option(generated, "the row does not say");
    match lenient::whole(value, &["metrics", "promptTokenCount"]) {
        None => {}
        Some(0) => {
            row.prompt_tokens = Known::unknown("the row says zero, which no prompt has");
            row.flags.push("prompt reported as 0 tokens".to_owned());
        }
        Some(count) => {
            row.prompt_tokens = Known::Is(count);
            if row.task == "short-chat" && count < SHORT_CHAT_UNTEMPLATED_BELOW {
                row.flags.push(format!(
                    "untemplated prompt: {count} tokens where a chat template gives 19 or more"
                ));
            }
        }
    }
}

/// Energy from the battery gauge is imported only when the gauge moved often enough to measure with.
fn energy(row: &mut ForeignRow, value: &Value) {
    let Some(joules) = lenient::number(value, &["metrics", "energyJoules"]) else { return };
    let steps =
        lenient::number(value, &["metrics", "batteryDeltaPercent"]).unwrap_or(0.0).abs() / GAUGE_STEP_PERCENT;
    row.flags.push(format!(
        "its energy ({joules:.0} J) comes from {steps:.0} step{} of a battery gauge of 5 % and was left out",
        if (0.5..1.5).contains(&steps) { "" } else { "s" }
    ));
}
