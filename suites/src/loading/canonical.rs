//! The content of a definition as one byte sequence, whatever its layout, order of keys or comments.

use sha2::{Digest, Sha256};
use toml::de::{DeTable, DeValue};

/// Words for readers. They may be polished without a new version.
const PROSE: &[&str] = &["title", "about", "version"];

/// The hash of a definition's meaning: its keys and values without prose, together with what it inherits.
pub(crate) fn meaning_sha256(table: &DeTable<'_>, inherited: Option<&DeTable<'_>>, skip: &[&str]) -> String {
    let mut text = String::new();
    write_table(&mut text, table, skip);
    if let Some(table) = inherited {
        write_table(&mut text, table, &[]);
    }
    dyno_protocol::codec::hex(&Sha256::digest(text.as_bytes()))
}

fn write_table(text: &mut String, table: &DeTable<'_>, skip: &[&str]) {
    let mut entries: Vec<(&str, &DeValue<'_>)> = table
        .iter()
        .map(|(key, value)| (key.get_ref().as_ref(), value.get_ref()))
        .filter(|(key, _)| !PROSE.contains(key) && !skip.contains(key))
        .collect();
    entries.sort_by_key(|(key, _)| *key);
    text.push('{');
    for (key, value) in entries {
        write_text(text, key);
        text.push('=');
        write_value(text, value);
        text.push(',');
    }
    text.push('}');
}

fn write_value(text: &mut String, value: &DeValue<'_>) {
    match value {
        DeValue::String(string) => write_text(text, string),
        DeValue::Integer(integer) => text.push_str(&integer.to_string()),
        DeValue::Float(float) => text.push_str(&float.to_string()),
        DeValue::Boolean(flag) => text.push_str(if *flag { "true" } else { "false" }),
        DeValue::Datetime(datetime) => text.push_str(&datetime.to_string()),
        DeValue::Array(array) => {
            text.push('[');
            for value in array {
                write_value(text, value.get_ref());
                text.push(',');
            }
            text.push(']');
        }
        DeValue::Table(table) => write_table(text, table, &[]),
    }
}

/// Length first, so that no text can imitate structure.
fn write_text(text: &mut String, string: &str) {
    text.push_str(&string.len().to_string());
    text.push(':');
    text.push_str(string);
}

#[cfg(test)]
mod tests {
    use super::meaning_sha256;
    use toml::de::DeTable;

    fn hash(text: &str) -> String {
        meaning_sha256(DeTable::parse(text).unwrap().get_ref(), None, &[])
    }

    #[test]
    fn layout_and_prose_do_not_count_and_values_do() {
        let written = hash("title = 'A'\na = 1\nb = { c = 'x' }\n");
        assert_eq!(written, hash("# words\nb.c = \"x\"\na    = 1\ntitle = 'B'\n"));
        assert_ne!(written, hash("a = 2\nb = { c = 'x' }\n"));
        assert_ne!(written, hash("a = 1\nb = { c = 'x,' }\n"));
        assert_ne!(written, hash("a = 1\nb = { c = 'x' }\nd = 1\n"));
    }
}
