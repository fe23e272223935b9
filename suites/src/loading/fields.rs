//! One table of a definition file, read key by key. Every getter returns a value; where the file has none
//! that fits, it notes a mistake and returns a stand-in, which never leaves the loader because a set with
//! mistakes is refused as a whole.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::canonical::meaning_sha256;
use super::nearest::did_you_mean;
use super::reading::{FORMAT, Place, Reading};
use crate::check::Later;
use crate::day::Day;
use crate::words::Words;

#[derive(Debug)]
pub(crate) struct Fields<'a> {
    reading: &'a Reading<'a>,
    table: &'a DeTable<'a>,
    place: Place,
    /// What the table is, for messages: "metric `ttft`".
    what: String,
    asked: RefCell<BTreeSet<&'static str>>,
    ignored: Cell<bool>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(reading: &'a Reading<'a>, table: &'a DeTable<'a>, place: Place, what: String) -> Self {
        Self { reading, table, place, what, asked: RefCell::default(), ignored: Cell::new(false) }
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Where a key's value stands, or the table where the key is missing.
    fn place_of(&self, key: &str) -> Place {
        let span = self.table.get(key).map_or(self.place.span.clone(), Spanned::span);
        Place { file: self.place.file, span }
    }

    pub(crate) fn mistake(&self, key: &str, what: impl Into<String>, hint: Option<String>) {
        self.reading.mistake(&self.place_of(key), what.into(), hint);
    }

    /// Announces the definition that this table is.
    pub(crate) fn declare(
        &self,
        kind: &'static str,
        id: &str,
        version: Option<u32>,
        inherited: Option<&Fields<'_>>,
        skip: &[&str],
    ) {
        let sha256 = meaning_sha256(self.table, inherited.map(|fields| fields.table), skip);
        self.reading.declare(kind, id, version, sha256, &self.place_of("id"));
    }

    pub(crate) fn refer(&self, kind: &'static str, id: &str, key: &str) {
        self.reading.refer(kind, id, &self.place_of(key));
    }

    /// The version of the file's format: a file of a later one is refused by name instead of misread.
    pub(crate) fn format(&self) {
        if let Some(value) = self.need("format", &format!("which is {FORMAT}")) {
            let found = value.get_ref().as_integer().map(ToString::to_string);
            if found.as_deref() != Some(FORMAT.to_string().as_str()) {
                self.wrong(value, "format", &FORMAT.to_string(), Some("a newer Dyno may read it".to_owned()));
            }
        }
    }

    pub(crate) fn mistakes_so_far(&self) -> usize {
        self.reading.mistakes_so_far()
    }

    /// Takes every key as asked for, where it cannot be known which ones belong.
    pub(crate) fn ignore_rest(&self) {
        self.ignored.set(true);
    }

    /// Notes something about the key's value that can only be judged when every file is read.
    pub(crate) fn later(&self, key: &str, later: Later) {
        self.reading.later(later, self.place_of(key));
    }

    fn get(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.borrow_mut().insert(key);
        self.table.get(key)
    }

    fn need(&self, key: &'static str, wanted: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        let value = self.get(key);
        if value.is_none() {
            self.mistake(
                key,
                format!("{} has no `{key}`", self.what),
                Some(format!("add `{key}`, {wanted}")),
            );
        }
        value
    }

    fn wrong(&self, value: &Spanned<DeValue<'_>>, key: &str, wanted: &str, hint: Option<String>) {
        let place = Place { file: self.place.file, span: value.span() };
        let found = describe(value.get_ref());
        self.reading.mistake(&place, format!("`{key}` of {} must be {wanted}, not {found}", self.what), hint);
    }

    // Text.

    pub(crate) fn text(&self, key: &'static str) -> String {
        self.need(key, "a text").map(|value| self.read_text(value, key)).unwrap_or_default()
    }

    pub(crate) fn optional_text(&self, key: &'static str) -> Option<String> {
        self.get(key).map(|value| self.read_text(value, key))
    }

    pub(crate) fn texts(&self, key: &'static str) -> Vec<String> {
        self.list(key, |value| self.read_text(value, key))
    }

    /// A text with the blanks that it begins and ends with: templates, separators, expressions.
    pub(crate) fn verbatim(&self, key: &'static str) -> String {
        self.need(key, "a text").map(|value| self.read_verbatim(value, key)).unwrap_or_default()
    }

    pub(crate) fn optional_verbatim(&self, key: &'static str) -> Option<String> {
        self.get(key).map(|value| self.read_verbatim(value, key))
    }

    pub(crate) fn verbatims(&self, key: &'static str) -> Vec<String> {
        self.list(key, |value| self.read_verbatim(value, key))
    }

    fn read_verbatim(&self, value: &Spanned<DeValue<'_>>, key: &str) -> String {
        match value.get_ref().as_str() {
            Some(text) if !text.is_empty() => text.to_owned(),
            _ => {
                self.wrong(value, key, "a text that is not empty", None);
                String::new()
            }
        }
    }

    fn read_text(&self, value: &Spanned<DeValue<'_>>, key: &str) -> String {
        match value.get_ref().as_str().map(str::trim) {
            Some(text) if !text.is_empty() => text.to_owned(),
            _ => {
                self.wrong(value, key, "a text that says something", None);
                String::new()
            }
        }
    }

    /// The definition's name: what others refer to and series are kept by.
    pub(crate) fn id(&self) -> String {
        let Some(value) = self.need("id", "a name of small letters, digits and `-`") else {
            return String::new();
        };
        let text = value.get_ref().as_str().unwrap_or_default();
        let fits =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-_.:".contains(letter);
        if text.is_empty() || text.len() > 64 || !text.chars().all(fits) {
            self.wrong(value, "id", "a name of small letters, digits and `-`, `_`, `.` or `:`", None);
            return String::new();
        }
        text.to_owned()
    }

    pub(crate) fn version(&self) -> u32 {
        self.whole("version", 1..=1_000_000) as u32
    }

    // Numbers.

    pub(crate) fn whole(&self, key: &'static str, range: RangeInclusive<u64>) -> u64 {
        let start = *range.start();
        self.need(key, "a whole number").map_or(start, |value| self.read_whole(value, key, &range))
    }

    pub(crate) fn optional_whole(&self, key: &'static str, range: &RangeInclusive<u64>) -> Option<u64> {
        self.get(key).map(|value| self.read_whole(value, key, range))
    }

    pub(crate) fn wholes(&self, key: &'static str, range: &RangeInclusive<u64>) -> Vec<u64> {
        self.list(key, |value| self.read_whole(value, key, range))
    }

    fn read_whole(&self, value: &Spanned<DeValue<'_>>, key: &str, range: &RangeInclusive<u64>) -> u64 {
        let found = value.get_ref().as_integer();
        let found = found.and_then(|integer| u64::from_str_radix(integer.as_str(), integer.radix()).ok());
        found.filter(|number| range.contains(number)).unwrap_or_else(|| {
            self.wrong(
                value,
                key,
                &format!("a whole number from {} to {}", range.start(), range.end()),
                None,
            );
            *range.start()
        })
    }

    pub(crate) fn number(&self, key: &'static str, range: RangeInclusive<f64>) -> f64 {
        let start = *range.start();
        self.need(key, "a number").map_or(start, |value| self.read_number(value, key, &range))
    }

    pub(crate) fn optional_number(&self, key: &'static str, range: &RangeInclusive<f64>) -> Option<f64> {
        self.get(key).map(|value| self.read_number(value, key, range))
    }

    fn read_number(&self, value: &Spanned<DeValue<'_>>, key: &str, range: &RangeInclusive<f64>) -> f64 {
        let found = match value.get_ref() {
            DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().parse::<f64>().ok(),
            _ => None,
        };
        found.filter(|number| range.contains(number)).unwrap_or_else(|| {
            self.wrong(value, key, &format!("a number from {} to {}", range.start(), range.end()), None);
            *range.start()
        })
    }

    /// A day, written as a date or as a text.
    pub(crate) fn day(&self, key: &'static str) -> Day {
        let stand_in = Day { year: 0, month: 1, day: 1 };
        let Some(value) = self.need(key, "a day such as 2026-12-31") else { return stand_in };
        let found = match value.get_ref() {
            DeValue::String(text) => text.parse().ok(),
            DeValue::Datetime(date) => date.to_string().parse().ok(),
            _ => None,
        };
        found.unwrap_or_else(|| {
            self.wrong(value, key, "a day such as 2026-12-31", None);
            stand_in
        })
    }

    pub(crate) fn optional_flag(&self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        if value.get_ref().as_bool().is_none() {
            self.wrong(value, key, "true or false", None);
        }
        value.get_ref().as_bool()
    }

    pub(crate) fn flag(&self, key: &'static str) -> bool {
        self.need(key, "true or false").and_then(|_| self.optional_flag(key)).unwrap_or_default()
    }

    // Words of a closed vocabulary.

    pub(crate) fn word<T: Words>(&self, key: &'static str) -> T {
        match self.need(key, &one_of::<T>()) {
            Some(value) => self.read_word(value, key),
            None => T::ALL[0].1,
        }
    }

    pub(crate) fn optional_word<T: Words>(&self, key: &'static str) -> Option<T> {
        self.get(key).map(|value| self.read_word(value, key))
    }

    pub(crate) fn words<T: Words>(&self, key: &'static str) -> Vec<T> {
        self.list(key, |value| self.read_word(value, key))
    }

    fn read_word<T: Words>(&self, value: &Spanned<DeValue<'_>>, key: &str) -> T {
        let found = value.get_ref().as_str();
        found.and_then(T::from_word).unwrap_or_else(|| {
            let known = T::ALL.iter().map(|(word, _)| *word);
            let near = found.and_then(|word| did_you_mean(word, known));
            self.wrong(value, key, &one_of::<T>(), near.map(|near| format!("did you mean `{near}`?")));
            T::ALL[0].1
        })
    }

    // References to other definitions.

    pub(crate) fn reference(&self, key: &'static str, kind: &'static str) -> String {
        let id = self.text(key);
        if !id.is_empty() {
            self.refer(kind, &id, key);
        }
        id
    }

    pub(crate) fn references(&self, key: &'static str, kind: &'static str) -> Vec<String> {
        self.list(key, |value| {
            let id = self.read_text(value, key);
            if !id.is_empty() {
                self.reading.refer(kind, &id, &Place { file: self.place.file, span: value.span() });
            }
            id
        })
    }

    // Tables and lists.

    fn list<T>(&self, key: &'static str, mut read: impl FnMut(&'a Spanned<DeValue<'a>>) -> T) -> Vec<T> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong(value, key, "a list", Some("put it in brackets".to_owned()));
            return Vec::new();
        };
        let mut seen = BTreeSet::new();
        for value in array {
            if let Some(scalar) = scalar(value.get_ref())
                && !seen.insert(scalar)
            {
                self.wrong(value, key, "a list without repetitions", None);
            }
        }
        array.iter().map(&mut read).collect()
    }

    /// A list that must not be empty.
    pub(crate) fn some<T>(&self, key: &'static str, read: impl FnOnce(&'static str) -> Vec<T>) -> Vec<T> {
        let before = self.reading.mistakes_so_far();
        let list = read(key);
        if list.is_empty() && self.reading.mistakes_so_far() == before {
            self.mistake(key, format!("{} needs at least one `{key}`", self.what), None);
        }
        list
    }

    /// The inner table at this key.
    pub(crate) fn inside<T>(&self, key: &'static str, read: impl FnOnce(&Fields<'_>) -> T) -> Option<T> {
        let value = self.get(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.wrong(value, key, "a table", None);
            return None;
        };
        let place = Place { file: self.place.file, span: value.span() };
        let fields = Fields::new(self.reading, table, place, format!("`{key}` of {}", self.what));
        let read = read(&fields);
        fields.finish();
        Some(read)
    }

    /// The inner table at this key, which must be there.
    pub(crate) fn inside_needed<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&Fields<'_>) -> T,
    ) -> Option<T> {
        self.need(key, "a table")?;
        self.inside(key, read)
    }

    /// The tables of a list such as `[[metric]]`.
    pub(crate) fn each<T>(&self, key: &'static str, mut read: impl FnMut(&Fields<'_>) -> T) -> Vec<T> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong(value, key, "a list of tables", Some(format!("write `[[{key}]]` above each")));
            return Vec::new();
        };
        let mut out = Vec::new();
        for value in array {
            let Some(table) = value.get_ref().as_table() else {
                self.wrong(value, key, "a list of tables", Some(format!("write `[[{key}]]` above each")));
                continue;
            };
            let id = table.get("id").and_then(|id| id.get_ref().as_str()).unwrap_or("without id");
            let place = Place { file: self.place.file, span: value.span() };
            let fields = Fields::new(self.reading, table, place, format!("{key} `{id}`"));
            out.push(read(&fields));
            fields.finish();
        }
        out
    }

    /// Every key and its value, a whole number or a word, of a table whose keys are data.
    pub(crate) fn pairs(&self, key: &'static str, known: &[&str]) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        let Some(value) = self.get(key) else { return pairs };
        let Some(table) = value.get_ref().as_table() else {
            self.wrong(value, key, "a table", None);
            return pairs;
        };
        for (name, value) in table {
            let word = name.get_ref().as_ref();
            if !known.contains(&word) {
                let near =
                    did_you_mean(word, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
                let place = Place { file: self.place.file, span: name.span() };
                let near = near.or_else(|| Some(format!("the names are {}", known.join(", "))));
                self.reading.mistake(&place, format!("`{key}` of {} has no `{word}`", self.what), near);
            }
            let value = match value.get_ref() {
                DeValue::String(text) => text.to_string(),
                _ => self.read_whole(value, key, &(0..=1 << 40)).to_string(),
            };
            pairs.push((word.to_owned(), value));
        }
        pairs
    }

    /// Reports the keys that nobody asked for.
    pub(crate) fn finish(&self) {
        if self.ignored.get() {
            return;
        }
        let asked = self.asked.borrow();
        for (key, _) in self.table {
            let word = key.get_ref().as_ref();
            if asked.contains(word) {
                continue;
            }
            let absent = asked.iter().copied().filter(|known| !self.table.contains_key(*known));
            let hint = match did_you_mean(word, absent) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", asked.iter().copied().collect::<Vec<_>>().join(", ")),
            };
            let place = Place { file: self.place.file, span: key.span() };
            self.reading.mistake(&place, format!("{} has an unknown key `{word}`", self.what), Some(hint));
        }
    }
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(format!("\"{text}")),
        DeValue::Integer(integer) => Some(integer.to_string()),
        _ => None,
    }
}

fn one_of<T: Words>() -> String {
    let words: Vec<_> = T::ALL.iter().map(|(word, _)| format!("`{word}`")).collect();
    format!("one of {}", words.join(", "))
}

fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.chars().count() <= 40 => format!("\"{text}\""),
        DeValue::Integer(integer) => integer.to_string(),
        DeValue::Float(float) => float.to_string(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::String(_) => "that text".to_owned(),
    }
}
