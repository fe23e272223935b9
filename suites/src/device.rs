//! Published facts about chips and devices. They say what a name means and what a ceiling would be; they are
//! never used as if they had been measured.

use dyno_protocol::DeviceKind;
use serde::Serialize;

use crate::loading::Fields;

pub(crate) const CHIP: &str = "chip";
pub(crate) const DEVICE: &str = "device";

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chip {
    pub id: String,
    pub title: String,
    /// Published memory bandwidth in units of 10^9 bytes a second.
    pub bandwidth_gb_s: f64,
    /// The same of the chip's slowest variant, where they differ.
    pub lowest_gb_s: Option<f64>,
    pub source: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Device {
    pub id: String,
    pub kind: DeviceKind,
    /// What it is sold as.
    pub marketing_name: String,
    /// What its maker calls it in software, such as `iPhone18,1`.
    pub identifiers: Vec<String>,
    /// Absent where one identifier stands for several chips.
    pub chip: Option<String>,
    pub source: String,
}

impl Chip {
    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let id = fields.id();
        fields.declare(CHIP, &id, None, None, &[]);
        Self {
            id,
            title: fields.text("title"),
            bandwidth_gb_s: fields.number("bandwidth_gb_s", 1.0..=100_000.0),
            lowest_gb_s: fields.optional_number("lowest_gb_s", &(1.0..=100_000.0)),
            source: fields.text("source"),
        }
    }
}

impl Device {
    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let id = fields.id();
        fields.declare(DEVICE, &id, None, None, &[]);
        Self {
            id,
            kind: fields.word("kind"),
            marketing_name: fields.text("marketing_name"),
            identifiers: fields.some("identifiers", |key| fields.texts(key)),
            chip: fields.has("chip").then(|| fields.reference("chip", CHIP)),
            source: fields.text("source"),
        }
    }
}
