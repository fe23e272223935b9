//! Conditions and selectors: which cells a claim or one of its tests is about. An empty list means that the
//! source does not say, and then any value matches.

use dyno_protocol::{BuildProfile, ComputeUnit, DeviceKind, PowerSource, ThermalState};
use serde::Serialize;

use crate::check::Later;
use crate::engine::ENGINE;
use crate::loading::Fields;
use crate::model::MODEL;
use crate::quant::QUANT;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Conditions {
    /// The configuration.
    pub of: Selector,
    pub device_kinds: Vec<DeviceKind>,
    /// What the device is sold as.
    pub marketing_names: Vec<String>,
    pub power: Vec<PowerSource>,
    /// The thermal state before the first pass.
    pub thermal_start: Vec<ThermalState>,
    pub builds: Vec<BuildProfile>,
    pub low_power_mode: Option<bool>,
}

/// Cells by configuration. All lists that say something have to match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Selector {
    pub models: Vec<String>,
    pub quants: Vec<String>,
    pub engines: Vec<String>,
    pub units: Vec<ComputeUnit>,
}

impl Conditions {
    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let marketing_names = fields.texts("marketing_names");
        for name in &marketing_names {
            fields.later("marketing_names", Later::SoldAs { name: name.clone() });
        }
        Self {
            of: Selector::read(fields),
            device_kinds: fields.words("device_kinds"),
            marketing_names,
            power: fields.words("power"),
            thermal_start: fields.words("thermal_start"),
            builds: fields.words("builds"),
            low_power_mode: fields.optional_flag("low_power_mode"),
        }
    }
}

impl Selector {
    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        Self {
            models: fields.references("models", MODEL),
            quants: fields.references("quants", QUANT),
            engines: fields.references("engines", ENGINE),
            units: fields.words("units"),
        }
    }

    /// This selector where it says something, the other one where it does not.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        fn pick<T: Clone>(mine: &[T], other: &[T]) -> Vec<T> {
            if mine.is_empty() { other.to_vec() } else { mine.to_vec() }
        }
        Self {
            models: pick(&self.models, &other.models),
            quants: pick(&self.quants, &other.quants),
            engines: pick(&self.engines, &other.engines),
            units: pick(&self.units, &other.units),
        }
    }
}
