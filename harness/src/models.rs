//! Names on the command line into models: the catalogue's, a checkpoint's path, a script, a server.

use std::path::{Path, PathBuf};

use dyno_protocol::Script;
use dyno_suites::{Definitions, Model, Weights};

/// Our own engine's name, as in the agent's facts.
pub(crate) const OWN_ENGINE: &str = "dyno";
pub(crate) const SCRIPTED_ENGINE: &str = "scripted";
/// `openai:URL` on the command line.
pub(crate) const SERVER_ENGINE: &str = "openai";

/// The quantization level of a model that is run as it is stored.
pub(crate) const AS_STORED: &str = "stored";

/// What a name stands for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Chosen<'a> {
    Embedded {
        model: &'a Model,
        folder: &'a str,
    },
    Synthetic {
        model: &'a Model,
        shape: &'a str,
    },
    /// Known to the catalogue, but its weights are elsewhere.
    Elsewhere(&'a Model),
    Path(PathBuf),
    Script(Script),
    /// Known to a server and to nobody here.
    Served,
}

impl<'a> Chosen<'a> {
    /// A path wins over nothing: a name of the catalogue is never shadowed by a file that happens to be there.
    /// `served` is for the models of a server, which may have any name.
    pub(crate) fn of(name: &str, served: bool, definitions: &'a Definitions) -> Result<Self, ModelNameError> {
        if let Some(path) = name.strip_prefix("script:") {
            return read_script(Path::new(path)).map(Self::Script);
        }
        if let Ok(model) = definitions.model(name) {
            return Ok(match &model.weights {
                Weights::Embedded { folder } => Self::Embedded { model, folder },
                Weights::Synthetic { shape } => Self::Synthetic { model, shape },
                Weights::Checkpoint => Self::Elsewhere(model),
            });
        }
        let path = Path::new(name);
        if path.exists() {
            let absolute = path.canonicalize().map_err(|error| ModelNameError::Unreadable {
                path: path.to_owned(),
                what: error.to_string(),
            })?;
            return Ok(Self::Path(absolute));
        }
        if served {
            return Ok(Self::Served);
        }
        let mut known: Vec<_> = definitions.models().iter().map(|model| model.id.as_str()).collect();
        known.sort_unstable();
        Err(ModelNameError::Unknown { name: name.to_owned(), known: known.join(", ") })
    }

    pub(crate) fn model(&self) -> Option<&'a Model> {
        match self {
            Self::Embedded { model, .. } | Self::Synthetic { model, .. } | Self::Elsewhere(model) => {
                Some(model)
            }
            Self::Path(_) | Self::Script(_) | Self::Served => None,
        }
    }
}

fn read_script(path: &Path) -> Result<Script, ModelNameError> {
    let unreadable = |what: String| ModelNameError::Unreadable { path: path.to_owned(), what };
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| unreadable(format!("not a script: {error}")))
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ModelNameError {
    #[error("`{name}` is neither a model of the catalogue nor a path; the catalogue has: {known}")]
    Unknown { name: String, known: String },
    #[error("{path}: {what}", path = path.display())]
    Unreadable { path: PathBuf, what: String },
}
