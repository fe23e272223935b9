//! Plans: what a command measures when nobody says what.

use serde::Serialize;

use crate::case::CASE;
use crate::loading::Fields;
use crate::model::MODEL;
use crate::quant::QUANT;

pub(crate) const PLAN: &str = "plan";

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    pub id: String,
    pub title: String,
    /// Cases as `suite/case`, in the order in which tables show them.
    pub cases: Vec<String>,
    pub models: Vec<String>,
    pub quants: Vec<String>,
    /// Depths for the cases that have them; their own where this is empty.
    pub depths: Vec<u32>,
    pub rounds: u32,
    /// The short form of every case.
    pub short: bool,
}

impl Plan {
    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let id = fields.id();
        fields.declare(PLAN, &id, None, None, &[]);
        Self {
            id,
            title: fields.text("title"),
            cases: fields.some("cases", |key| fields.references(key, CASE)),
            models: fields.some("models", |key| fields.references(key, MODEL)),
            quants: fields.some("quants", |key| fields.references(key, QUANT)),
            depths: fields.wholes("depths", &(0..=1 << 20)).into_iter().map(|depth| depth as u32).collect(),
            rounds: fields.whole("rounds", 1..=100) as u32,
            short: fields.flag("short"),
        }
    }
}
