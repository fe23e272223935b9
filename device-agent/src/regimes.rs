//! First-ever, cold and warm loads are different things; this remembers which one it is.

use std::collections::HashSet;
use std::path::PathBuf;

use dyno_protocol::{LoadRegime, Loaded};
use sha2::{Digest, Sha256};

#[derive(Debug)]
pub(crate) struct Regimes {
    folder: PathBuf,
    build: String,
    in_this_process: HashSet<String>,
}

impl Regimes {
    /// `build` tells one build of the agent from another: a new one compiles and caches anew.
    pub(crate) fn new(folder: PathBuf, build: String) -> Self {
        Self { folder, build, in_this_process: HashSet::new() }
    }

    /// The regime of a load that has just been done, remembered for the next one.
    pub(crate) fn of(&mut self, loaded: &Loaded) -> LoadRegime {
        let what = format!("{} {} {:?} {}", self.build, loaded.engine, loaded.unit, loaded.model_sha256);
        let key = dyno_protocol::codec::hex(&Sha256::digest(what.as_bytes()));
        let marker = self.folder.join(&key);
        let regime = if self.in_this_process.contains(&key) {
            LoadRegime::Warm
        } else if marker.exists() {
            LoadRegime::Cold
        } else {
            LoadRegime::FirstEver
        };
        self.in_this_process.insert(key);
        // Without a marker the next process takes its load for the first ever: it is flagged, not hidden.
        let _ = std::fs::create_dir_all(&self.folder).and_then(|()| std::fs::write(&marker, b""));
        regime
    }
}
