//! The embedded models, unpacked once into the cache under the hash of their content.

use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest, Sha256};

/// The folder of an embedded model on this machine's disk.
pub(crate) fn unpack(folder: &str) -> anyhow::Result<PathBuf> {
    let files = dyno_suites::embedded_model(folder)
        .with_context(|| format!("this build of dyno carries no model `{folder}`"))?;
    let mut hasher = Sha256::new();
    for (name, bytes) in files {
        hasher.update((name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    }
    let hash = dyno_protocol::codec::hex(&hasher.finalize()[..8]);
    let place = crate::folders::model_cache().join(format!("{folder}-{hash}"));
    if !place.exists() {
        write_at_once(&place, files).with_context(|| format!("cannot unpack into {}", place.display()))?;
    }
    Ok(place)
}

/// Under another name first: a folder with the right name is whole.
fn write_at_once(place: &Path, files: &[(&str, &[u8])]) -> std::io::Result<()> {
    let half = place.with_extension(format!("half-{}", std::process::id()));
    std::fs::create_dir_all(&half)?;
    for (name, bytes) in files {
        std::fs::write(half.join(name), bytes)?;
    }
    match std::fs::rename(&half, place) {
        // Another process was quicker with the same content.
        Err(_) if place.exists() => std::fs::remove_dir_all(&half),
        renamed => renamed,
    }
}
