//! A row about which nothing is known yet. Every reader starts from it, so that a gap is a gap by default.

use std::collections::BTreeMap;

use dyno_protocol::Known;

use crate::foreign::ForeignRow;

pub(super) fn row(line: usize, tool: &str) -> ForeignRow {
    let reason = format!("{tool} does not say");
    ForeignRow {
        source: 0,
        line: u32::try_from(line).unwrap_or(u32::MAX),
        task: String::new(),
        model: String::new(),
        model_id: None,
        quant: Known::unknown(&reason),
        engine: tool.to_owned(),
        unit: Known::unknown(&reason),
        device_identifier: Known::unknown(&reason),
        device_name: Known::unknown(&reason),
        os_version: Known::unknown(&reason),
        os_build: Known::unknown(&reason),
        debug_build: Known::unknown(&reason),
        power: Known::unknown(&reason),
        thermal_start: Known::unknown(&reason),
        thermal_peak: Known::unknown(&reason),
        low_power_mode: Known::unknown(&reason),
        prompt_tokens: Known::unknown(&reason),
        generated_tokens: Known::unknown(&reason),
        measured_at: Known::unknown(&reason),
        values: BTreeMap::new(),
        series: BTreeMap::new(),
        flags: Vec::new(),
    }
}
