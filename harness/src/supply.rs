//! Models for the devices of a run: which weights a cell means, where they are, and making those that have to
//! be made first. Quantized forms of a checkpoint are made once and kept in the cache, under the hash of what
//! they were made from.

use std::path::PathBuf;

use dyno_protocol::{LoadSpec, ModelSource};
use dyno_reports::cell::Cell;
use dyno_suites::Definitions;

use crate::models::{AS_STORED, Chosen};

/// The seed of synthetic weights. One seed for everybody, so that their expected ids are everybody's too.
const SYNTHETIC_SEED: u64 = 1;

#[derive(Debug)]
pub(crate) struct Supply<'a> {
    pub(crate) definitions: &'a Definitions,
    pub(crate) threads: Option<u32>,
}

/// So many ids of a script's endless output are compared.
const COMPARED: usize = 256;

impl Supply<'_> {
    /// What to load for a cell, made ready on this machine, and the greedy ids that a right engine gives,
    /// where they are known.
    pub(crate) fn load(&self, cell: &Cell) -> Result<(LoadSpec, Option<Vec<u32>>), String> {
        let (engine, url) = match cell.engine.split_once(':') {
            Some((engine, url)) => (engine.to_owned(), Some(url.to_owned())),
            None => (cell.engine.clone(), None),
        };
        let source = match url {
            Some(url) => ModelSource::Server { url, model: cell.model.clone() },
            None => self.source(cell)?,
        };
        let expected_ids = match &source {
            ModelSource::Script(script) => {
                Some(script.tokens.iter().copied().cycle().take(COMPARED).collect())
            }
            _ => None,
        };
        let load = LoadSpec {
            engine,
            unit: cell.unit,
            source,
            expect_sha256: None,
            threads: self.threads,
            vision: false,
            draft_head: false,
            memory_limit_bytes: None,
        };
        Ok((load, expected_ids))
    }

    fn source(&self, cell: &Cell) -> Result<ModelSource, String> {
        let chosen = Chosen::of(&cell.model, false, self.definitions).map_err(|error| error.to_string())?;
        match chosen {
            Chosen::Script(script) => Ok(ModelSource::Script(script)),
            Chosen::Synthetic { shape, .. } => {
                let config =
                    dyno_suites::shape::config_json(shape).ok_or(format!("there is no shape `{shape}`"))?;
                Ok(ModelSource::Synthetic {
                    config_json: config.to_owned(),
                    seed: SYNTHETIC_SEED,
                    format: crate::convert::format_name(&cell.quant),
                })
            }
            Chosen::Embedded { folder, .. } => {
                let unpacked = crate::embedded::unpack(folder).map_err(|error| error.to_string())?;
                Self::in_format(unpacked, &cell.quant)
            }
            Chosen::Path(path) => Self::in_format(path, &cell.quant),
            Chosen::Elsewhere(model) => Err(format!("the weights of {} are not here", model.title)),
            Chosen::Served => Err(format!("`{}` is known to a server only", cell.model)),
        }
    }

    fn in_format(checkpoint: PathBuf, quant: &str) -> Result<ModelSource, String> {
        let path = if quant == AS_STORED {
            checkpoint
        } else {
            crate::convert::to_format(&checkpoint, quant).map_err(|error| error.to_string())?
        };
        Ok(ModelSource::Path { path: path.to_string_lossy().into_owned() })
    }
}
