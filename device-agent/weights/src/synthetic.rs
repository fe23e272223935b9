//! Seeded weights.

use serde_json::Value;

use crate::WeightError;
use crate::checkpoint::Checkpoint;
use crate::format::Format;
use crate::matrix::Matrix;

#[derive(Debug)]
pub(crate) struct Seeded {
    format: Format,
}

impl Seeded {
    pub(crate) fn generate(&self) -> Result<Matrix, String> {
        Err("is being written".to_owned())
    }
    pub(crate) fn format(&self) -> Format {
        self.format
    }
    pub(crate) fn stored_bytes(&self) -> u64 {
        0
    }
}

pub(crate) fn checkpoint(_config: &Value, _seed: u64, _format: Format) -> Result<Checkpoint, WeightError> {
    Err(WeightError::Recipe("synthetic weights are being written".to_owned()))
}
