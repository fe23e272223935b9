//! From a task's source to its items: files found, held against their hash, read.

use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use dyno_suites::task::{DataSource, Item};
use sha2::{Digest as _, Sha256};

use crate::error::{DataError, Wrong};
use crate::find::{Places, Wanted, beside};
use crate::items::{Names, Picture, clusters_by_picture, item, pictures};
use crate::pictures::decode;
use crate::rows::{Content, Each, MOST_BYTES, read};

/// A file as it was read, for the record of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadFile {
    pub path: String,
    pub sha256: String,
    /// The definition pins this hash; otherwise it only says what was read.
    pub pinned: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Loaded {
    /// In the order of the rows, without pictures.
    pub(crate) items: Vec<Item>,
    pub(crate) files: Vec<ReadFile>,
}

/// The items of a source; `task` names it in errors. Pictures are left to [`load_pictures`], because all of them at
/// once would fill a machine.
pub(crate) fn load(task: &str, source: &DataSource, places: &Places) -> Result<Loaded, DataError> {
    let found = find(task, source, places)?;
    let mut items = Vec::new();
    let mut names = Names::default();
    let mut files = Vec::new();
    for (path, content) in &found {
        let name = path.to_string_lossy().into_owned();
        files.push(checked(task, source, &name, content)?);
        each_row(path, content, source, clusters_by_picture(&source.fields), &mut |row, content| {
            let name = names.next(&content, &source.fields);
            let item = name.and_then(|name| item(&content, name, &source.fields));
            items.push(item.map_err(|what| Wrong::row(row, what))?);
            Ok(())
        })?;
    }
    Ok(Loaded { items, files })
}

/// Reads the pictures of the given items of [`load`]; those of more pixels are made smaller.
pub(crate) fn load_pictures(
    task: &str,
    source: &DataSource,
    places: &Places,
    items: &mut [Item],
    most_pixels: Option<u32>,
) -> Result<(), DataError> {
    if source.fields.images.is_empty() || items.is_empty() {
        return Ok(());
    }
    let mut wanted: HashMap<String, &mut Item> =
        items.iter_mut().map(|item| (item.id.clone(), item)).collect();
    let mut names = Names::default();
    for (path, content) in &find(task, source, places)? {
        let folder = path.parent().unwrap_or(Path::new("."));
        each_row(path, content, source, true, &mut |row, content| {
            let wrong = |what: String| Wrong::row(row, what);
            let name = names.next(&content, &source.fields).map_err(wrong)?;
            let Some(item) = wanted.get_mut(&name) else { return Ok(()) };
            for picture in pictures(&content, &source.fields).map_err(wrong)? {
                let bytes = match picture {
                    Picture::Bytes(bytes) => bytes,
                    Picture::Beside(name) => picture_file(folder, &name).map_err(wrong)?,
                };
                let what = |error| Wrong::row(row, format!("holds a picture that cannot be read: {error}"));
                item.images.push(decode(&bytes, most_pixels).map_err(what)?);
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn find(task: &str, source: &DataSource, places: &Places) -> Result<Vec<(PathBuf, Content)>, DataError> {
    let wanted = Wanted {
        hub: source.hub.as_deref(),
        revision: source.revision.as_deref(),
        file: &source.file,
        embedded: source.embedded,
    };
    let found = places.find(wanted);
    if found.is_empty() {
        return Err(DataError::Absent { task: task.to_owned(), how: how_to_get(source) });
    }
    Ok(found)
}

/// What to fetch from where, and how to say where it lies.
fn how_to_get(source: &DataSource) -> String {
    let sha256 =
        source.sha256.as_deref().map_or("none is pinned".to_owned(), |sha256| format!("expected {sha256}"));
    match &source.hub {
        Some(hub) => format!(
            "download `{}` of the data set {hub} at revision {} (sha256: {sha256}; licence: {}), for instance with \
             `hf download --repo-type dataset {hub} --revision {0} --include '{1}'`, and pass `--data FOLDER`, unless \
             it lies in the hub's cache",
            source.file,
            source.revision.as_deref().unwrap_or("main"),
            source.licence,
        ),
        None => format!("put `{}` somewhere (sha256: {sha256}) and pass `--data FOLDER`", source.file),
    }
}

fn checked(task: &str, source: &DataSource, name: &str, content: &Content) -> Result<ReadFile, DataError> {
    let found = sha256(content).map_err(|wrong| wrong.of(name))?;
    match &source.sha256 {
        Some(expected) if *expected != found => {
            let (task, expected) = (task.to_owned(), expected.clone());
            Err(DataError::OtherFile { task, file: name.to_owned(), expected, found })
        }
        pinned => Ok(ReadFile { path: name.to_owned(), sha256: found, pinned: pinned.is_some() }),
    }
}

fn sha256(content: &Content) -> Result<String, Wrong> {
    let mut hash = Sha256::new();
    let mut bytes = content.open()?;
    let mut chunk = vec![0; 1 << 16];
    loop {
        let length = bytes.read(&mut chunk)?;
        if length == 0 {
            return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hash.update(&chunk[..length]);
    }
}

/// Every row that the source means, with the fields that it makes.
fn each_row(
    path: &Path,
    content: &Content,
    source: &DataSource,
    blobs: bool,
    each: &mut Each<'_>,
) -> Result<(), DataError> {
    let mut kept = |row: u64, mut content: crate::rows::Row| {
        if let Some((field, value)) = &source.only
            && content.fields.get(field).and_then(|found| found.as_str()) != Some(value)
        {
            return Ok(());
        }
        source.make_fields(&mut content.fields).map_err(|what| Wrong::row(row, what))?;
        each(row, content)
    };
    read(content, path, source.format, blobs, &mut kept).map_err(|wrong| wrong.of(&path.to_string_lossy()))
}

fn picture_file(folder: &Path, name: &str) -> Result<Vec<u8>, String> {
    let path =
        beside(folder, name).ok_or_else(|| format!("names a picture outside of its folder: `{name}`"))?;
    let file = fs::File::open(&path)
        .map_err(|error| format!("names a picture that is not there: {name}: {error}"))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(|error| format!("{name}: {error}"))?;
    Ok(bytes)
}
