//! Flags that follow from the conditions of a row, whatever tool it came from.

use dyno_protocol::{Known, PowerSource, ThermalState};

use crate::foreign::ForeignRow;

/// Names what keeps the row from being a clean measurement. Said in the same words for every tool.
pub(super) fn flag(row: &mut ForeignRow) {
    let mut flags = Vec::new();
    if row.device_identifier.value().is_none() && row.device_name.value().is_none() {
        flags.push("the device is not named");
    }
    if row.os_build.value().is_none() {
        flags.push("no OS build");
    }
    match row.debug_build {
        Known::Is(true) => flags.push("Debug build"),
        Known::Is(false) => {}
        Known::Unknown(_) => flags.push("build configuration not stated"),
    }
    match row.power {
        Known::Is(PowerSource::Charging) => flags.push("charging"),
        Known::Is(_) => {}
        Known::Unknown(_) => flags.push("power source not stated"),
    }
    if row.low_power_mode == Known::Is(true) {
        flags.push("Low Power Mode");
    }
    match row.thermal_start {
        Known::Is(ThermalState::Nominal) => {}
        Known::Is(ThermalState::Fair) => flags.push("thermal state fair at the start"),
        Known::Is(ThermalState::Serious) => flags.push("thermal state serious at the start"),
        Known::Is(ThermalState::Critical) => flags.push("thermal state critical at the start"),
        Known::Unknown(_) => flags.push("thermal state not stated"),
    }
    flags.push("the weights are not named by a hash");
    row.flags.extend(flags.into_iter().map(str::to_owned));
}
