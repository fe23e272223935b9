//! Events of Dyno's own bundles, also older ones: what they imported comes along, what they measured does
//! not become third-party by being read here.

use serde_json::Value;

use crate::bundle::{Event, EventBody};
use crate::foreign::{ForeignRow, ForeignSource};

use super::error::Mistake;
use super::lenient;

pub(super) fn is(value: &Value) -> bool {
    value.get("seq").is_some_and(Value::is_u64) && lenient::text(value, &["body", "event"]).is_some()
}

pub(super) fn read(text: &str) -> Result<Vec<(ForeignSource, Vec<ForeignRow>)>, Mistake> {
    let mut found = Vec::new();
    for (number, line) in lenient::lines(text) {
        let event: Event = serde_json::from_str(line).map_err(|error| {
            Mistake::new(
                number,
                format!("this event cannot be read: {error}"),
                "a newer dyno may have written it; see `dyno verify`",
            )
        })?;
        if let EventBody::Imported { source, rows } = event.body {
            found.push((source, rows));
        }
    }
    if found.is_empty() {
        let hint =
            "give the run itself to `dyno report` or `dyno compare`; its own measurements need no import";
        return Err(Mistake::new(0, "these are events of a Dyno run that imported nothing", hint));
    }
    Ok(found)
}
