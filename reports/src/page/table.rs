//! The one kind of table: a caption, headers with units, rows that stand in the page, and rows that the
//! script brings in page by page when there are many.

use serde::Serialize;

use crate::readable;

use super::PageError;

#[derive(Debug, Clone, Serialize)]
pub(super) struct Table {
    pub(super) id: String,
    pub(super) caption: String,
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Entry>>,
    /// Rows that the script adds, as JSON that may stand in a script element.
    pub(super) further: Option<String>,
    pub(super) total: usize,
    pub(super) in_page: usize,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Column {
    pub(super) label: String,
    pub(super) unit: String,
    pub(super) number: bool,
    pub(super) help: String,
    /// Long sentences need room.
    pub(super) wide: bool,
}

impl Column {
    pub(super) fn words(label: &str) -> Self {
        Self { label: label.to_owned(), unit: String::new(), number: false, help: String::new(), wide: false }
    }

    pub(super) fn number(label: &str, unit: &str) -> Self {
        Self {
            label: label.to_owned(),
            unit: unit.to_owned(),
            number: true,
            help: String::new(),
            wide: false,
        }
    }

    pub(super) fn wide(label: &str) -> Self {
        Self { wide: true, ..Self::words(label) }
    }

    pub(super) fn with_help(mut self, help: &str) -> Self {
        help.clone_into(&mut self.help);
        self
    }
}

/// One field. Its text is data of others until the template has escaped it.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Entry {
    pub(super) text: String,
    /// A second, quieter line: an interval or a remark.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) below: String,
    /// Evidence kind or another label that must be seen with the value.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) badge: String,
    /// Where its raw data is. Made by the page itself, never taken from data.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) href: String,
    /// What to sort by, where the text would sort wrongly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sort: Option<f64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) code: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) number: bool,
}

impl Entry {
    pub(super) fn words(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    pub(super) fn code(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: true, ..Self::default() }
    }

    pub(super) fn number(text: impl Into<String>, sort: f64) -> Self {
        Self { text: text.into(), sort: sort.is_finite().then_some(sort), number: true, ..Self::default() }
    }

    /// Nothing was measured here.
    pub(super) fn none() -> Self {
        Self { text: "\u{2013}".to_owned(), number: true, ..Self::default() }
    }

    #[must_use]
    pub(super) fn below(mut self, below: impl Into<String>) -> Self {
        self.below = below.into();
        self
    }

    #[must_use]
    pub(super) fn badge(mut self, badge: impl Into<String>) -> Self {
        self.badge = badge.into();
        self
    }

    #[must_use]
    pub(super) fn href(mut self, href: impl Into<String>) -> Self {
        self.href = href.into();
        self
    }

    fn cleaned(mut self) -> Self {
        for text in [&mut self.text, &mut self.below, &mut self.badge] {
            if let std::borrow::Cow::Owned(clean) = readable::clean(text) {
                *text = clean;
            }
        }
        self
    }
}

/// The bounds of a table, from the page's options.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) at_once: usize,
    pub(super) in_page: usize,
}

impl Table {
    pub(super) fn new(
        id: &str,
        caption: impl Into<String>,
        columns: Vec<Column>,
        mut rows: Vec<Vec<Entry>>,
        bounds: Bounds,
    ) -> Result<Self, PageError> {
        let total = rows.len();
        rows.truncate(bounds.in_page.max(bounds.at_once));
        let in_page = rows.len();
        let further = if rows.len() > bounds.at_once {
            let rest: Vec<Vec<Entry>> = rows
                .split_off(bounds.at_once)
                .into_iter()
                .map(|row| row.into_iter().map(Entry::cleaned).collect())
                .collect();
            Some(readable::json_for_script(&rest)?)
        } else {
            None
        };
        Ok(Self { id: id.to_owned(), caption: caption.into(), columns, rows, further, total, in_page })
    }

    /// A table that is small by its nature, such as the one behind a chart.
    pub(super) fn whole(
        id: &str,
        caption: impl Into<String>,
        columns: Vec<Column>,
        rows: Vec<Vec<Entry>>,
    ) -> Self {
        let total = rows.len();
        Self {
            id: id.to_owned(),
            caption: caption.into(),
            columns,
            rows,
            further: None,
            total,
            in_page: total,
        }
    }
}
