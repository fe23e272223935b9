//! Parquet, in which the hub keeps most sets.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::{Map, Value};

use super::Each;
use super::cells::{Cells, part};
use crate::error::Wrong;

/// Few, because a row may hold pictures.
const ROWS_AT_ONCE: usize = 16;

pub(super) fn read(file: File, blobs: bool, each: &mut Each<'_>) -> Result<(), Wrong> {
    let reader = sound(|| SerializedFileReader::new(file)).map_err(Wrong::File)?;
    for group in reader.metadata().row_groups() {
        for column in group.columns() {
            let codec = column.compression();
            if matches!(codec, Compression::ZSTD(_) | Compression::BROTLI(_) | Compression::LZO) {
                let what = format!(
                    "column `{}` is compressed with {codec}, which this build cannot read; write the file anew with \
                     snappy, e.g. `pyarrow.parquet.write_table(pyarrow.parquet.read_table(old), new)`",
                    column.column_path().string()
                );
                return Err(Wrong::file(what));
            }
        }
    }
    let mut rows = sound(|| reader.get_row_iter(None)).map_err(Wrong::File)?.with_batch_size(ROWS_AT_ONCE);
    for number in 1.. {
        let row = sound(|| rows.next().transpose()).map_err(|what| Wrong::Row(number, what))?;
        let Some(row) = row else { break };
        let mut cells = Cells::new(blobs);
        let fields = fields(row, "", &mut cells).map_err(|what| Wrong::Row(number, what))?;
        each(number, cells.row(fields))?;
    }
    Ok(())
}

/// What the format's library says. On some damaged files it panics; that is an error of the file too.
fn sound<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("is damaged in a way that its reader does not foresee".to_owned()),
    }
}

fn fields(row: Row, column: &str, cells: &mut Cells) -> Result<Map<String, Value>, String> {
    let mut fields = Map::new();
    for (name, field) in row.into_columns() {
        let path = if column.is_empty() { name.clone() } else { part(column, &name) };
        let value = value(field, &path, cells)?;
        fields.insert(name, value);
    }
    Ok(fields)
}

fn value(field: Field, column: &str, cells: &mut Cells) -> Result<Value, String> {
    cells.count(column)?;
    Ok(match field {
        Field::Null => Value::Null,
        Field::Bool(truth) => truth.into(),
        Field::Byte(number) => number.into(),
        Field::Short(number) => number.into(),
        Field::Int(number) => number.into(),
        Field::Long(number) => number.into(),
        Field::UByte(number) => number.into(),
        Field::UShort(number) => number.into(),
        Field::UInt(number) => number.into(),
        Field::ULong(number) => number.into(),
        Field::Float(number) => f64::from(number).into(),
        Field::Double(number) => number.into(),
        Field::Str(text) => text.into(),
        Field::Bytes(bytes) => cells.bytes(bytes.data(), column),
        Field::Group(row) => Value::Object(fields(row, column, cells)?),
        Field::ListInternal(list) => list
            .elements()
            .iter()
            .map(|element| value(element.clone(), column, cells))
            .collect::<Result<_, _>>()?,
        other => return Err(format!("column `{column}` holds `{other}`, of a type that no task reads")),
    })
}
