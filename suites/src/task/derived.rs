//! Fields that a definition makes out of a row's own, by expressions of the templates' language.

use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind};
use serde::Serialize;
use serde_json::{Map, Value};

use super::literal::literal;
use super::source::DataSource;
use super::wording::environment;
use crate::loading::Fields;

/// A field and the expression that it is the value of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Made {
    pub field: String,
    pub is: String,
}

impl Made {
    pub(super) fn read(fields: &Fields<'_>) -> Self {
        let made = Self { field: fields.text("field"), is: fields.verbatim("is") };
        if let Err(error) = making().compile_expression(&made.is) {
            fields.mistake("is", format!("`is` of `{}` is no expression: {error}", made.field), None);
        }
        made
    }
}

impl DataSource {
    /// Adds the fields that the source makes, in their order: later ones see earlier ones.
    pub fn make_fields(&self, fields: &mut Map<String, Value>) -> Result<(), String> {
        if self.make.is_empty() {
            return Ok(());
        }
        let environment = making();
        for made in &self.make {
            let wrong = |error: Error| format!("its field `{}` cannot be made: {error}", made.field);
            let expression = environment.compile_expression(&made.is).map_err(wrong)?;
            let value = expression.eval(Serde(&*fields)).map_err(wrong)?;
            let value = serde_json::to_value(&value)
                .map_err(|error| format!("its field `{}`: {error}", made.field))?;
            fields.insert(made.field.clone(), value);
        }
        Ok(())
    }
}

/// The templates' environment with what rows need besides.
fn making() -> Environment<'static> {
    let invalid = |what: String| Error::new(ErrorKind::InvalidOperation, what);
    let mut environment = environment();
    environment.add_filter("without", move |text: String, pattern: String| {
        let pattern = regex::Regex::new(&pattern).map_err(|error| invalid(error.to_string()))?;
        Ok::<_, Error>(pattern.replace_all(&text, "").into_owned())
    });
    environment.add_filter("literal", move |text: String| {
        let list =
            literal(&text).ok_or_else(|| invalid(format!("`{text}` is no list as Python writes it")))?;
        Ok::<_, Error>(minijinja::Value::from(Serde(list)))
    });
    environment
}
