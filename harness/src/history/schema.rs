//! The tables, their version, and the check whether this version may read them.

use std::path::Path;

use rusqlite::Connection;

use super::HistoryError;

/// Raised with every change of the tables. An older file is made anew from bundles; a newer one is refused by name.
pub(super) const FORMAT: i64 = 1;

/// `DYNO` as the file format's own mark of whose file it is.
const APPLICATION: i64 = 0x4459_4e4f;

const TABLES: &str = "
CREATE TABLE bundle (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    run_id TEXT NOT NULL,
    path TEXT NOT NULL,
    started_at TEXT NOT NULL,
    added_at TEXT NOT NULL,
    trials INTEGER NOT NULL
);
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    -- The cell without versions and side: what stays one series while its definition changes.
    key TEXT NOT NULL UNIQUE,
    suite TEXT NOT NULL,
    case_id TEXT NOT NULL,
    model TEXT NOT NULL,
    quant TEXT NOT NULL,
    engine TEXT NOT NULL,
    device TEXT NOT NULL
);
CREATE TABLE sitting (
    id INTEGER PRIMARY KEY,
    bundle INTEGER NOT NULL REFERENCES bundle(id) ON DELETE CASCADE,
    session TEXT NOT NULL,
    at TEXT NOT NULL,
    device_id TEXT NOT NULL,
    os_build TEXT,
    build TEXT NOT NULL,
    version TEXT NOT NULL
);
CREATE TABLE point (
    series INTEGER NOT NULL REFERENCES series(id),
    metric TEXT NOT NULL,
    sitting INTEGER NOT NULL REFERENCES sitting(id) ON DELETE CASCADE,
    evidence TEXT NOT NULL,
    definition TEXT NOT NULL,
    weights TEXT,
    battery_health_percent INTEGER,
    value REAL NOT NULL,
    trials INTEGER NOT NULL
);
CREATE INDEX point_of_series ON point(series, metric);
CREATE INDEX point_of_sitting ON point(sitting);
CREATE INDEX sitting_of_bundle ON sitting(bundle);
CREATE INDEX sitting_of_device ON sitting(device_id);
-- What builds measured against themselves differed by.
CREATE TABLE against_itself (
    bundle INTEGER NOT NULL REFERENCES bundle(id) ON DELETE CASCADE,
    device_id TEXT NOT NULL,
    metric TEXT NOT NULL,
    effect REAL NOT NULL,
    error REAL NOT NULL
);
CREATE INDEX against_itself_of_device ON against_itself(device_id, metric);
CREATE TABLE annotation (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    text TEXT NOT NULL
);
";

/// Makes an empty file a history, and refuses what is none or too new.
pub(super) fn prepare(connection: &mut Connection, path: &Path) -> Result<(), HistoryError> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    // A file that is no database at all says so at the first question.
    let format = number("user_version").map_err(|_| HistoryError::Foreign { path: path.to_owned() })?;
    let application = number("application_id")?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    if tables > 0 && application != APPLICATION {
        return Err(HistoryError::Foreign { path: path.to_owned() });
    }
    if format > FORMAT {
        return Err(HistoryError::Newer { path: path.to_owned(), found: format });
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    // Two processes may meet an empty file: one makes the tables, the other waits and finds them.
    let work = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let format: i64 = work.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if format < FORMAT {
        work.execute_batch(TABLES)?;
        work.pragma_update(None, "application_id", APPLICATION)?;
        work.pragma_update(None, "user_version", FORMAT)?;
    }
    work.commit()?;
    Ok(())
}
