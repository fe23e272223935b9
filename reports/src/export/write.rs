//! The two forms in which tables leave.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::{EXPORT_FORMAT, ExportTable, Field};

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("the table {table} cannot be written as CSV, which is a fault in Dyno: {error}")]
    Csv { table: &'static str, error: csv::Error },
    #[error("the tables cannot be written as JSON, which is a fault in Dyno: {0}")]
    Json(#[from] serde_json::Error),
}

/// One table as CSV with a header line.
pub fn csv(table: &ExportTable) -> Result<String, ExportError> {
    let failed = |error| ExportError::Csv { table: table.name, error };
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&table.columns).map_err(failed)?;
    for row in &table.rows {
        writer.write_record(row.iter().map(csv_text)).map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(error.into_error().into()))?;
    Ok(String::from_utf8(bytes).expect("only texts were written"))
}

fn csv_text(field: &Field) -> String {
    match field {
        Field::Text(text) => harmless(text),
        Field::Whole(count) => count.to_string(),
        Field::Number(value) => value.to_string(),
        Field::Nothing => String::new(),
    }
}

/// A spreadsheet takes text that begins like a formula for one; an apostrophe keeps it text.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

/// All tables as one JSON object: `format`, then each table as a list of objects.
pub fn json(tables: &[ExportTable]) -> Result<String, ExportError> {
    let mut all = Map::new();
    all.insert("format".to_owned(), json!(EXPORT_FORMAT));
    for table in tables {
        let rows = table.rows.iter().map(|row| {
            let fields =
                table.columns.iter().zip(row).map(|(column, field)| (column.clone(), json_value(field)));
            Value::Object(fields.collect())
        });
        all.insert(table.name.to_owned(), rows.collect());
    }
    let mut text = serde_json::to_string_pretty(&Value::Object(all))?;
    let _ = writeln!(text);
    Ok(text)
}

fn json_value(field: &Field) -> Value {
    match field {
        Field::Text(text) => json!(text),
        Field::Whole(count) => json!(count),
        Field::Number(value) => json!(value),
        Field::Nothing => Value::Null,
    }
}
