//! Engines by the names that tables and claims use, and what other tools call them.

use serde::Serialize;

use crate::loading::Fields;

pub(crate) const ENGINE: &str = "engine";

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Engine {
    pub id: String,
    pub title: String,
    /// What other tools' results call it.
    pub aliases: Vec<String>,
    pub about: String,
}

impl Engine {
    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let id = fields.id();
        fields.declare(ENGINE, &id, None, None, &[]);
        Self {
            id,
            title: fields.text("title"),
            aliases: fields.texts("aliases"),
            about: fields.text("about"),
        }
    }

    pub fn is_called(&self, name: &str) -> bool {
        self.id.eq_ignore_ascii_case(name)
            || self.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))
    }
}
