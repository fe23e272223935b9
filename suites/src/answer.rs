//! Known answers: the greedy ids that a right engine gives for a prompt, as independent engines computed them. They
//! are the right answer that a case carries: an engine that gives others has no times.

use serde::Serialize;

use crate::loading::Fields;
use crate::model::MODEL;
use crate::quant::QUANT;

pub(crate) const ANSWER: &str = "answer";

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    pub id: String,
    pub model: String,
    pub quant: String,
    /// The prompt's hash, so that a changed case leaves its old answer behind instead of being judged by it.
    pub prompt_sha256: String,
    /// The first ids of the answer, as far as the best token led the second by more than arithmetic may differ.
    pub ids: Vec<u32>,
    /// Who computed them, and how.
    pub computed_by: String,
}

impl Answer {
    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let id = fields.id();
        fields.declare(ANSWER, &id, None, None, &[]);
        let ids = fields.text("ids");
        let parsed: Option<Vec<u32>> = ids.split_whitespace().map(|id| id.parse().ok()).collect();
        if parsed.is_none() {
            fields.mistake(
                "ids",
                format!("`ids` of answer `{id}` must be numbers with spaces between"),
                None,
            );
        }
        let prompt_sha256 = fields.text("prompt_sha256");
        if prompt_sha256.len() != 64 || !prompt_sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            fields.mistake("prompt_sha256", format!("`prompt_sha256` of answer `{id}` is no hash"), None);
        }
        Self {
            model: fields.reference("model", MODEL),
            quant: fields.reference("quant", QUANT),
            prompt_sha256,
            ids: parsed.unwrap_or_default(),
            computed_by: fields.text("computed_by"),
            id,
        }
    }
}
