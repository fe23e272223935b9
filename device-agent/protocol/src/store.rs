//! The agent's store of models: pushed once, in pieces, checked by hash, never run half.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(tag = "store", rename_all = "kebab-case", deny_unknown_fields)]
pub enum StoreQuestion {
    /// How much of this file is there.
    Have { sha256: String },
    /// A piece of a file, at the offset that `Have` or the last `Put` named.
    Put {
        sha256: String,
        total_bytes: u64,
        offset: u64,
        #[serde(with = "crate::codec::base64_bytes")]
        piece: Vec<u8>,
    },
    /// Names for stored files: together they are a model. Its hash is the hash of the sorted list.
    Assemble { files: Vec<(String, String)> },
    /// Complete models, by hash.
    List,
    /// Remove everything that these models do not need.
    Prune { keep_models: Vec<String> },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(proptest_derive::Arbitrary))]
#[serde(tag = "stored", rename_all = "kebab-case", deny_unknown_fields)]
pub enum StoreAnswer {
    /// This many leading bytes are there; `complete` when all are and the hash is right.
    Have {
        bytes: u64,
        complete: bool,
        free_bytes: Option<u64>,
    },
    Assembled {
        model_sha256: String,
    },
    Models {
        models: Vec<String>,
    },
    Pruned {
        removed_bytes: u64,
    },
}
