//! Reading what a run left, however it ended: everything that is whole, and a name for everything that is not.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use dyno_protocol::codec::hex;
use sha2::{Digest, Sha256};

use super::files::{DEFINITIONS, EVENTS, MANIFEST};
use super::{BUNDLE_FORMAT, BundleError, Event, Manifest, RunStatus};

/// A run as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    pub dir: PathBuf,
    pub manifest: Manifest,
    /// Whole events in the order of their numbers. Where numbers are missing, `defects` says so.
    pub events: Vec<Event>,
    /// The hash of `events.jsonl`, of every byte of it.
    pub events_sha256: String,
    /// The files under `definitions/`, by their path in it.
    pub definitions: BTreeMap<String, String>,
    pub defects: Vec<Defect>,
}

/// Something in the bundle that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    pub kind: DefectKind,
    pub file: String,
    /// Counted from one; zero where the file as a whole is meant.
    pub line: u64,
    pub what: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DefectKind {
    /// The last line is a part of an event.
    Cut,
    /// A file, or events between two others.
    Missing,
    /// An event that is there already, or in the wrong place.
    Repeated,
    Unreadable,
}

impl std::fmt::Display for Defect {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(to, "{}: {}", self.file, self.what),
            line => write!(to, "{}, line {line}: {}", self.file, self.what),
        }
    }
}

impl Bundle {
    /// Reads a run's folder. A run that is still going on, was cut or is damaged gives what is whole.
    pub fn open(dir: &Path) -> Result<Self, BundleError> {
        let manifest = read_manifest(dir)?;
        let mut defects = Vec::new();
        let path = dir.join(EVENTS);
        let (events, events_sha256) = match File::open(&path) {
            Ok(file) => {
                let read = EventLines::read(BufReader::with_capacity(1 << 16, file));
                let read = read.map_err(BundleError::io("read", &path))?;
                defects.extend(read.defects);
                (read.events, read.sha256)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (file, what) = (EVENTS.to_owned(), "is missing".to_owned());
                defects.push(Defect { kind: DefectKind::Missing, file, line: 0, what });
                (Vec::new(), String::new())
            }
            Err(error) => return Err(BundleError::io("open", &path)(error)),
        };
        let mut definitions = BTreeMap::new();
        read_texts(&dir.join(DEFINITIONS), "", &mut definitions, &mut defects);
        Ok(Self { dir: dir.to_owned(), manifest, events, events_sha256, definitions, defects })
    }

    /// Whether the run says of itself that it came to its end.
    pub fn is_finished(&self) -> bool {
        self.manifest.status == RunStatus::Finished
    }
}

/// The events of one file, with the place up to which it is sound.
#[derive(Debug, Default)]
pub(super) struct EventLines {
    pub(super) events: Vec<Event>,
    pub(super) sha256: String,
    pub(super) defects: Vec<Defect>,
    /// Bytes up to the end of the last whole event, and whether a line break follows it.
    pub(super) whole_bytes: u64,
    pub(super) ends_with_break: bool,
    pub(super) total_bytes: u64,
    /// The first unreadable line that has a whole event after it.
    pub(super) damaged_line: Option<u64>,
}

impl EventLines {
    pub(super) fn read(mut from: impl BufRead) -> io::Result<Self> {
        let mut lines = Self::default();
        let mut hasher = Sha256::new();
        let (mut line, mut number, mut next_seq) = (Vec::new(), 0, 0);
        let mut first_bad = None;
        loop {
            line.clear();
            if from.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            number += 1;
            hasher.update(&line);
            lines.total_bytes += line.len() as u64;
            let has_break = line.last() == Some(&b'\n');
            let fault = match serde_json::from_slice::<Event>(&line) {
                Ok(event) if event.seq < next_seq => Some((
                    DefectKind::Repeated,
                    format!("event {} comes a second time or out of order and is left out", event.seq),
                )),
                Ok(event) => {
                    if event.seq > next_seq {
                        lines.defect(DefectKind::Missing, number, missing(next_seq, event.seq - 1));
                        first_bad = first_bad.or(Some(number));
                    }
                    lines.damaged_line = lines.damaged_line.or(first_bad);
                    next_seq = event.seq + 1;
                    lines.whole_bytes = lines.total_bytes;
                    lines.ends_with_break = has_break;
                    lines.events.push(event);
                    None
                }
                Err(_) if !has_break => {
                    Some((DefectKind::Cut, format!("was cut; its {} bytes are no whole event", line.len())))
                }
                Err(error) => Some((DefectKind::Unreadable, format!("is no event of this format: {error}"))),
            };
            if let Some((kind, what)) = fault {
                first_bad = first_bad.or(Some(number));
                lines.defect(kind, number, what);
            }
        }
        lines.sha256 = hex(&hasher.finalize());
        Ok(lines)
    }

    fn defect(&mut self, kind: DefectKind, line: u64, what: String) {
        self.defects.push(Defect { kind, file: EVENTS.to_owned(), line, what });
    }
}

fn missing(first: u64, last: u64) -> String {
    if first == last {
        format!("event {first} is missing before it")
    } else {
        format!("events {first} to {last} are missing before it")
    }
}

/// The version is looked at before anything else, so that a newer format is refused by name.
pub(super) fn read_manifest(dir: &Path) -> Result<Manifest, BundleError> {
    let path = dir.join(MANIFEST);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && dir.is_dir() => {
            return Err(BundleError::NotABundle { dir: dir.to_owned() });
        }
        Err(error) => return Err(BundleError::io("read", &path)(error)),
    };
    let fault = |source| BundleError::Manifest { path: path.clone(), source };
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(fault)?;
    if let Some(found) = value.get("format").and_then(serde_json::Value::as_u64)
        && found > u64::from(BUNDLE_FORMAT)
    {
        let tool = value.pointer("/tool/version").and_then(serde_json::Value::as_str);
        return Err(BundleError::NewerFormat {
            path,
            found,
            tool: tool.unwrap_or("of an unnamed version").to_owned(),
        });
    }
    serde_json::from_value(value).map_err(fault)
}

fn read_texts(folder: &Path, prefix: &str, texts: &mut BTreeMap<String, String>, defects: &mut Vec<Defect>) {
    let mut fault = |name: &str, error: &io::Error| {
        let file = format!("{DEFINITIONS}/{name}");
        let kind = if error.kind() == io::ErrorKind::NotFound {
            DefectKind::Missing
        } else {
            DefectKind::Unreadable
        };
        defects.push(Defect { kind, file, line: 0, what: format!("cannot be read: {error}") });
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return fault(prefix, &error),
    };
    let mut inner = Vec::new();
    for entry in entries.flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            inner.push((entry.path(), format!("{name}/")));
            continue;
        }
        match fs::read_to_string(entry.path()) {
            Ok(text) => {
                texts.insert(name, text);
            }
            Err(error) => fault(&name, &error),
        }
    }
    for (path, prefix) in inner {
        read_texts(&path, &prefix, texts, defects);
    }
}
