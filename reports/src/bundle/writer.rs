//! Writing a run down while it happens. Events are appended and never touched again; everything else is
//! written whole. Knows no clock: the time of day comes from the caller.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::files::{self, DEFINITIONS, EVENTS, MANIFEST, SUMS};
use super::lock::RunLock;
use super::reader::{EventLines, read_manifest};
use super::sink::{EventSink, open_for_append};
use super::{BundleError, EventBody, Manifest, RunStatus};

/// The only writer of one run, for as long as it lives.
pub struct Writer {
    dir: PathBuf,
    manifest: Manifest,
    events: Box<dyn EventSink>,
    next_seq: u64,
    /// A write failed: there may be half a line at the end, and nothing may follow it.
    given_up: bool,
    line: Vec<u8>,
    _lock: RunLock,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Writer")
            .field("dir", &self.dir)
            .field("next_seq", &self.next_seq)
            .finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    body: &'a EventBody,
}

impl Writer {
    /// Begins a run in a new folder. `definitions` are the texts of the files the run is made with, by name;
    /// their hashes are put into the manifest here.
    pub fn create(
        dir: &Path,
        manifest: Manifest,
        definitions: &BTreeMap<String, String>,
    ) -> Result<Self, BundleError> {
        Self::create_onto(dir, manifest, definitions, |path| Ok(Box::new(open_for_append(path)?)))
    }

    /// As `create`, with another place for the event lines.
    pub fn create_onto(
        dir: &Path,
        mut manifest: Manifest,
        definitions: &BTreeMap<String, String>,
        sink: impl FnOnce(&Path) -> std::io::Result<Box<dyn EventSink>>,
    ) -> Result<Self, BundleError> {
        fs::create_dir_all(dir).map_err(BundleError::io("create", dir))?;
        let lock = RunLock::take(dir)?;
        // An empty event file without a manifest is all that a death at this very place leaves behind.
        let has_events = fs::metadata(dir.join(EVENTS)).is_ok_and(|events| events.len() > 0);
        if dir.join(MANIFEST).exists() || has_events {
            return Err(BundleError::AlreadyThere { dir: dir.to_owned() });
        }
        let folder = dir.join(DEFINITIONS);
        fs::create_dir_all(&folder).map_err(BundleError::io("create", &folder))?;
        manifest.definitions.clear();
        for (name, text) in definitions {
            files::write_whole(&files::inside(&folder, name)?, text.as_bytes())?;
            manifest.definitions.insert(name.clone(), files::sha256_of(text.as_bytes()));
        }
        let path = dir.join(EVENTS);
        let events = sink(&path).map_err(BundleError::io("create", &path))?;
        manifest.status = RunStatus::Started;
        manifest.ended_at = None;
        // Last: a folder with a manifest has everything that the manifest speaks of.
        write_manifest(dir, &manifest)?;
        Ok(Self {
            dir: dir.to_owned(),
            manifest,
            events,
            next_seq: 0,
            given_up: false,
            line: Vec::new(),
            _lock: lock,
        })
    }

    /// Takes up a run that was cut. Half an event at the end is cut away and noted; a run that is damaged
    /// before its end is refused.
    pub fn resume(dir: &Path, at: &str) -> Result<Self, BundleError> {
        let mut manifest = read_manifest(dir)?;
        let lock = RunLock::take(dir)?;
        let path = dir.join(EVENTS);
        let file = open_for_append(&path).map_err(BundleError::io("open", &path))?;
        let read = File::open(&path).and_then(|from| EventLines::read(BufReader::new(from)));
        let read = read.map_err(BundleError::io("read", &path))?;
        if let Some(line) = read.damaged_line {
            let what = read.defects.first().map(ToString::to_string).unwrap_or_default();
            return Err(BundleError::Damaged { path, line, what });
        }
        let cut_bytes = read.total_bytes - read.whole_bytes;
        if cut_bytes > 0 {
            let cut =
                OpenOptions::new().write(true).open(&path).and_then(|file| file.set_len(read.whole_bytes));
            cut.map_err(BundleError::io("cut", &path))?;
        }
        // The old sums speak of files that are about to change.
        match fs::remove_file(dir.join(SUMS)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(BundleError::io("remove", &dir.join(SUMS))(error));
            }
            _ => {}
        }
        manifest.status = RunStatus::Started;
        manifest.ended_at = None;
        write_manifest(dir, &manifest)?;
        let next_seq = read.events.last().map_or(0, |event| event.seq + 1);
        let events = Box::new(file);
        let mut writer = Self {
            dir: dir.to_owned(),
            manifest,
            events,
            next_seq,
            given_up: false,
            line: Vec::new(),
            _lock: lock,
        };
        if next_seq > 0 && !read.ends_with_break {
            writer.line.push(b'\n');
            writer.write_line()?;
        }
        writer.append(EventBody::Resumed { at: at.to_owned() })?;
        if cut_bytes > 0 {
            let what = format!(
                "{cut_bytes} bytes after event {} were no whole event and were cut",
                next_seq.max(1) - 1
            );
            writer.append(EventBody::Noted { what })?;
        }
        writer.sync()?;
        Ok(writer)
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Writes one event and gives its number. A trial's end is on the disk when this returns.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "an event is handed over, so that nobody writes it twice"
    )]
    pub fn append(&mut self, body: EventBody) -> Result<u64, BundleError> {
        let path = self.dir.join(EVENTS);
        if self.given_up {
            return Err(BundleError::GivenUp { path });
        }
        let seq = self.next_seq;
        self.line.clear();
        serde_json::to_writer(&mut self.line, &Line { seq, body: &body })
            .map_err(|error| BundleError::Unwritable { what: error.to_string() })?;
        // Only these numbers do not come from JSON already: one that is not finite would read as nothing.
        if matches!(body, EventBody::Imported { .. } | EventBody::Metered(_))
            && let Err(error) = serde_json::from_slice::<super::Event>(&self.line)
        {
            return Err(BundleError::Unwritable {
                what: format!("what was imported holds a value that is no number: {error}"),
            });
        }
        self.line.push(b'\n');
        self.write_line()?;
        self.next_seq += 1;
        if matches!(body, EventBody::TrialEnded { .. } | EventBody::RunEnded) {
            self.sync()?;
        }
        Ok(seq)
    }

    fn write_line(&mut self) -> Result<(), BundleError> {
        let path = self.dir.join(EVENTS);
        let written = self.events.write_all(&self.line);
        self.given_up = written.is_err();
        written.map_err(BundleError::io("write to", &path))
    }

    /// Returns when every event is on the disk.
    pub fn sync(&mut self) -> Result<(), BundleError> {
        let synced = self.events.sync();
        // After a failed sync nobody knows what is on the disk.
        self.given_up |= synced.is_err();
        synced.map_err(BundleError::io("sync", &self.dir.join(EVENTS)))
    }

    /// Puts a file into the bundle, such as `media/ITEM.png`.
    pub fn attach(&mut self, name: &str, content: &[u8]) -> Result<(), BundleError> {
        files::write_whole(&files::inside(&self.dir, name)?, content)
    }

    /// Ends the run: the last event, the manifest, the sums. A run that is not finished can be taken up again.
    /// `RunEnded` is written here.
    pub fn finish(mut self, status: RunStatus, ended_at: &str) -> Result<(), BundleError> {
        if status == RunStatus::Finished {
            self.append(EventBody::RunEnded)?;
        } else if !self.given_up {
            self.sync()?;
        }
        self.manifest.status = status;
        self.manifest.ended_at = Some(ended_at.to_owned());
        write_manifest(&self.dir, &self.manifest)?;
        files::write_sums(&self.dir)
    }
}

fn write_manifest(dir: &Path, manifest: &Manifest) -> Result<(), BundleError> {
    let mut text = serde_json::to_vec_pretty(manifest)
        .map_err(|error| BundleError::Unwritable { what: format!("the manifest: {error}") })?;
    text.push(b'\n');
    files::write_whole(&dir.join(MANIFEST), &text)
}
