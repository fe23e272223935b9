//! Answers of earlier runs, so that the same question is not put twice to the same weights. One file for the weights
//! of each model; a line for each answer. May be deleted at any time.
//!
//! Servers are never cached: what stands behind an address may change without saying so.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use dyno_protocol::{ComputeUnit, DeviceFacts, Loaded};
use dyno_reports::bundle::ItemAnswer;
use dyno_suites::Words;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

#[derive(Debug)]
pub(crate) struct AnswerCache {
    folder: PathBuf,
    /// What was read so far, by the weights.
    read: BTreeMap<String, BTreeMap<String, ItemAnswer>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: String,
    answer: ItemAnswer,
}

/// Everything that an answer depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) device: &'a DeviceFacts,
    pub(super) prompt_sha256: &'a str,
    /// What is asked of the prompt: caps, samplings, continuations.
    pub(super) settings: &'a str,
}

impl Asked<'_> {
    pub(super) fn key(&self) -> String {
        let engine = self.device.engines.iter().find(|engine| engine.name == self.loaded.engine);
        let version = engine.map_or("", |engine| engine.version.as_str());
        let binary = self.device.build.binary_sha256.value().map_or("", String::as_str);
        let mut hasher = Sha256::new();
        for part in [
            &self.loaded.model_sha256,
            &self.loaded.engine,
            self.loaded.unit.word(),
            &self.loaded.format,
            &self.loaded.evidence.path,
            version,
            binary,
            self.prompt_sha256,
            self.settings,
        ] {
            // Lengths before contents, so that no two questions share one byte sequence.
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        dyno_protocol::codec::hex(&hasher.finalize())
    }
}

/// Whether answers of these weights may be kept at all.
pub(super) fn may_keep(loaded: &Loaded) -> bool {
    loaded.unit != ComputeUnit::Remote && loaded.model_sha256.len() == 64
}

impl AnswerCache {
    pub(crate) fn in_folder(folder: PathBuf) -> Self {
        Self { folder, read: BTreeMap::new() }
    }

    fn file(&self, model_sha256: &str) -> PathBuf {
        self.folder.join(format!("{model_sha256}.jsonl"))
    }

    /// Reads what is known of the weights; lines that are cut or of another version are left out.
    pub(super) fn open(&mut self, model_sha256: &str) {
        if self.read.contains_key(model_sha256) {
            return;
        }
        let text = fs::read_to_string(self.file(model_sha256)).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
        let of_model =
            |line: &Line| line.answer.asked.as_ref().is_some_and(|asked| asked.model_sha256 == model_sha256);
        let known = lines.filter(of_model).map(|line| (line.key, line.answer)).collect();
        self.read.insert(model_sha256.to_owned(), known);
    }

    pub(super) fn find(&self, model_sha256: &str, key: &str) -> Option<&ItemAnswer> {
        self.read.get(model_sha256)?.get(key)
    }

    pub(super) fn keep(&mut self, key: &str, answer: &ItemAnswer) -> std::io::Result<()> {
        let Some(asked) = &answer.asked else { return Ok(()) };
        let model_sha256 = asked.model_sha256.clone();
        fs::create_dir_all(&self.folder)?;
        let mut line = serde_json::to_vec(&Line { key: key.to_owned(), answer: answer.clone() })?;
        line.push(b'\n');
        // One write for a line: two runs that share the file do not tear each other's lines.
        let path = self.file(&model_sha256);
        OpenOptions::new().create(true).append(true).open(path)?.write_all(&line)?;
        self.read.entry(model_sha256).or_default().insert(key.to_owned(), answer.clone());
        Ok(())
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
