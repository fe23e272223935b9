//! The catalogue of models: sizes, limits, and where weights come from. A model's identity is the hash of
//! its files, which the agent reports; this says only what a name on the command line stands for.

use serde::Serialize;

use crate::loading::Fields;
use crate::words::words;

pub(crate) const MODEL: &str = "model";

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Model {
    pub id: String,
    pub title: String,
    pub family: String,
    pub weights: Weights,
    /// Absent where the checkpoint itself has to be asked.
    pub parameters: Option<Parameters>,
    pub context_tokens: Option<u32>,
    pub capabilities: Vec<Capability>,
    /// Names on hubs and in other tools' results that mean this model.
    pub names: Vec<KnownName>,
    /// Where these figures come from.
    pub source: String,
}

/// Where the weights come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum Weights {
    /// A published checkpoint that the user has or fetches.
    Checkpoint,
    /// Part of the binary: a folder of `embedded/`.
    Embedded { folder: String },
    /// Made from a seed in a published shape.
    Synthetic { shape: String },
}

words! {
    pub enum WeightsKind {
        Checkpoint = "checkpoint",
        Embedded = "embedded",
        Synthetic = "synthetic",
    }
}

words! {
    pub enum Capability {
        Vision = "vision",
        Thinking = "thinking",
        Tools = "tools",
        DraftHead = "draft-head",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Parameters {
    /// The language model alone, embeddings and head included.
    pub text: u64,
    pub vision: u64,
    pub draft_head: u64,
    /// The embedding table, counted once where head and embedding are one.
    pub embedding: u64,
    /// Read for every decoded token. Equal to `text` for a dense model with one shared table.
    pub active_per_token: u64,
}

impl Parameters {
    pub fn total(&self) -> u64 {
        self.text + self.vision + self.draft_head
    }

    pub fn without_embedding(&self) -> u64 {
        self.text - self.embedding
    }
}

/// What somebody else calls this model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KnownName {
    pub name: String,
    pub quant: Option<String>,
    /// Whether the name was seen in a file of the tool or hub that uses it.
    pub verified: bool,
    pub source: String,
}

impl Model {
    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let id = fields.id();
        fields.declare(MODEL, &id, None, None, &[]);
        Self {
            id,
            title: fields.text("title"),
            family: fields.text("family"),
            weights: Weights::read(fields),
            parameters: fields.inside("parameters", Parameters::read),
            context_tokens: fields
                .optional_whole("context_tokens", &(1..=1 << 30))
                .map(|tokens| tokens as u32),
            capabilities: fields.words("capabilities"),
            names: fields.each("name", KnownName::read),
            source: fields.text("source"),
        }
    }
}

impl Weights {
    pub fn kind(&self) -> WeightsKind {
        match self {
            Self::Checkpoint => WeightsKind::Checkpoint,
            Self::Embedded { .. } => WeightsKind::Embedded,
            Self::Synthetic { .. } => WeightsKind::Synthetic,
        }
    }

    fn read(fields: &Fields<'_>) -> Self {
        match fields.word::<WeightsKind>("weights") {
            WeightsKind::Checkpoint => Self::Checkpoint,
            WeightsKind::Embedded => Self::Embedded { folder: fields.text("folder") },
            WeightsKind::Synthetic => {
                let shape = fields.text("shape");
                if !shape.is_empty() && crate::shape::config_json(&shape).is_none() {
                    let near = crate::loading::did_you_mean(&shape, crate::shape::names());
                    let names: Vec<_> = crate::shape::names().collect();
                    let hint = near.map_or_else(
                        || format!("the shapes are {}", names.join(", ")),
                        |near| format!("did you mean `{near}`?"),
                    );
                    fields.mistake("shape", format!("there is no shape `{shape}`"), Some(hint));
                }
                Self::Synthetic { shape }
            }
        }
    }
}

impl Parameters {
    fn read(fields: &Fields<'_>) -> Self {
        const MOST: u64 = 1 << 50;
        let parameters = Self {
            text: fields.whole("text", 1..=MOST),
            vision: fields.whole("vision", 0..=MOST),
            draft_head: fields.whole("draft_head", 0..=MOST),
            embedding: fields.whole("embedding", 1..=MOST),
            active_per_token: fields.whole("active_per_token", 1..=MOST),
        };
        for (key, part) in
            [("embedding", parameters.embedding), ("active_per_token", parameters.active_per_token)]
        {
            if part > parameters.text {
                fields.mistake(key, format!("`{key}` is more than the whole language model"), None);
            }
        }
        parameters
    }
}

impl KnownName {
    fn read(fields: &Fields<'_>) -> Self {
        Self {
            name: fields.text("name"),
            quant: fields.has("quant").then(|| fields.reference("quant", crate::quant::QUANT)),
            verified: fields.flag("verified"),
            source: fields.text("source"),
        }
    }
}
