//! What a device says about itself.

use serde::{Deserialize, Serialize};

/// A value that may be unknown, with the reason. Unknown is never replaced by a guess or a zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(untagged)]
pub enum Known<T> {
    Is(T),
    Unknown(Gap),
}

/// Why a value is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// The reason in words, such as "no such counter on this machine".
    pub unknown: String,
}

impl<T> Known<T> {
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown(Gap { unknown: reason.into() })
    }

    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    pub fn from_option(value: Option<T>, reason: &str) -> Self {
        value.map_or_else(|| Self::unknown(reason), Self::Is)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(rename_all = "kebab-case")]
pub enum DeviceKind {
    Iphone,
    Ipad,
    Mac,
    Linux,
    /// A model of a device. Nothing it reports is evidence about a real one.
    Simulated,
    /// Apple's simulator: a Mac's processor under a phone's name.
    AppleSimulator,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct DeviceFacts {
    /// Stable across runs of one device, without being a serial number.
    pub device_id: String,
    pub name: String,
    pub kind: DeviceKind,
    /// What the maker calls the model in software, such as `iPhone18,1`.
    pub model_identifier: Known<String>,
    /// What it is sold as, such as `iPhone 17 Pro`.
    pub marketing_name: Known<String>,
    pub chip: Known<String>,
    pub logical_cores: u32,
    pub memory_bytes: Known<u64>,
    pub os_name: String,
    pub os_version: Known<String>,
    /// The build, which changes when the version does not.
    pub os_build: Known<String>,
    pub build: BuildFacts,
    pub engines: Vec<EngineFacts>,
    pub sensors: Vec<crate::SensorFacts>,
}

/// Which build of the agent is speaking. A number whose build cannot be named is not measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct BuildFacts {
    pub version: String,
    /// The hash of the agent's executable file.
    pub binary_sha256: Known<String>,
    pub profile: BuildProfile,
    pub target: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(rename_all = "kebab-case")]
pub enum BuildProfile {
    Release,
    Debug,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(deny_unknown_fields)]
pub struct EngineFacts {
    /// The name used on the command line and in every table.
    pub name: String,
    pub version: String,
    pub units: Vec<crate::ComputeUnit>,
}
