//! The state of one loading: mistakes, declarations and references, collected while files are read and
//! checked against each other when all are.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::de::{DeTable, Error};

use super::fields::Fields;
use super::ledger::recorded_sha256;
use super::mistakes::Mistake;
use super::nearest::did_you_mean;
use super::source::SourceFile;
use crate::check::Later;

/// Somewhere in a file.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) file: usize,
    pub(crate) span: Range<usize>,
}

#[derive(Debug)]
struct Declared {
    kind: &'static str,
    id: String,
    version: Option<u32>,
    sha256: String,
    place: Place,
}

#[derive(Debug)]
struct Reference {
    kind: &'static str,
    id: String,
    place: Place,
}

/// The version of the files' format that this reader reads.
pub(crate) const FORMAT: u64 = 1;

#[derive(Debug)]
pub(crate) struct Reading<'a> {
    files: &'a [SourceFile],
    mistakes: RefCell<Vec<Mistake>>,
    declared: RefCell<Vec<Declared>>,
    references: RefCell<Vec<Reference>>,
    laters: RefCell<Vec<(Later, Place)>>,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(files: &'a [SourceFile]) -> Self {
        Self {
            files,
            mistakes: RefCell::default(),
            declared: RefCell::default(),
            references: RefCell::default(),
            laters: RefCell::default(),
        }
    }

    /// Reads every file's top table. What a file with broken syntax defines still counts as defined, so
    /// that one missing bracket is not reported as a hundred dangling references.
    pub(crate) fn each_file(&self, mut read: impl FnMut(&Fields<'_>)) {
        for (index, file) in self.files.iter().enumerate() {
            let (table, errors) = DeTable::parse_recoverable(&file.text);
            let before = self.mistakes.borrow().len();
            let place = Place { file: index, span: 0..0 };
            let fields = Fields::new(self, table.get_ref(), place, "this file".to_owned());
            read(&fields);
            fields.finish();
            if !errors.is_empty() {
                self.mistakes.borrow_mut().truncate(before);
                for error in errors {
                    self.broken(index, &error);
                }
            }
        }
    }

    fn broken(&self, file: usize, error: &Error) {
        let span = error.span().unwrap_or(0..0);
        self.mistake(&Place { file, span }, format!("not TOML: {}", error.message()), None);
    }

    pub(crate) fn mistake(&self, place: &Place, what: String, hint: Option<String>) {
        self.mistakes.borrow_mut().push(self.files[place.file].mistake(&place.span, what, hint));
    }

    pub(crate) fn mistakes_so_far(&self) -> usize {
        self.mistakes.borrow().len()
    }

    pub(crate) fn declare(
        &self,
        kind: &'static str,
        id: &str,
        version: Option<u32>,
        sha256: String,
        place: &Place,
    ) {
        let declared = Declared { kind, id: id.to_owned(), version, sha256, place: place.clone() };
        self.declared.borrow_mut().push(declared);
    }

    pub(crate) fn refer(&self, kind: &'static str, id: &str, place: &Place) {
        self.references.borrow_mut().push(Reference { kind, id: id.to_owned(), place: place.clone() });
    }

    pub(super) fn later(&self, later: Later, place: Place) {
        self.laters.borrow_mut().push((later, place));
    }

    /// What can only be judged when everything is read.
    pub(crate) fn laters(&self) -> Vec<(Later, Place)> {
        self.laters.take()
    }

    /// Checks that need all files, then everything that was found.
    pub(crate) fn finish(self) -> (Vec<Mistake>, BTreeMap<String, String>) {
        self.check_duplicates();
        self.check_references();
        let versions = self
            .declared
            .borrow()
            .iter()
            .filter_map(|declared| Some((declared.versioned_id()?, declared.sha256.clone())))
            .collect();
        (self.mistakes.into_inner(), versions)
    }

    fn check_duplicates(&self) {
        let declared = self.declared.borrow();
        let mut first: BTreeMap<(&str, &str), &Declared> = BTreeMap::new();
        for one in declared.iter() {
            if one.id.is_empty() {
                continue;
            }
            let Some(other) = first.insert((one.kind, &one.id), one) else { continue };
            if self.files[one.place.file].layer == self.files[other.place.file].layer {
                let at = self.files[other.place.file].mistake(&other.place.span, String::new(), None);
                self.mistake(
                    &one.place,
                    format!("{} `{}` is defined twice", one.kind, one.id),
                    Some(format!("the other one is at {}:{}", at.file, at.line)),
                );
            } else if one.version.is_some()
                && one.version <= other.version
                && one.sha256 != other.sha256
                && !one.changed_since_release()
            {
                self.mistake(
                    &one.place,
                    format!(
                        "{} `{}` differs from the one it replaces under the same version",
                        one.kind, one.id
                    ),
                    Some(format!(
                        "give it version {} or another id, so that no series mixes two meanings",
                        other.version.unwrap_or_default() + 1
                    )),
                );
            }
        }
        for one in declared.iter() {
            if one.changed_since_release() {
                self.mistake(
                    &one.place,
                    format!(
                        "{} `{}` changed under version {}",
                        one.kind,
                        one.id,
                        one.version.unwrap_or_default()
                    ),
                    Some("raise its version; released versions keep their meaning".to_owned()),
                );
            }
        }
    }

    fn check_references(&self) {
        let declared = self.declared.borrow();
        let mut known: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for one in declared.iter() {
            known.entry(one.kind).or_default().insert(&one.id);
        }
        for reference in self.references.borrow().iter() {
            let ids = known.get(reference.kind);
            if ids.is_some_and(|ids| ids.contains(reference.id.as_str())) {
                continue;
            }
            let near = did_you_mean(&reference.id, ids.into_iter().flatten().copied());
            self.mistake(
                &reference.place,
                format!("there is no {} `{}`", reference.kind, reference.id),
                near.map(|near| format!("did you mean `{near}`?")),
            );
        }
    }
}

impl Declared {
    /// Whether the ledger holds another content for this version.
    fn changed_since_release(&self) -> bool {
        self.versioned_id()
            .and_then(|id| recorded_sha256(&id))
            .is_some_and(|recorded| recorded != self.sha256)
    }

    fn versioned_id(&self) -> Option<String> {
        self.version.map(|version| format!("{} {}@{version}", self.kind, self.id))
    }
}
