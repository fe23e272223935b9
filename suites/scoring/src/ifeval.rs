//! Verifiable instructions of a row, judged as the published evaluation does.

use dyno_answers::ifeval::{instructions, judge};
use serde_json::{Map, Value};

/// Whether every instruction that the row names is followed; `loose` also tries the response without its first
/// line, its last line, and its asterisks. A row whose instructions cannot be read is followed by nobody.
pub(crate) fn follows_all(fields: &Map<String, Value>, response: &str, loose: bool) -> bool {
    instructions(fields).is_ok_and(|instructions| {
        let followed = judge(&instructions, response);
        !instructions.is_empty() && if loose { followed.all_loose() } else { followed.all_strict() }
    })
}
