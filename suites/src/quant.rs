//! The catalogue of number formats: what a quantization level on the command line stands for.

use serde::Serialize;

use crate::loading::Fields;
use crate::words::words;

pub(crate) const QUANT: &str = "quant";

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quant {
    /// As on the command line.
    pub id: String,
    pub title: String,
    pub scheme: Scheme,
    /// Bits per weight with scales and offsets; absent for mixtures, which differ by model.
    pub bits_per_weight: Option<f64>,
    /// Weights that share a scale.
    pub group: Option<u32>,
    /// What agents and other tools call the same format.
    pub aliases: Vec<String>,
    pub about: String,
}

words! {
    pub enum Scheme {
        /// A floating-point number per weight.
        Float = "float",
        /// Whole numbers with a scale and an offset per group, as MLX packs them.
        Affine = "affine",
        /// Short floating-point numbers with a scale per block.
        BlockFloat = "block-float",
        /// A block type of GGUF files.
        Gguf = "gguf",
        /// Whole numbers with a scale per channel, as Core ML packs them.
        PerChannel = "per-channel",
        /// Indices into a table of values, as Core ML packs them.
        Palette = "palette",
    }
}

impl Quant {
    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let id = fields.id();
        fields.declare(QUANT, &id, None, None, &[]);
        Self {
            id,
            title: fields.text("title"),
            scheme: fields.word("scheme"),
            bits_per_weight: fields.optional_number("bits_per_weight", &(1.0..=64.0)),
            group: fields.optional_whole("group", &(1..=4096)).map(|group| group as u32),
            aliases: fields.texts("aliases"),
            about: fields.text("about"),
        }
    }

    /// Whether a format's name, from an agent or another tool, means this level.
    pub fn is_called(&self, name: &str) -> bool {
        self.id.eq_ignore_ascii_case(name)
            || self.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))
    }
}
