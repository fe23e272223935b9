//! Rows that other tools measured. They keep their conditions and their gaps, and never confirm a claim alone.

use std::collections::BTreeMap;

use dyno_protocol::{ComputeUnit, Known, PowerSource, ThermalState};
use serde::{Deserialize, Serialize};

/// One imported file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignSource {
    /// The tool that wrote it, such as `yardstick` or `llama-bench`.
    pub tool: String,
    pub file: String,
    pub sha256: String,
    pub licence: Option<String>,
    /// The file's bytes as text, so that the bundle stands alone.
    pub verbatim: String,
}

/// One measurement of another tool, in Dyno's words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignRow {
    /// Index of the source within the bundle, and the row's place in it.
    pub source: u32,
    pub line: u32,
    pub task: String,
    pub model: String,
    /// The catalogue's id where the row's model is one that the catalogue knows.
    pub model_id: Option<String>,
    pub quant: Known<String>,
    pub engine: String,
    pub unit: Known<ComputeUnit>,
    pub device_identifier: Known<String>,
    pub device_name: Known<String>,
    pub os_version: Known<String>,
    pub os_build: Known<String>,
    pub debug_build: Known<bool>,
    pub power: Known<PowerSource>,
    pub thermal_start: Known<ThermalState>,
    pub thermal_peak: Known<ThermalState>,
    pub low_power_mode: Known<bool>,
    pub prompt_tokens: Known<u32>,
    pub generated_tokens: Known<u32>,
    pub measured_at: Known<String>,
    /// Values by metric id; what the tool's own definition says differently is a flag.
    pub values: BTreeMap<String, f64>,
    /// Raw series by metric id, where the tool gives one.
    pub series: BTreeMap<String, Vec<f64>>,
    /// Everything that keeps this row from being a clean measurement, in words.
    pub flags: Vec<String>,
}
