//! One self-contained HTML file per report, from an [`Analysis`] and the definitions it was made with.
//!
//! Owns what a reader sees and in which order. It must not decide anything: verdicts, estimates and
//! evidence kinds come in finished, and whatever is written here can be thrown away and made again.

mod charts;
mod columns;
mod comparison;
mod courses;
mod failures;
mod glossary;
mod glossary_from;
mod index;
mod ledger;
mod matrix;
mod measured;
mod provenance;
mod quality;
mod security;
mod sweep;
mod table;
mod template;
mod third_party;
mod trends;
mod trials;
mod verdicts;
mod view;

use std::collections::BTreeMap;

pub use glossary::{ClaimWords, Glossary, MetricWords, ModelWords};
pub use index::{IndexEntry, render_index};
pub use trends::render_trends;

use dyno_suites::Definitions;

use crate::analysis::Analysis;

/// How a page is made. Nothing here changes a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageOptions {
    pub title: String,
    /// Where each run's bundle lies as seen from the page, by run id; `..` where nothing is said.
    pub bundles: BTreeMap<String, String>,
    /// The most rows of one table that stand in the page as HTML. The rest comes by script, page by page.
    pub rows_at_once: usize,
    /// The most rows of one table that are in the page at all; the exports hold every one.
    pub rows_in_page: usize,
    /// The most trials whose prompt, output and conditions can be looked at in the page.
    pub inspected_trials: usize,
}

impl Default for PageOptions {
    fn default() -> Self {
        Self {
            title: "Dyno report".to_owned(),
            bundles: BTreeMap::new(),
            rows_at_once: 100,
            rows_in_page: 20_000,
            inspected_trials: 120,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum PageError {
    #[error("the page's template failed, which is a fault in Dyno: {0}")]
    Template(#[from] minijinja::Error),
    #[error("the page's data cannot be written as JSON, which is a fault in Dyno: {0}")]
    Data(#[from] serde_json::Error),
}

/// Makes the page in the words of the definitions.
pub fn render(
    analysis: &Analysis,
    definitions: &Definitions,
    options: &PageOptions,
) -> Result<String, PageError> {
    render_with(analysis, &Glossary::from(definitions), options)
}

/// Makes the page in words of one's own.
pub fn render_with(
    analysis: &Analysis,
    glossary: &Glossary,
    options: &PageOptions,
) -> Result<String, PageError> {
    let view = view::View::new(analysis, glossary, options)?;
    template::report(&view)
}
