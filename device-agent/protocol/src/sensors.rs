//! What the device feels: readings with their source, and the conditions of a measurement.

use serde::{Deserialize, Serialize};

use crate::Known;

/// A sensor that this device really has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct SensorFacts {
    /// The name its readings carry, unit last, such as `package_energy_uj`.
    pub name: String,
    /// Where it is read from, such as `/sys/class/powercap/intel-rapl:0/energy_uj`.
    pub source: String,
}

/// Readings of one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct SensorSample {
    pub at_ns: u64,
    pub readings: Vec<Reading>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// The index of the sensor in the device's facts.
    pub sensor: u32,
    #[serde(serialize_with = "crate::finite::number")]
    pub value: f64,
}

/// The state a measurement was taken in. It decides what a number may be compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    pub at_ns: u64,
    pub power: Known<PowerSource>,
    #[serde(serialize_with = "crate::finite::known")]
    pub battery_percent: Known<f64>,
    pub low_power_mode: Known<bool>,
    pub thermal: Known<ThermalState>,
    pub foreground: Known<bool>,
    pub unlocked_for_ns: Known<u64>,
    pub free_memory_bytes: Known<u64>,
    /// Processor time that others took lately, as a share of all cores.
    #[serde(serialize_with = "crate::finite::known")]
    pub other_load: Known<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(rename_all = "kebab-case")]
pub enum PowerSource {
    /// A machine without a battery, or with the charger in and the battery full.
    Mains,
    Charging,
    Battery,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(rename_all = "kebab-case")]
pub enum ThermalState {
    Nominal,
    Fair,
    Serious,
    Critical,
}
