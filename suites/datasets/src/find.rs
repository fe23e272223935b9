//! Where the files of a data set lie: in the binary, at a path that was given, or in a cache of the hub.
//!
//! Owns the layouts. Nothing is fetched.

use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::embedded;
use crate::rows::Content;

/// The folders to look in, in this order.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// Files and folders that the user names.
    pub given: Vec<PathBuf>,
    /// Folders in which the hub's library keeps its snapshots.
    pub caches: Vec<PathBuf>,
}

/// The file of a data set that is looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Its name on the hub.
    pub(crate) hub: Option<&'a str>,
    pub(crate) revision: Option<&'a str>,
    /// Its path in the data set; `*` stands for any part of one name.
    pub(crate) file: &'a str,
    pub(crate) embedded: bool,
}

impl Places {
    /// The caches of the hub's library, by the environment variables that it goes by.
    pub fn with_caches(given: Vec<PathBuf>, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let path = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = path("HF_HOME").map(|home| home.join("hub"));
        let user = path("HOME").map(|home| home.join(".cache/huggingface/hub"));
        Self { given, caches: path("HF_HUB_CACHE").or(home).or(user).into_iter().collect() }
    }

    /// The files that the wanted name stands for, with the folder that their pictures beside them are looked for in.
    pub(crate) fn find(&self, wanted: Wanted<'_>) -> Vec<(PathBuf, Content)> {
        if wanted.embedded
            && let Some(bytes) = embedded::file(wanted.file)
        {
            return vec![(PathBuf::from(wanted.file), Content::Embedded(bytes))];
        }
        let in_caches = self.caches.iter().flat_map(|cache| snapshots(cache, wanted));
        let given = self.given.iter().flat_map(|given| in_given(given, wanted));
        given
            .chain(in_caches)
            .find(|files| !files.is_empty())
            .unwrap_or_default()
            .into_iter()
            .map(named)
            .collect()
    }
}

fn named(path: PathBuf) -> (PathBuf, Content) {
    (path.clone(), Content::File(path))
}

/// In a path that the user gave: the file itself, the data set's folder, a folder of data sets, or a cache.
fn in_given(given: &Path, wanted: Wanted<'_>) -> Vec<Vec<PathBuf>> {
    if given.is_file() {
        let same = |given: &Path| given.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = wanted.file.rsplit('/').next().unwrap_or(wanted.file);
        let fits = same(given).is_some_and(|given| matches(name, &given));
        return vec![if fits { vec![given.to_owned()] } else { Vec::new() }];
    }
    let mut found = vec![expand(given, wanted.file)];
    if let Some(hub) = wanted.hub {
        found.push(expand(&given.join(hub), wanted.file));
        let short = hub.rsplit('/').next().unwrap_or(hub);
        found.push(expand(&given.join(short), wanted.file));
    }
    found.extend(snapshots(given, wanted));
    found.extend(snapshots(&given.join("hub"), wanted));
    found
}

/// In a cache of the hub's library: `datasets--OWNER--NAME/snapshots/REVISION/FILE`.
fn snapshots(cache: &Path, wanted: Wanted<'_>) -> Vec<Vec<PathBuf>> {
    let Some(hub) = wanted.hub else { return Vec::new() };
    let set = cache.join(format!("datasets--{}", hub.replace('/', "--")));
    let folder = set.join("snapshots");
    let mut revisions = Vec::new();
    if let Some(revision) = wanted.revision {
        // A branch's name stands for the revision that its file names.
        revisions.push(revision.to_owned());
        revisions
            .extend(fs::read_to_string(set.join("refs").join(revision)).map(|name| name.trim().to_owned()));
    } else {
        let names = fs::read_dir(&folder).into_iter().flatten().flatten();
        revisions.extend(names.map(|entry| entry.file_name().to_string_lossy().into_owned()));
        revisions.sort();
    }
    revisions.iter().map(|revision| expand(&folder.join(revision), wanted.file)).collect()
}

/// The files under a folder that a path with `*` in it stands for, in the order of their names.
fn expand(folder: &Path, file: &str) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for part in file.split('/') {
        if part.is_empty() || part == ".." {
            return Vec::new();
        }
        if !part.contains('*') {
            for path in &mut found {
                path.push(part);
            }
            continue;
        }
        let inside = |path: &PathBuf| {
            let names = fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.file_name());
            let fitting = names.filter(|name| matches(part, &name.to_string_lossy()));
            fitting.map(|name| path.join(name)).collect::<Vec<_>>()
        };
        found = found.iter().flat_map(inside).collect();
    }
    found.retain(|path| path.is_file());
    found.sort();
    found
}

/// Whether a name fits a pattern in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == name };
    let Some(rest) = name.strip_prefix(before) else { return false };
    (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| matches(after, &rest[at..]))
}

/// A path that a row names, below the data set's folder; none if it leads out of it.
pub(crate) fn beside(folder: &Path, path: &str) -> Option<PathBuf> {
    let inside =
        Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    inside.then(|| folder.join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted<'a>(hub: Option<&'a str>, revision: Option<&'a str>, file: &'a str) -> Wanted<'a> {
        Wanted { hub, revision, file, embedded: false }
    }

    fn write(folder: &Path, file: &str) {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }

    #[test]
    fn files_are_found_in_every_layout() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "plain/data/test.parquet");
        write(root, "sets/owner/name/data/test.parquet");
        write(root, "hub/datasets--owner--name/snapshots/abc/data/test.parquet");
        write(root, "hub/datasets--owner--name/snapshots/def/data/test.parquet");
        write(root, "hub/datasets--owner--name/refs/main");
        fs::write(root.join("hub/datasets--owner--name/refs/main"), "def\n").unwrap();
        let places = |given: &str| Places { given: vec![root.join(given)], caches: Vec::new() };
        let find = |places: &Places, revision| {
            let found = places.find(wanted(Some("owner/name"), revision, "data/test.parquet"));
            found.first().map(|(path, _)| path.strip_prefix(root).unwrap().to_string_lossy().into_owned())
        };
        assert_eq!(find(&places("plain"), None).unwrap(), "plain/data/test.parquet");
        assert_eq!(find(&places("plain/data/test.parquet"), None).unwrap(), "plain/data/test.parquet");
        assert_eq!(find(&places("sets"), None).unwrap(), "sets/owner/name/data/test.parquet");
        let cached = Places { given: Vec::new(), caches: vec![root.join("hub")] };
        assert!(find(&cached, Some("main")).unwrap().contains("/def/"));
        assert!(find(&cached, Some("abc")).unwrap().contains("/abc/"));
        assert_eq!(find(&cached, Some("other")), None, "another revision is another data set");
        assert_eq!(find(&places("nowhere"), None), None);
    }

    #[test]
    fn a_star_stands_for_parts_in_the_order_of_names() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "Art/test-0.parquet");
        write(folder.path(), "Art/dev-0.parquet");
        write(folder.path(), "Zoo/test-0.parquet");
        let found = expand(folder.path(), "*/test-*.parquet");
        assert_eq!(
            found,
            [folder.path().join("Art/test-0.parquet"), folder.path().join("Zoo/test-0.parquet")]
        );
        assert!(expand(folder.path(), "../*").is_empty());
    }

    #[test]
    fn a_row_cannot_name_a_file_outside() {
        let folder = Path::new("/data");
        assert_eq!(beside(folder, "images/1.png"), Some(PathBuf::from("/data/images/1.png")));
        assert_eq!(beside(folder, "../secret"), None);
        assert_eq!(beside(folder, "/etc/passwd"), None);
    }
}
