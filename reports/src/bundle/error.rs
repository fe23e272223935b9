//! What can go wrong with a bundle on disk: each error names the file and the next step.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::BUNDLE_FORMAT;

#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("{} is there already; choose another folder, or go on with it by `dyno run --resume {}`", dir.display(), dir.display())]
    AlreadyThere { dir: PathBuf },
    #[error("{} is being written by process {pid}; wait until it is done, or end that process", dir.display())]
    Held { dir: PathBuf, pid: String },
    #[error("cannot {action} {}: {source}; {}", path.display(), next_step(source))]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "an earlier write to {} failed, so nothing more is written to it; what is there is readable, and \
         `dyno run --resume` goes on from its last whole event", path.display()
    )]
    GivenUp { path: PathBuf },
    #[error("{} is no bundle: it has no manifest.json; name the folder of a run, such as runs/NAME", dir.display())]
    NotABundle { dir: PathBuf },
    #[error(
        "{} has bundle format {found}, written by dyno {tool}; this dyno reads formats up to {BUNDLE_FORMAT}: \
         use dyno {tool} or a newer one", path.display()
    )]
    NewerFormat { path: PathBuf, found: u64, tool: String },
    #[error("{} cannot be read as a manifest: {source}; restore it from a copy of the run", path.display())]
    Manifest { path: PathBuf, source: serde_json::Error },
    #[error(
        "{} is damaged at line {line}, before its end ({what}); what is readable can be reported, but a new run must \
         be started to measure more", path.display()
    )]
    Damaged { path: PathBuf, line: u64, what: String },
    #[error("`{name}` cannot be a file of a bundle; use a relative path without `..`")]
    FileName { name: String },
    #[error("an event cannot be written down: {what}; report this as a fault of dyno")]
    Unwritable { what: String },
}

impl BundleError {
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

fn next_step(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "free some space on that disk, then go on with `dyno run --resume`"
        }
        ErrorKind::PermissionDenied => {
            "check the permissions of the folder, or name another one with `--out`"
        }
        ErrorKind::ReadOnlyFilesystem => "name a folder that can be written with `--out`",
        ErrorKind::NotFound => "check the path",
        _ => "check the disk, then go on with `dyno run --resume`",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_says_what_to_do() {
        let full = io::Error::from(ErrorKind::StorageFull);
        let text = BundleError::io("write to", Path::new("runs/a/events.jsonl"))(full).to_string();
        assert!(text.contains("runs/a/events.jsonl") && text.contains("free some space"), "{text}");
    }
}
