//! What a bundle is, who made it, and whether it was finished.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The version of the bundle format. Readers refuse a newer one by name and read every older one.
pub const BUNDLE_FORMAT: u32 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    pub run_id: String,
    pub status: RunStatus,
    pub tool: ToolFacts,
    pub host: HostFacts,
    /// The command line, so that the run can be repeated.
    pub command: Vec<String>,
    pub seed: u64,
    /// RFC 3339, from the host's clock. Never used to order or to time anything.
    pub started_at: String,
    pub ended_at: Option<String>,
    /// The hash of every file under `definitions/`.
    pub definitions: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunStatus {
    Started,
    Finished,
    Interrupted,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolFacts {
    pub version: String,
    pub binary_sha256: Option<String>,
    pub debug_build: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostFacts {
    pub os: String,
    pub arch: String,
    pub logical_cores: u32,
}
