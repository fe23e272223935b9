//! Where items come from: generators with a seed, or a pinned file of a data set.

use serde::Serialize;

use super::derived::Made;
use crate::loading::Fields;
use crate::procedural;
use crate::words::words;

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Source {
    /// Held-out items of our own generators.
    Procedural {
        draws: Vec<Draws>,
        seed: u64,
    },
    Data(Box<DataSource>),
}

words! {
    pub(super) enum SourceKind {
        Procedural = "procedural",
        Data = "data",
    }
}

/// So many items of each of these levels of a generator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Draws {
    pub generator: String,
    pub levels: Vec<u32>,
    pub items: u32,
}

/// A file of a data set and what its columns mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DataSource {
    /// The data set's name on the hub, as `owner/name`.
    pub hub: Option<String>,
    pub revision: Option<String>,
    /// The file in the data set; with `embedded = true` one that is part of the binary, without `hub` a path
    /// beside the definition or of this machine.
    pub file: String,
    pub embedded: bool,
    pub sha256: Option<String>,
    pub format: DataFormat,
    pub licence: String,
    /// Fields made of a row's own, in this order.
    pub make: Vec<Made>,
    pub fields: RowFields,
    /// Only rows whose field has this value.
    pub only: Option<(String, String)>,
}

words! {
    pub enum DataFormat {
        Jsonl = "jsonl",
        /// One JSON document that is a list of rows.
        Json = "json",
        Csv = "csv",
        /// Tab-separated.
        Tsv = "tsv",
        Parquet = "parquet",
        /// Arrow's stream or file format.
        Arrow = "arrow",
    }
}

/// Columns by their meaning. A dot goes into a column that holds a structure: `choices.text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowFields {
    /// What names the row; its number where there is none.
    pub id: Option<String>,
    /// One column that holds a list, or a column for each option.
    pub options: Vec<String>,
    /// The column that holds the options' labels, for `answer_as = "label"`.
    pub labels: Option<String>,
    pub answer: Option<String>,
    pub answer_as: AnswerAs,
    /// Rows with the same value hang together: a text or a picture that several questions are about.
    pub cluster: Option<String>,
    pub images: Vec<String>,
}

words! {
    /// How a row says which answer is right.
    pub enum AnswerAs {
        Text = "text",
        /// A list of texts, each of which is right.
        Texts = "texts",
        /// The option's place, counted from zero.
        Index = "index",
        /// The option's place, counted from one.
        Ordinal = "ordinal",
        /// `A` for the first option.
        Letter = "letter",
        /// One of `labels`.
        Label = "label",
        /// The right option's own text.
        Option = "option",
        /// The checker reads the row's fields itself.
        Checked = "checked",
    }
}

impl Source {
    pub(super) fn read(fields: &Fields<'_>) -> Self {
        let stand_in = Self::Procedural { draws: Vec::new(), seed: 0 };
        fields.inside_needed("source", Self::read_table).unwrap_or(stand_in)
    }

    fn read_table(fields: &Fields<'_>) -> Self {
        match fields.word::<SourceKind>("kind") {
            SourceKind::Procedural => Self::Procedural {
                draws: fields.some("draw", |key| fields.each(key, Draws::read)),
                seed: fields.whole("seed", 0..=u64::from(u32::MAX)),
            },
            SourceKind::Data => Self::Data(Box::new(DataSource::read(fields))),
        }
    }
}

impl Draws {
    fn read(fields: &Fields<'_>) -> Self {
        let generator = fields.text("generator");
        let task = generator.parse::<procedural::Task>();
        if let (Err(unknown), false) = (&task, generator.is_empty()) {
            fields.mistake("generator", unknown.to_string(), None);
        }
        let most = u64::from(task.map_or(1, procedural::Task::levels));
        let levels = fields.some("levels", |key| fields.wholes(key, &(1..=most)));
        Self {
            generator,
            levels: levels.into_iter().map(|level| level as u32).collect(),
            items: fields.whole("items", 1..=100_000) as u32,
        }
    }
}

impl DataSource {
    pub(super) fn read(fields: &Fields<'_>) -> Self {
        // A source of its own names its kind; the rows of examples are always data.
        let _ = fields.optional_text("kind");
        let hub = fields.optional_text("hub");
        let revision = fields.optional_text("revision");
        let sha256 = fields.optional_text("sha256");
        if hub.is_some() && revision.is_none() && sha256.is_none() {
            let what = "a data set of a hub is pinned by `revision` or `sha256`";
            fields.mistake("hub", what, Some("a name alone means other items tomorrow".to_owned()));
        }
        Self {
            hub,
            revision,
            file: fields.text("file"),
            embedded: fields.optional_flag("embedded").unwrap_or_default(),
            sha256,
            format: fields.word("format"),
            licence: fields.text("licence"),
            make: fields.each("make", Made::read),
            fields: fields.inside_needed("fields", RowFields::read).unwrap_or(RowFields::STAND_IN),
            only: fields
                .inside("only", |only| (only.text("field"), only.text("is")))
                .filter(|(field, _)| !field.is_empty()),
        }
    }
}

impl RowFields {
    const STAND_IN: Self = Self {
        id: None,
        options: Vec::new(),
        labels: None,
        answer: None,
        answer_as: AnswerAs::Checked,
        cluster: None,
        images: Vec::new(),
    };

    fn read(fields: &Fields<'_>) -> Self {
        let read = Self {
            id: fields.optional_text("id"),
            options: fields.texts("options"),
            labels: fields.optional_text("labels"),
            answer: fields.optional_text("answer"),
            answer_as: fields.word("answer_as"),
            cluster: fields.optional_text("cluster"),
            images: fields.texts("images"),
        };
        if read.answer.is_none() && read.answer_as != AnswerAs::Checked {
            fields.mistake("answer", "which field holds the right answer is missing", None);
        }
        if read.labels.is_none() && read.answer_as == AnswerAs::Label {
            fields.mistake("labels", "`answer_as = \"label\"` needs `labels`", None);
        }
        read
    }
}
