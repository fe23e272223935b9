//! What a run measures against: another build, another model, or itself.

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The base of a comparison. The candidate is what the run would measure anyway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Against {
    /// Another build of the agent, by its path.
    Agent(PathBuf),
    /// Another model on the same build.
    Model(String),
    /// The same build and model twice: what differs is the device's noise floor.
    Itself,
}

/// How it is said on the command line.
const ITSELF: &str = "self";
const MODEL: &str = "model=";

impl FromStr for Against {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(model) = text.strip_prefix(MODEL) {
            return match model.trim() {
                "" => Err(format!("`{MODEL}` needs the name of a model")),
                model => Ok(Self::Model(model.to_owned())),
            };
        }
        Ok(if text == ITSELF { Self::Itself } else { Self::Agent(PathBuf::from(text)) })
    }
}

impl Against {
    /// The agent that the base's trials are measured with, where it is another one.
    pub(crate) fn agent(&self) -> Option<&PathBuf> {
        match self {
            Self::Agent(path) => Some(path),
            Self::Model(_) | Self::Itself => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Against;

    #[test]
    fn a_base_is_a_build_a_model_or_the_same_again() {
        assert_eq!("self".parse(), Ok(Against::Itself));
        assert_eq!("model=tiny-1m".parse(), Ok(Against::Model("tiny-1m".into())));
        assert_eq!("./old/dyno".parse(), Ok(Against::Agent("./old/dyno".into())));
        assert!("model=".parse::<Against>().is_err());
    }
}
