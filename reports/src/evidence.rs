//! Where a number comes from. The kind travels with every number to the page.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// Measured by Dyno on the device that is named, with real weights.
    Measured,
    /// Measured by Dyno on the device that is named, with weights made from a seed: speed without knowledge.
    SyntheticWeights,
    /// Measured by somebody else's tool and imported.
    ThirdParty,
    /// From a model of a device, or an engine that follows a script. Evidence about nothing real.
    Simulated,
}

impl Evidence {
    pub fn word(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::SyntheticWeights => "synthetic weights",
            Self::ThirdParty => "third party",
            Self::Simulated => "simulated",
        }
    }
}
