//! Files of a bundle: written whole or not at all, hashed, and listed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use dyno_protocol::codec::hex;
use sha2::{Digest, Sha256};

use super::BundleError;

pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const EVENTS: &str = "events.jsonl";
pub(super) const DEFINITIONS: &str = "definitions";
pub(super) const SUMS: &str = "SHA256SUMS";

/// Signs the sums, so it cannot be among them.
const SIGNATURE: &str = "SHA256SUMS.sig";
/// Derived from the rest; may be deleted and made again.
const DERIVED: &str = "report";

/// Temp file, sync, rename, sync of the folder: after a crash there is the old content or the new, never a part.
pub(super) fn write_whole(path: &Path, content: &[u8]) -> Result<(), BundleError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(BundleError::io("create", folder))?;
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".part");
    let temporary = PathBuf::from(temporary);
    let write = || -> io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&temporary);
        BundleError::io("write", path)(error)
    })
}

/// A path inside the bundle, or a refusal.
pub(super) fn inside(dir: &Path, name: &str) -> Result<PathBuf, BundleError> {
    let plain = !name.is_empty()
        && !name.contains(['\n', '\r', '\\', '\0'])
        && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if plain { Ok(dir.join(name)) } else { Err(BundleError::FileName { name: name.to_owned() }) }
}

pub(super) fn sha256_of(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

pub(super) fn sha256_of_file(path: &Path) -> Result<String, BundleError> {
    let read = || -> io::Result<String> {
        let mut file = File::open(path)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hex(&hasher.finalize())),
                count => hasher.update(&buffer[..count]),
            }
        }
    };
    read().map_err(BundleError::io("read", path))
}

/// Every file that the sums speak for, by its path inside the bundle, with its hash.
pub(super) fn hashes(dir: &Path) -> Result<BTreeMap<String, String>, BundleError> {
    let mut found = BTreeMap::new();
    collect(dir, "", &mut found)?;
    Ok(found)
}

fn collect(folder: &Path, prefix: &str, found: &mut BTreeMap<String, String>) -> Result<(), BundleError> {
    for entry in fs::read_dir(folder).map_err(BundleError::io("read", folder))? {
        let entry = entry.map_err(BundleError::io("read", folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        if prefix.is_empty() && [SUMS, SIGNATURE, DERIVED, super::lock::PID_FILE].contains(&name.as_str()) {
            continue;
        }
        let inner = format!("{prefix}{name}");
        // A link is followed by nobody: its target is not part of the bundle.
        let kind = entry.file_type().map_err(BundleError::io("read", &path))?;
        if kind.is_dir() {
            collect(&path, &format!("{inner}/"), found)?;
        } else if kind.is_file() {
            found.insert(inner, sha256_of_file(&path)?);
        } else {
            found.insert(inner, "not a file".to_owned());
        }
    }
    Ok(())
}

/// The format of `sha256sum`, so that anybody can check it without Dyno.
pub(super) fn write_sums(dir: &Path) -> Result<(), BundleError> {
    let lines: Vec<String> =
        hashes(dir)?.iter().map(|(name, sha256)| format!("{sha256}  {name}\n")).collect();
    let text = lines.concat();
    write_whole(&dir.join(SUMS), text.as_bytes())
}

/// What the sums say, and the lines of them that say nothing.
pub(super) fn parse_sums(text: &str) -> (BTreeMap<String, String>, Vec<String>) {
    let (mut sums, mut odd) = (BTreeMap::new(), Vec::new());
    for line in text.lines() {
        match line.split_once("  ") {
            Some((sha256, name)) if sha256.len() == 64 => {
                sums.insert(name.to_owned(), sha256.to_owned());
            }
            _ => odd.push(line.to_owned()),
        }
    }
    (sums, odd)
}
