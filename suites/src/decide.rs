//! The run that would decide a claim, as data, so that its command line is always one that Dyno accepts.

use dyno_protocol::ComputeUnit;
use serde::Serialize;

use crate::engine::ENGINE;
use crate::loading::Fields;
use crate::model::MODEL;
use crate::quant::QUANT;
use crate::words::Words;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Decide {
    /// Suites, also such as are not there yet and that a `needs_suite` test names.
    pub suites: Vec<String>,
    /// Devices as the command line names them.
    pub devices: Vec<String>,
    pub models: Vec<String>,
    pub quants: Vec<String>,
    pub engines: Vec<String>,
    pub units: Vec<ComputeUnit>,
}

impl Decide {
    pub fn command_line(&self) -> String {
        let mut words = vec!["dyno".to_owned(), "run".to_owned()];
        words.extend(self.suites.iter().cloned());
        let units: Vec<_> = self.units.iter().map(|unit| unit.word().to_owned()).collect();
        for (flag, values) in [
            ("--device", &self.devices),
            ("--model", &self.models),
            ("--quant", &self.quants),
            ("--engine", &self.engines),
            ("--unit", &units),
        ] {
            if !values.is_empty() {
                words.extend([flag.to_owned(), values.join(",")]);
            }
        }
        words.join(" ")
    }

    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        Self {
            suites: fields.some("suites", |key| fields.texts(key)),
            devices: fields.some("devices", |key| fields.texts(key)),
            models: fields.references("models", MODEL),
            quants: fields.references("quants", QUANT),
            engines: fields.references("engines", ENGINE),
            units: fields.words("units"),
        }
    }
}
