//! Definition files of the user's own: files and folders, each argument a layer above those before it.

use std::fs;
use std::path::{Path, PathBuf};

use super::mistakes::Mistake;
use super::source::SourceFile;

/// A definition file larger than this is something else.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// Folders deeper than this are a loop of links or not a folder of definitions.
const MAX_DEPTH: u32 = 8;

pub(crate) fn added_files(paths: &[PathBuf]) -> (Vec<SourceFile>, Vec<Mistake>) {
    let (mut files, mut mistakes) = (Vec::new(), Vec::new());
    for (index, path) in paths.iter().enumerate() {
        let before = (files.len(), mistakes.len());
        collect(path, index as u32 + 1, 0, &mut files, &mut mistakes);
        if (files.len(), mistakes.len()) == before {
            mistakes.push(unreadable(path, "holds no definition file", "definition files end in .toml"));
        }
    }
    (files, mistakes)
}

fn collect(path: &Path, layer: u32, depth: u32, files: &mut Vec<SourceFile>, mistakes: &mut Vec<Mistake>) {
    if path.is_dir() {
        if depth == MAX_DEPTH {
            mistakes.push(unreadable(path, "is nested too deeply", "name the inner folder itself"));
            return;
        }
        match fs::read_dir(path) {
            Err(error) => {
                mistakes.push(unreadable(path, &format!("cannot be read: {error}"), "check its permissions"));
            }
            Ok(entries) => {
                let mut inner: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
                inner.sort();
                for path in inner {
                    if path.is_dir() || path.extension().is_some_and(|extension| extension == "toml") {
                        collect(&path, layer, depth + 1, files, mistakes);
                    }
                }
            }
        }
        return;
    }
    let too_large = fs::metadata(path).is_ok_and(|facts| facts.len() > MAX_FILE_BYTES);
    if too_large {
        mistakes.push(unreadable(path, "is too large for a definition file", "name a file of definitions"));
        return;
    }
    match fs::read_to_string(path) {
        Ok(text) => files.push(SourceFile { name: path.display().to_string(), text, layer }),
        Err(error) => {
            mistakes.push(unreadable(
                path,
                &format!("cannot be read: {error}"),
                "name a file or folder of TOML text",
            ));
        }
    }
}

fn unreadable(path: &Path, what: &str, hint: &str) -> Mistake {
    Mistake {
        file: path.display().to_string(),
        line: 0,
        column: 0,
        what: what.to_owned(),
        hint: Some(hint.to_owned()),
    }
}
