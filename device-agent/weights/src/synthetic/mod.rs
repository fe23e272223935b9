//! Checkpoints out of a seed: weights of any shape of the family, the same bytes on every machine, made tensor
//! by tensor when asked for and never as a whole. They measure speed; they know nothing.
//!
//! Each tensor has a generator of its own, keyed by seed and name, so that neither order nor threads matter.
//! Matrices keep the variance of what passes through them, so activations stay sane through every layer.

mod fill;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::WeightError;
use crate::checkpoint::{Checkpoint, Container, VHeadOrder};
use crate::entry::{Entry, Fix, Stored};
use crate::format::{Format, Side};
use crate::matrix::Matrix;
use crate::placement::format_of;
use crate::shapes::{self, Role, TensorSpec};
use crate::texts::Texts;

/// Raise it whenever the same seed would give other bytes.
const GENERATOR: &str = "dyno-synthetic-1";

/// A tensor that is made from its seed whenever it is asked for.
#[derive(Debug)]
pub(crate) struct Seeded {
    key: [u8; 32],
    format: Format,
    role: Role,
    rows: usize,
    cols: usize,
    /// Inputs per output: the row, or the whole patch of a patch embedding.
    fan_in: usize,
}

impl Seeded {
    fn new(seed: u64, spec: &TensorSpec, format: Format) -> Self {
        let mut hash = Sha256::new();
        hash.update(GENERATOR.as_bytes());
        hash.update(seed.to_le_bytes());
        hash.update(spec.name.as_bytes());
        let cols = spec.shape.last().copied().unwrap_or(1);
        let rows = spec.shape.iter().rev().skip(1).product();
        let fan_in = if spec.shape.len() > 3 { spec.shape[1..].iter().product() } else { cols };
        Self { key: hash.finalize().into(), format, role: spec.role, rows, cols, fan_in }
    }

    pub(crate) fn generate(&self) -> Result<Matrix, String> {
        fill::matrix(self)
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    pub(crate) fn stored_bytes(&self) -> u64 {
        let row = self.format.row_bytes(self.cols, Side::Bf16);
        row.map_or(0, |row| (row.codes + row.scales + row.biases) as u64 * self.rows as u64)
    }
}

pub(crate) fn checkpoint(config: &Value, seed: u64, format: Format) -> Result<Checkpoint, WeightError> {
    let path = Path::new("synthetic weights");
    if !fill::supports(format) {
        return Err(WeightError::Recipe(format!("synthetic weights cannot be made in {format}")));
    }
    let specs = shapes::tensors(config).map_err(|what| WeightError::config(path, what))?;
    let file: Arc<Path> = Arc::from(path);
    let entry = |spec: TensorSpec| {
        let seeded = Seeded::new(seed, &spec, format_of(&spec, format));
        let stored = Stored::Seeded(Arc::new(seeded));
        let TensorSpec { name, shape, .. } = spec;
        (name.clone(), Entry { file: file.clone(), source: name, shape, stored, fix: Fix::None })
    };
    Ok(Checkpoint {
        path: path.to_owned(),
        config: config.clone(),
        container: Container::Synthetic,
        order: VHeadOrder::Grouped,
        entries: specs.into_iter().map(entry).collect(),
        files: Vec::new(),
        texts: Texts::default(),
        recipe: Some(format!("{GENERATOR} seed {seed} format {format} config {config}")),
        hashes: OnceLock::new(),
    })
}
